/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_overlap.c - net/overlap.h: tables, then random LANs against a twin that compares all pairs.
 */
#include "net/overlap.h"

#include "test/lib/cmocka.h"
#include "test/lib/env.h"
#include "test/lib/ip.h"

enum { LANS_MAX = 24 };

/* A LAN at line `line`, with mapped prefix 10.200.line.0 of its length. */
static struct tl_lan make_lan(uint32_t site, struct wg_prefix prefix, uint32_t line)
{
        struct tl_lan lan = {
                .site = site, .prefix = prefix, .wire = prefix, .at = {line, 1}, .mapped = prefix};

        lan.mapped.ip = (struct wg_ip){WG_FAMILY_IPV4, {10, 200, (uint8_t)line}};
        if (prefix.ip.family != WG_FAMILY_IPV4)
                lan.mapped = (struct wg_prefix){0};
        return lan;
}

static void map(struct tl_lan *lans, uint32_t count, struct wg_prefix pool)
{
        const struct tl_placed_prefix placed = {pool, {99, 1}};
        struct tl_arena arena = {0};

        assert_true(tl_overlap_map(lans, count, &placed, &arena));
        tl_arena_done(&arena);
}

/* ---- tables ---- */

/* LANs of sites 0, 1 and so on, unless a letter in front gives the site. Of each LAN, the line of
 * what overlaps it; 0: nothing. Lines are numbered from 1; the pool, 10.70.0.0/16, is line 99. */
static const struct {
        int number;
        const char *lans[5];
        uint32_t overlaps[5];
} rows[] = {
        {1, {"192.168.1.0/24"}, {0}},
        {2, {"192.168.1.0/24", "192.168.2.0/24"}, {0, 0}},
        {3, {"192.168.1.0/24", "192.168.1.0/24"}, {2, 1}},
        {4, {"192.168.1.0/25", "192.168.1.128/25"}, {0, 0}},
        /* Three sites with one prefix, in any order. */
        {5, {"192.168.1.0/24", "192.168.1.0/24", "192.168.1.0/24"}, {2, 1, 2}},
        /* A LAN within another one, and both around a third. */
        {6, {"192.168.0.0/16", "192.168.1.0/24"}, {2, 1}},
        {7, {"192.168.1.0/24", "192.168.0.0/16"}, {2, 1}},
        {8, {"192.168.1.7/32", "192.168.0.0/16", "192.168.1.0/24"}, {3, 3, 2}},
        {9, {"192.168.0.0/16", "192.168.1.0/24", "192.168.9.0/24"}, {2, 1, 1}},
        /* Two LANs of one site are a mistake, and not mapped for it; but what is behind counts. */
        {10, {"a192.168.1.0/24", "a192.168.1.0/24"}, {0, 0}},
        {11, {"a192.168.0.0/16", "a192.168.1.0/24", "b192.168.1.7/32"}, {3, 3, 2}},
        {12, {"b192.168.0.0/16", "a192.168.1.0/24", "a192.168.1.7/32"}, {2, 1, 1}},
        /* The pool. A LAN that has all of it is a mistake. */
        {13, {"10.70.3.0/24", "10.71.0.0/24"}, {99, 0}},
        {14, {"10.70.0.0/16"}, {0}},
        {15, {"10.0.0.0/8"}, {0}},
        {16, {"10.70.3.0/24", "10.70.3.0/24"}, {2, 1}},
        {17, {"10.0.0.0/8", "10.70.3.0/24"}, {2, 1}},
        /* IPv6 has no mapped prefixes. */
        {18, {"fd77::/64", "fd77::/64"}, {0, 0}},
};

static void test_rows(void **state WG_UNUSED)
{
        for (size_t i = 0; i < WG_ARRAY_SIZE(rows); i++) {
                struct tl_lan lans[WG_ARRAY_SIZE(rows->lans)];
                uint32_t count = 0;

                for (; count < WG_ARRAY_SIZE(rows->lans) && rows[i].lans[count]; count++) {
                        const char *text = rows[i].lans[count];
                        bool has_site = *text == 'a' || *text == 'b';

                        lans[count] = make_lan(has_site ? (uint32_t)(*text - 'a') : count,
                                               test_prefix(text + has_site), count + 1);
                }
                map(lans, count, test_prefix("10.70.0.0/16"));
                for (uint32_t k = 0; k < count; k++) {
                        const struct wg_prefix *wire = rows[i].overlaps[k] ? &lans[k].mapped
                                                                           : &lans[k].prefix;

                        if (lans[k].overlap.line != rows[i].overlaps[k])
                                fail_msg("row %d, LAN %u: line %u", rows[i].number, k + 1,
                                         lans[k].overlap.line);
                        assert_int_equal(tl_lan_is_mapped(&lans[k]), rows[i].overlaps[k] != 0);
                        assert_true(wg_ip_equal(&lans[k].wire.ip, &wire->ip));
                        assert_int_equal(lans[k].wire.cidr, wire->cidr);
                }
        }
        map(NULL, 0, test_prefix("10.70.0.0/16"));
        map(NULL, 0, (struct wg_prefix){0});
}

/* ---- the twin ---- */

static bool overlaps(const struct tl_lan *a, const struct tl_lan *b)
{
        return a->site != b->site && wg_prefix_overlaps(&a->prefix, &b->prefix);
}

static void check(const struct tl_lan *lans, uint32_t count, const struct wg_prefix *pool)
{
        for (uint32_t i = 0; i < count; i++) {
                const struct tl_lan *lan = &lans[i];
                bool overlaps_lan = false, is_in_pool = wg_prefix_covers(pool, &lan->prefix) &&
                                                        lan->prefix.cidr != pool->cidr;

                for (uint32_t k = 0; k < count; k++)
                        overlaps_lan |= overlaps(lan, &lans[k]);
                assert_int_equal(tl_lan_is_mapped(lan), overlaps_lan || is_in_pool);
                if (overlaps_lan) {
                        assert_int_equal(lan->overlap_lan, lan->overlap.line - 1);
                        assert_true(overlaps(lan, &lans[lan->overlap_lan]));
                } else {
                        assert_int_equal(lan->overlap.line, is_in_pool ? 99 : 0);
                        assert_true(!is_in_pool || lan->overlap_lan == TL_MODEL_NONE);
                }
        }
}

static void test_twin(void **state WG_UNUSED)
{
        struct test_env t;

        test_env_init(&t, test_seed("overlap"));
        for (int round = 0; round < 20000; round++) {
                struct wg_prefix pool = {{WG_FAMILY_IPV4, {10, 0, 0, 0}}, 28};
                uint32_t count = test_env_below(&t, LANS_MAX + 1);
                uint32_t sites = 1 + test_env_below(&t, LANS_MAX);
                struct tl_lan lans[LANS_MAX];

                for (uint32_t i = 0; i < count; i++) {
                        struct wg_prefix prefix = {
                                {WG_FAMILY_IPV4, {10, 0, 0, (uint8_t)test_env_below(&t, 64)}},
                                (uint8_t)(26 + test_env_below(&t, 7))};

                        wg_prefix_mask(&prefix);
                        lans[i] = make_lan(test_env_below(&t, sites), prefix, i + 1);
                }
                map(lans, count, pool);
                check(lans, count, &pool);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rows),
                cmocka_unit_test(test_twin),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
