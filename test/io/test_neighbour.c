/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/neighbour.h"

#include <string.h>

#include "base/bytes.h"
#include "base/checksum.h"
#include "test/lib/cmocka.h"

static const uint8_t own[] = {0x02, 1, 2, 3, 4, 5}, other[] = {0x52, 0x54, 0, 0x12, 0x34, 0x56};
static const struct wg_ip nobody = {.family = WG_FAMILY_NONE};
static const struct wg_ip target4 = {WG_FAMILY_IPV4, {192, 168, 201, 193}};
static const struct wg_ip node4 = {WG_FAMILY_IPV4, {192, 168, 201, 2}};
static const struct wg_ip target6 = {WG_FAMILY_IPV6,
                                     {0x20, 1, 0x0d, 0xb8, [13] = 0xaa, 0xbb, 0xcc}};
static const struct wg_ip node6 = {WG_FAMILY_IPV6, {0x20, 1, 0x0d, 0xb8, [15] = 2}};

static void test_arp_question(void **state)
{
        static const uint8_t wanted[] = {0, 1, 8, 0, 6, 4, 0, 1, 0x02, 1, 2,   3,   4,   5,
                                         0, 0, 0, 0, 0, 0, 0, 0, 0,    0, 192, 168, 201, 193};
        static const uint8_t everybody[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
        uint8_t packet[TL_NEIGHBOUR_SIZE], to[TL_NEIGHBOUR_MAC_LEN];

        (void)state;
        assert_int_equal(tl_neighbour_ask(packet, to, own, &nobody, &target4), sizeof(wanted));
        assert_memory_equal(packet, wanted, sizeof(wanted));
        assert_memory_equal(to, everybody, sizeof(to));
        assert_int_equal(tl_neighbour_ask(packet, to, own, &node4, &target4), sizeof(wanted));
        assert_memory_equal(packet + 14, node4.bytes, 4);
}

static void test_ndp_question(void **state)
{
        static const uint8_t group[] = {0x33, 0x33, 0xff, 0xaa, 0xbb, 0xcc};
        uint8_t packet[TL_NEIGHBOUR_SIZE], to[TL_NEIGHBOUR_MAC_LEN];

        (void)state;
        assert_int_equal(tl_neighbour_ask(packet, to, own, &nobody, &target6), 64);
        assert_memory_equal(to, group, sizeof(to));
        assert_memory_equal(packet + WG_IPV6_AT_SOURCE, nobody.bytes, 16);
        assert_memory_equal(packet + 48, target6.bytes, 16);
        assert_int_equal(tl_neighbour_ask(packet, to, own, &node6, &target6), 72);
        assert_memory_equal(packet + WG_IPV6_AT_SOURCE, node6.bytes, 16);
        assert_int_equal(packet[64], 1);
        assert_memory_equal(packet + 66, own, 6);
}

/* ---- claims ---- */

static size_t make_arp(uint8_t *packet, uint8_t operation, const struct wg_ip *sender,
                       const struct wg_ip *target)
{
        uint8_t to[TL_NEIGHBOUR_MAC_LEN];
        const struct wg_ip asked = {
                WG_FAMILY_IPV4,
                {target->bytes[0], target->bytes[1], target->bytes[2], target->bytes[3]}};
        size_t len = tl_neighbour_ask(packet, to, other, sender, &asked);

        packet[7] = operation;
        return len;
}

static size_t make_ndp(uint8_t *packet, uint8_t type, uint8_t flags, const struct wg_ip *source)
{
        uint8_t to[TL_NEIGHBOUR_MAC_LEN], *icmp = packet + 40;
        size_t len = tl_neighbour_ask(packet, to, other, source, &target6);

        icmp[0] = type;
        icmp[4] = flags;
        if (type == 136)
                icmp[24] = 2;
        memset(icmp + 2, 0, 2);
        wg_checksum_store(icmp + 2, wg_checksum_fold(wg_checksum_join(
                                            wg_checksum_pseudo_of(packet, WG_FAMILY_IPV6, 58,
                                                                  (uint32_t)len - 40),
                                            wg_checksum_add(0, icmp, len - 40))));
        return len;
}

static void test_arp_claims(void **state)
{
        static const struct {
                uint8_t operation;
                const struct wg_ip *sender, *target;
                bool is_claim, is_question;
                const struct wg_ip *ip;
        } cases[] = {
                {2, &target4, &nobody, true, false, &target4},
                {2, &target4, &node4, true, false, &target4},
                {1, &target4, &node4, true, false, &target4},   /* it asks for others */
                {1, &target4, &target4, true, false, &target4}, /* it announces itself */
                {1, &nobody, &target4, true, true, &target4},
                {2, &nobody, &target4, false, false, NULL},
                {1, &nobody, &nobody, false, false, NULL},
                {3, &target4, &node4, false, false, NULL},
        };

        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                struct tl_neighbour_claim claim = {.is_question = true};
                uint8_t packet[TL_NEIGHBOUR_SIZE];
                size_t len = make_arp(packet, cases[i].operation, cases[i].sender, cases[i].target);

                print_message("case %zu\n", i);
                assert_int_equal(tl_neighbour_read(&claim, WG_FAMILY_IPV4, other, packet, len),
                                 cases[i].is_claim);
                if (!cases[i].is_claim)
                        continue;
                assert_memory_equal(&claim.ip, cases[i].ip, sizeof(claim.ip));
                assert_memory_equal(claim.mac, other, 6);
                assert_int_equal(claim.is_question, cases[i].is_question);
                assert_false(tl_neighbour_read(&claim, WG_FAMILY_IPV4, other, packet, len - 1));
                packet[4] = 8; /* another kind of link */
                assert_false(tl_neighbour_read(&claim, WG_FAMILY_IPV4, other, packet, len));
        }
}

