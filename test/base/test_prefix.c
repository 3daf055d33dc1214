/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_prefix.c - base/prefix.h: a table, then random prefixes against a bit-by-bit twin. */
#include "base/prefix.h"

#include "test/lib/cmocka.h"
#include "test/lib/env.h"
#include "test/lib/ip.h"

/* ---- one prefix ---- */

static const struct {
        int number;
        const char *prefix, *first, *last;
} ranges[] = {
        {1, "0.0.0.0/0", "0.0.0.0", "255.255.255.255"},
        {2, "255.255.255.255/0", "0.0.0.0", "255.255.255.255"},
        {3, "255.255.255.255/1", "128.0.0.0", "255.255.255.255"},
        {4, "10.255.255.255/7", "10.0.0.0", "11.255.255.255"},
        {5, "10.255.255.255/8", "10.0.0.0", "10.255.255.255"},
        {6, "10.255.255.255/9", "10.128.0.0", "10.255.255.255"},
        {7, "192.0.2.1/31", "192.0.2.0", "192.0.2.1"},
        {8, "192.0.2.1/32", "192.0.2.1", "192.0.2.1"},
        {9, "::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
        {10, "ffff::1/1", "8000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
        {11, "2001:db8:0:1::1/63", "2001:db8::", "2001:db8:0:1:ffff:ffff:ffff:ffff"},
        {12, "2001:db8:0:1::1/64", "2001:db8:0:1::", "2001:db8:0:1:ffff:ffff:ffff:ffff"},
        {13, "2001:db8::ffff:0:0:1/65", "2001:db8::8000:0:0:0", "2001:db8::ffff:ffff:ffff:ffff"},
        {14, "fd00::ff/127", "fd00::fe", "fd00::ff"},
        {15, "fd00::ff/128", "fd00::ff", "fd00::ff"},
};

static void test_ranges(void **state WG_UNUSED)
{
        for (size_t i = 0; i < WG_ARRAY_SIZE(ranges); i++) {
                struct wg_prefix prefix = test_prefix(ranges[i].prefix);
                struct wg_ip first = test_ip(ranges[i].first), last = test_ip(ranges[i].last);
                struct wg_ip found = wg_prefix_last(&prefix);
                uint8_t cidr = prefix.cidr;

                wg_prefix_mask(&prefix);
                if (!wg_ip_equal(&prefix.ip, &first) || prefix.cidr != cidr ||
                    !wg_ip_equal(&found, &last))
                        fail_msg("range %d (%s)", ranges[i].number, ranges[i].prefix);
                assert_true(wg_prefix_contains(&prefix, &first));
                assert_true(wg_prefix_contains(&prefix, &last));
        }
}

static const struct {
        int number;
        const char *mask;
        int len;
} netmasks[] = {
        {1, "0.0.0.0", 0},
        {2, "128.0.0.0", 1},
        {3, "255.255.255.0", 24},
        {4, "255.255.255.255", 32},
        {5, "0.0.0.1", -1},
        {6, "255.0.255.0", -1},
        {7, "255.255.255.253", -1},
        {8, "127.255.255.255", -1},
        {9, "::", 0},
        {10, "::1", -1},
        {11, "ffff:ffff:ffff:fffe::", 63},
        {12, "ffff:ffff:ffff:ffff::", 64},
        {13, "ffff:ffff:ffff:ffff:8000::", 65},
        {14, "ffff:ffff:ffff:ffff:4000::", -1},
        {15, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 128},
};

static void test_netmasks(void **state WG_UNUSED)
{
        for (size_t i = 0; i < WG_ARRAY_SIZE(netmasks); i++) {
                struct wg_ip mask = test_ip(netmasks[i].mask);

                if (wg_prefix_netmask_len(&mask) != netmasks[i].len)
                        fail_msg("netmask %d (%s)", netmasks[i].number, netmasks[i].mask);
        }
        for (int len = 0; len <= 128; len++) {
                struct wg_prefix ones = {.ip.family = WG_FAMILY_IPV6, .cidr = (uint8_t)len};

                memset(ones.ip.bytes, 0xff, sizeof(ones.ip.bytes));
                wg_prefix_mask(&ones);
                assert_int_equal(wg_prefix_netmask_len(&ones.ip), len);
        }
}

/* ---- two prefixes ---- */

enum relation { APART, COVERS, IS_COVERED, SAME };

static const struct {
        int number;
        const char *a, *b;
        enum relation relation;
        int common; /* -1: different families */
} pairs[] = {
        {1, "0.0.0.0/0", "0.0.0.0/0", SAME, 0},
        {2, "0.0.0.0/0", "::/0", APART, -1},
        {3, "0.0.0.0/32", "::/32", APART, -1},
        {4, "0.0.0.0/0", "255.255.255.255/32", COVERS, 0},
        {5, "10.0.0.0/8", "10.0.0.0/8", SAME, 8},
        {6, "10.0.0.0/8", "10.255.0.1/8", SAME, 8},
        {7, "10.0.0.0/8", "10.0.0.0/9", COVERS, 8},
        {8, "10.0.0.0/8", "11.0.0.0/8", APART, 7},
        {9, "10.0.0.0/8", "10.0.0.0/7", IS_COVERED, 7},
        {10, "192.0.2.0/31", "192.0.2.1/32", COVERS, 31},
        {11, "192.0.2.0/32", "192.0.2.1/32", APART, 31},
        {12, "192.0.2.1/32", "192.0.2.1/32", SAME, 32},
        {13, "::/0", "ffff::/128", COVERS, 0},
        {14, "2001:db8::/63", "2001:db8:0:1::/64", COVERS, 63},
        {15, "2001:db8::/64", "2001:db8:0:1::/64", APART, 63},
        {16, "2001:db8::/64", "2001:db8::1/128", COVERS, 64},
        {17, "2001:db8::8000:0:0:0/65", "2001:db8::/65", APART, 64},
        {18, "fd00::1/128", "fd00::1/128", SAME, 128},
        {19, "fd00::1/128", "fd00::/127", IS_COVERED, 127},
};

static void test_pairs(void **state WG_UNUSED)
{
        for (size_t i = 0; i < WG_ARRAY_SIZE(pairs); i++) {
                struct wg_prefix a = test_prefix(pairs[i].a), b = test_prefix(pairs[i].b);
                enum relation relation = pairs[i].relation;
                bool covers = relation == COVERS || relation == SAME;
                bool is_covered = relation == IS_COVERED || relation == SAME;

                if (wg_prefix_covers(&a, &b) != covers || wg_prefix_covers(&b, &a) != is_covered ||
                    wg_prefix_overlaps(&a, &b) != (relation != APART) ||
                    wg_prefix_overlaps(&b, &a) != (relation != APART) ||
                    (pairs[i].common >= 0 && (wg_prefix_common(&a, &b) != pairs[i].common ||
                                              wg_prefix_common(&b, &a) != pairs[i].common)))
                        fail_msg("pair %d (%s, %s)", pairs[i].number, pairs[i].a, pairs[i].b);
        }
}

/* ---- against the twin ---- */

static bool bit_of(const struct wg_ip *ip, unsigned int bit)
{
        return ip->bytes[bit / 8] >> (7 - bit % 8) & 1;
}

static bool twin_contains(const struct wg_prefix *prefix, const struct wg_ip *ip)
{
        if (prefix->ip.family != ip->family)
                return false;
        for (unsigned int bit = 0; bit < prefix->cidr; bit++)
                if (bit_of(&prefix->ip, bit) != bit_of(ip, bit))
                        return false;
        return true;
}

/* The prefix with all host bits set to one value. */
static struct wg_ip twin_fill(const struct wg_prefix *prefix, bool value)
{
        struct wg_ip ip = {.family = prefix->ip.family};

        for (unsigned int bit = 0; bit < wg_ip_bits(&ip); bit++)
                if (bit < prefix->cidr ? bit_of(&prefix->ip, bit) : value)
                        ip.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
        return ip;
}

/* Both ends of a prefix are inside the other one exactly if everything in between is. */
static bool twin_covers(const struct wg_prefix *outer, const struct wg_prefix *inner)
{
        struct wg_ip first = twin_fill(inner, false), last = twin_fill(inner, true);

        return twin_contains(outer, &first) && twin_contains(outer, &last);
}

static bool twin_overlaps(const struct wg_prefix *a, const struct wg_prefix *b)
{
        struct wg_ip a_first = twin_fill(a, false), b_first = twin_fill(b, false);

        return twin_contains(a, &b_first) || twin_contains(b, &a_first);
}

static unsigned int twin_common(const struct wg_prefix *a, const struct wg_prefix *b)
{
        unsigned int bit = 0;

        while (bit < a->cidr && bit < b->cidr && bit_of(&a->ip, bit) == bit_of(&b->ip, bit))
                bit++;
        return bit;
}

/* Half of them differ from `near` in one bit, and in the bits after it. */
static struct wg_prefix random_prefix(struct test_env *t, const struct wg_prefix *near)
{
        struct wg_prefix prefix = {.ip.family = test_env_below(t, 2) ? WG_FAMILY_IPV4
                                                                     : WG_FAMILY_IPV6};
        unsigned int bit;

        test_env_fill(t, prefix.ip.bytes, wg_ip_bits(&prefix.ip) / 8);
        if (near && test_env_below(t, 2)) {
                prefix.ip = near->ip;
                bit = test_env_below(t, wg_ip_bits(&prefix.ip));
                prefix.ip.bytes[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
                test_env_fill(t, prefix.ip.bytes + bit / 8 + 1,
                              wg_ip_bits(&prefix.ip) / 8 - bit / 8 - 1);
        }
        prefix.cidr = (uint8_t)test_env_below(t, wg_ip_bits(&prefix.ip) + 1);
        return prefix;
}

static void check_twin(const struct wg_prefix *a, const struct wg_prefix *b, int round)
{
        struct wg_prefix masked = *a;
        struct wg_ip first = twin_fill(a, false), last = twin_fill(a, true);
        struct wg_ip found = wg_prefix_last(a);

        wg_prefix_mask(&masked);
        if (!wg_ip_equal(&masked.ip, &first) || masked.cidr != a->cidr ||
            !wg_ip_equal(&found, &last))
                fail_msg("round %d: first or last address", round);
        if (wg_prefix_contains(a, &b->ip) != twin_contains(a, &b->ip) ||
            wg_prefix_covers(a, b) != twin_covers(a, b) ||
            wg_prefix_overlaps(a, b) != twin_overlaps(a, b))
                fail_msg("round %d: contains, covers or overlaps", round);
        if (a->ip.family == b->ip.family && wg_prefix_common(a, b) != twin_common(a, b))
                fail_msg("round %d: common", round);
}

static void test_twin(void **state WG_UNUSED)
{
        struct test_env t;

        test_env_init(&t, test_seed("prefix"));
        for (int round = 0; round < 50000; round++) {
                struct wg_prefix a = random_prefix(&t, NULL), b = random_prefix(&t, &a);

                check_twin(&a, &b, round);
                check_twin(&b, &a, round);
        }
}

/* ---- addresses as words ---- */

static void test_bits(void **state WG_UNUSED)
{
        struct test_env t;

        test_env_init(&t, test_seed("prefix, bits"));
        for (int round = 0; round < 1000; round++) {
                struct wg_prefix prefix = random_prefix(&t, NULL);
                struct wg_ip stored = {0};
                uint64_t bits[2], masked[2];

                wg_ip_load_bits(bits, prefix.ip.family, prefix.ip.bytes);
                for (unsigned int bit = 0; bit < 128; bit++)
                        assert_int_equal(bits[bit / 64] >> (63 - bit % 64) & 1,
                                         bit_of(&prefix.ip, bit));
                wg_ip_store_bits(&stored, prefix.ip.family, bits);
                assert_true(wg_ip_equal(&stored, &prefix.ip));
                memcpy(masked, bits, sizeof(bits));
                wg_ip_mask_bits(masked, prefix.cidr);
                assert_true(wg_ip_common_bits(masked, bits) >= prefix.cidr);
                assert_int_equal(wg_ip_common_bits(bits, bits), 128);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_ranges), cmocka_unit_test(test_netmasks),
                cmocka_unit_test(test_pairs),  cmocka_unit_test(test_twin),
                cmocka_unit_test(test_bits),
        };

        return cmocka_run_group_tests_name("prefix", tests, NULL, NULL);
}
