/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_checksum.c - base/checksum.h against a sum that adds each carry back at once. */
#include "base/checksum.h"

#include "test/lib/cmocka.h"
#include "test/lib/env.h"
#include "test/lib/packet.h"

/* The value of a checksum field. */
static uint16_t as_number(uint16_t folded)
{
        uint8_t field[2];

        wg_checksum_store(field, folded);
        return wg_be16_load(field);
}

static uint16_t checksum_of(uint64_t sum)
{
        return as_number(wg_checksum_fold(sum));
}

static void test_fold(void **state WG_UNUSED)
{
        assert_int_equal(wg_checksum_fold(0), 0xffff);
        assert_int_equal(wg_checksum_fold(0xfffe), 1);
        assert_int_equal(wg_checksum_fold(0xffff), 0);
        assert_int_equal(wg_checksum_fold(0x10000), 0xfffe);
        assert_int_equal(wg_checksum_fold(UINT32_MAX), 0);
        assert_int_equal(wg_checksum_fold(UINT64_MAX), 0);
        assert_int_equal(checksum_of(wg_checksum_of(0x1234)), 0xedcb);
}

static void test_join(void **state WG_UNUSED)
{
        static const uint64_t sums[] = {0,          1,          0xffff,         0x10000,
                                        UINT32_MAX, UINT64_MAX, UINT64_MAX - 1, (uint64_t)1 << 32};

        for (size_t i = 0; i < WG_ARRAY_SIZE(sums); i++)
                for (size_t j = 0; j < WG_ARRAY_SIZE(sums); j++) {
                        uint64_t sum = wg_checksum_join(sums[i], sums[j]);

                        assert_true(sum < UINT64_C(1) << 33);
                        /* Both are sums of 32-bit words, and so also modulo 2^16 - 1. */
                        assert_int_equal(sum % 0xffff,
                                         (sums[i] % 0xffff + sums[j] % 0xffff) % 0xffff);
                        assert_int_equal(sum == 0, !sums[i] && !sums[j]);
                }
}

/* Every short length, random bytes and bytes with all carries; then long ones, in two pieces. */
static void test_add(void **state WG_UNUSED)
{
        static uint8_t bytes[65536];
        struct test_env t;

        test_env_init(&t, test_seed("checksum, add"));
        assert_int_equal(wg_checksum_add(0, NULL, 0), 0);
        for (int round = 0; round < 2; round++) {
                test_env_fill(&t, bytes, sizeof(bytes));
                if (round)
                        memset(bytes, 0xff, sizeof(bytes));
                for (size_t len = 1; len < 300; len++)
                        assert_int_equal(checksum_of(wg_checksum_add(0, bytes + len % 8, len)),
                                         packet_checksum(bytes + len % 8, len));
        }
        assert_int_equal(checksum_of(wg_checksum_add(UINT64_MAX, bytes, sizeof(bytes))), 0);
        for (int round = 0; round < 100; round++) {
                size_t len = 1 + test_env_below(&t, sizeof(bytes)), first = len / 2 & ~(size_t)1;
                uint64_t sum;

                test_env_fill(&t, bytes, len);
                sum = wg_checksum_add(0, bytes, first);
                sum = wg_checksum_add(sum, bytes + first, len - first);
                assert_true(sum < UINT64_C(1) << 33);
                assert_int_equal(checksum_of(sum), packet_checksum(bytes, len));
        }
}

static void test_pseudo_headers(void **state WG_UNUSED)
{
        uint8_t addresses[32], pseudo[40], packet[WG_IPV6_HEADER_LEN];
        struct test_env t;

        test_env_init(&t, test_seed("checksum, pseudo headers"));
        for (int round = 0; round < 10000; round++) {
                uint8_t protocol = (uint8_t)test_env_random(&t);
                uint32_t len = (uint32_t)test_env_random(&t) >> test_env_below(&t, 32);

                test_env_fill(&t, addresses, sizeof(addresses));
                memset(pseudo, 0, sizeof(pseudo));
                memcpy(pseudo, addresses, 32);
                wg_be32_store(pseudo + 32, len);
                pseudo[39] = protocol;
                assert_int_equal(checksum_of(wg_checksum_pseudo(WG_FAMILY_IPV6, addresses,
                                                                addresses + 16, protocol, len)),
                                 packet_checksum(pseudo, 40));
                memcpy(packet + WG_IPV6_AT_SOURCE, addresses, 32);
                assert_true(wg_checksum_pseudo_of(packet, WG_FAMILY_IPV6, protocol, len) ==
                            wg_checksum_pseudo(WG_FAMILY_IPV6, addresses, addresses + 16, protocol,
                                               len));
                len &= 0xffff;
                memset(pseudo, 0, sizeof(pseudo));
                memcpy(pseudo, addresses + 3, 4);
                memcpy(pseudo + 4, addresses + 9, 4);
                pseudo[9] = protocol;
                wg_be16_store(pseudo + 10, (uint16_t)len);
                assert_int_equal(checksum_of(wg_checksum_pseudo(WG_FAMILY_IPV4, addresses + 3,
                                                                addresses + 9, protocol, len)),
                                 packet_checksum(pseudo, 12));
                memcpy(packet + WG_IPV4_AT_SOURCE, pseudo, 8);
                assert_true(wg_checksum_pseudo_of(packet, WG_FAMILY_IPV4, protocol, len) ==
                            wg_checksum_pseudo(WG_FAMILY_IPV4, addresses + 3, addresses + 9,
                                               protocol, len));
        }
}

/* When fields of a header change one after the other, the updated checksum equals a new one. */
static void test_update(void **state WG_UNUSED)
{
        uint8_t header[WG_IPV4_HEADER_LEN];
        struct test_env t;

        test_env_init(&t, test_seed("checksum, update"));
        packet_ipv4(header, sizeof(header), 0x0a000001, 0x0a000002);
        for (int round = 0; round < 200000; round++) {
                static const uint8_t fields[] = {0, WG_IPV4_AT_TOTAL_LEN, WG_IPV4_AT_ID,
                                                 WG_IPV4_AT_TTL};
                uint8_t *field = header + fields[test_env_below(&t, sizeof(fields))];
                uint8_t updated[2];
                uint64_t before = wg_checksum_at(field);

                test_env_fill(&t, field, 2);
                wg_checksum_update(header + WG_IPV4_AT_CHECKSUM, before, wg_checksum_at(field));
                memcpy(updated, header + WG_IPV4_AT_CHECKSUM, sizeof(updated));
                packet_fix_ipv4(header);
                assert_memory_equal(updated, header + WG_IPV4_AT_CHECKSUM, sizeof(updated));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_fold),   cmocka_unit_test(test_join),
                cmocka_unit_test(test_add),    cmocka_unit_test(test_pseudo_headers),
                cmocka_unit_test(test_update),
        };

        return cmocka_run_group_tests_name("checksum", tests, NULL, NULL);
}
