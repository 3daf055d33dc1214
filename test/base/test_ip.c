/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "base/ip.h"

#include "test/lib/cmocka.h"
#include "test/lib/env.h"
#include "test/lib/packet.h"

/* The first bytes of packets of `len` bytes; the rest is zero. */
static const struct {
        int number;
        const char *what;
        uint8_t bytes[6];
        size_t len;
        uint8_t family, tos;
        uint32_t header_says;
} cases[] = {
        {1, "nothing", {0}, 0, WG_FAMILY_NONE, 0, 0},
        {2, "IPv4, one byte short", {0x45, 0, 0, 20}, 19, WG_FAMILY_NONE, 0, 0},
        {3, "IPv4, only a header", {0x45, 0xb9, 0, 20}, 20, WG_FAMILY_IPV4, 0xb9, 20},
        {4, "IPv4, length beyond the packet", {0x4f, 1, 0xff, 0xff}, 20, WG_FAMILY_IPV4, 1, 65535},
        {5, "IPv4, length below that of a header", {0x45, 0, 0, 3}, 100, WG_FAMILY_IPV4, 0, 3},
        {6, "IPv6, one byte short", {0x60}, 39, WG_FAMILY_NONE, 0, 0},
        {7, "IPv6, only a header", {0x6a, 0x5f, 0xff, 0xff, 0, 0}, 40, WG_FAMILY_IPV6, 0xa5, 40},
        {8, "IPv6, the longest", {0x60, 0, 0, 0, 0xff, 0xff}, 40, WG_FAMILY_IPV6, 0, 65575},
        {9, "IPv6 as short as an IPv4 header", {0x60}, 20, WG_FAMILY_NONE, 0, 0},
        {10, "version 5", {0x55}, 100, WG_FAMILY_NONE, 0, 0},
        {11, "version 0", {0x05}, 100, WG_FAMILY_NONE, 0, 0},
        {12, "version 15", {0xf5}, 100, WG_FAMILY_NONE, 0, 0},
};

static void test_parse(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                uint8_t *packet = calloc(1, cases[i].len + 1);
                struct wg_ip_header h;

                assert_non_null(packet);
                memcpy(packet, cases[i].bytes, WG_MIN(cases[i].len, sizeof(cases[i].bytes)));
                h = wg_ip_parse(packet, cases[i].len);
                if (h.family != cases[i].family || h.tos != cases[i].tos ||
                    h.len != cases[i].header_says)
                        fail_msg("case %d (%s)", cases[i].number, cases[i].what);
                if (h.family == WG_FAMILY_IPV4) {
                        assert_ptr_equal(h.source, packet + 12);
                        assert_ptr_equal(h.destination, packet + 16);
                } else if (h.family == WG_FAMILY_IPV6) {
                        assert_ptr_equal(h.source, packet + 8);
                        assert_ptr_equal(h.destination, packet + 24);
                }
                free(packet);
        }
}

/* RFC 3168: packets that support ECN are marked, others stay unchanged. */
static uint8_t marked(uint8_t tos)
{
        return tos & 3 ? tos | 3 : tos;
}

static void check_mark(uint8_t *packet, size_t len)
{
        struct wg_ip_header h = wg_ip_parse(packet, len);
        uint8_t wanted[64];

        assert_true(len <= sizeof(wanted));
        memcpy(wanted, packet, len);
        if (h.family == WG_FAMILY_IPV4) {
                wanted[1] = marked(wanted[1]);
                packet_fix_ipv4(wanted);
        } else {
                wanted[0] = (uint8_t)(0x60 | marked(h.tos) >> 4);
                wanted[1] = (uint8_t)(marked(h.tos) << 4 | (packet[1] & 15));
        }
        wg_ip_mark_congestion(packet, &h);
        assert_memory_equal(packet, wanted, len);
}

/* IPv4 has four significant bytes, IPv6 sixteen, and one never equals the other. */
static void test_same_address(void **state)
{
        uint8_t a[16] = {10, 0, 0, 1}, b[16] = {10, 0, 0, 1};

        (void)state;
        assert_true(wg_ip_is_same_address(WG_FAMILY_IPV4, a, WG_FAMILY_IPV4, b));
        assert_true(wg_ip_is_same_address(WG_FAMILY_IPV6, a, WG_FAMILY_IPV6, b));
        assert_false(wg_ip_is_same_address(WG_FAMILY_IPV4, a, WG_FAMILY_IPV6, b));
        assert_false(wg_ip_is_same_address(WG_FAMILY_NONE, NULL, WG_FAMILY_IPV4, b));
        b[4] = b[15] = 1;
        assert_true(wg_ip_is_same_address(WG_FAMILY_IPV4, a, WG_FAMILY_IPV4, b));
        assert_false(wg_ip_is_same_address(WG_FAMILY_IPV6, a, WG_FAMILY_IPV6, b));
        b[3] = 2;
        assert_false(wg_ip_is_same_address(WG_FAMILY_IPV4, a, WG_FAMILY_IPV4, b));
}

/* Every type of service, in headers whose other bytes are random. */
static void test_mark_congestion(void **state)
{
        struct test_env t;

        (void)state;
        test_env_init(&t, test_seed("ip"));
        for (unsigned int i = 0; i < 256 * 1000; i++) {
                uint8_t packet[40];

                test_env_fill(&t, packet, sizeof(packet));
                packet[0] = 0x45;
                packet[1] = (uint8_t)i;
                packet_fix_ipv4(packet);
                check_mark(packet, 20);
                test_env_fill(&t, packet, sizeof(packet));
                packet[0] = (uint8_t)(0x60 | (i >> 4 & 15));
                packet[1] = (uint8_t)(i << 4 | (packet[1] & 15));
                check_mark(packet, 40);
        }
}

/* The identification runs through all values, and so does the checksum, including 0. */
static void test_mark_every_checksum(void **state)
{
        (void)state;
        for (uint32_t id = 0; id < 65536; id++) {
                uint8_t packet[20];

                packet_ipv4(packet, sizeof(packet), 0x0a000001, 0x0a000002);
                packet[1] = 2;
                wg_be16_store(packet + 4, (uint16_t)id);
                packet_fix_ipv4(packet);
                check_mark(packet, sizeof(packet));
        }
}

static void test_compare(void **state WG_UNUSED)
{
        static const struct wg_ip none = {0}, small = {WG_FAMILY_IPV4, {9, 255}},
                                  large = {WG_FAMILY_IPV4, {10}}, other = {WG_FAMILY_IPV6, {1}};

        assert_int_equal(wg_ip_compare(&small, &small), 0);
        assert_true(wg_ip_compare(&small, &large) < 0);
        assert_true(wg_ip_compare(&large, &small) > 0);
        assert_true(wg_ip_compare(&large, &other) < 0);
        assert_true(wg_ip_compare(&other, &large) > 0);
        assert_true(wg_ip_compare(&none, &small) < 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parse),
                cmocka_unit_test(test_compare),
                cmocka_unit_test(test_same_address),
                cmocka_unit_test(test_mark_congestion),
                cmocka_unit_test(test_mark_every_checksum),
        };

        return cmocka_run_group_tests_name("ip", tests, NULL, NULL);
}