static void test_ndp_claims(void **state)
{
        static const uint8_t sender[] = {6, 6, 6, 6, 6, 6};
        static const struct {
                uint8_t type, flags;
                const struct wg_ip *source;
                bool is_claim;
        } cases[] = {
                {136, 0x20, &node6, true},  {136, 0, &node6, true},
                {136, 0x60, &node6, false}, /* an answer to all that says it is to one */
                {135, 0, &nobody, true},    {135, 0, &node6, false},
                {137, 0, &node6, false},    {133, 0, &nobody, false},
        };

        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                struct tl_neighbour_claim claim = {0};
                uint8_t packet[TL_NEIGHBOUR_SIZE];
                size_t len = make_ndp(packet, cases[i].type, cases[i].flags, cases[i].source);

                print_message("case %zu\n", i);
                assert_int_equal(tl_neighbour_read(&claim, WG_FAMILY_IPV6, sender, packet, len),
                                 cases[i].is_claim);
                if (!cases[i].is_claim)
                        continue;
                assert_memory_equal(&claim.ip, &target6, sizeof(claim.ip));
                assert_memory_equal(claim.mac, cases[i].type == 136 ? other : sender, 6);
                assert_int_equal(claim.is_question, cases[i].type == 135);
        }
}

/* Whatever is changed in an advertisement, the checksum tells, or the length. */
static void test_ndp_damage(void **state)
{
        struct tl_neighbour_claim claim;
        uint8_t packet[TL_NEIGHBOUR_SIZE];
        size_t len = make_ndp(packet, 136, 0x20, &node6);

        (void)state;
        for (size_t at = 0; at < len; at++) {
                bool is_free = at > 0 && at < 4; /* flow label and traffic class */

                packet[at] ^= at == 0 ? 0x10 : 0x55;
                assert_int_equal(tl_neighbour_read(&claim, WG_FAMILY_IPV6, other, packet, len),
                                 is_free);
                packet[at] ^= at == 0 ? 0x10 : 0x55;
        }
        for (size_t shorter = 0; shorter < len; shorter++)
                assert_false(tl_neighbour_read(&claim, WG_FAMILY_IPV6, other, packet, shorter));
        assert_true(tl_neighbour_read(&claim, WG_FAMILY_IPV6, other, packet, len));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_arp_question), cmocka_unit_test(test_ndp_question),
                cmocka_unit_test(test_arp_claims),   cmocka_unit_test(test_ndp_claims),
                cmocka_unit_test(test_ndp_damage),
        };

        return cmocka_run_group_tests_name("neighbour", tests, NULL, NULL);
}
