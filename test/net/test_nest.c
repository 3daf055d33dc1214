/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_nest.c - net/nest.h: tables, then random prefixes against a twin that compares all pairs. */
#include "net/nest.h"

#include "test/lib/cmocka.h"
#include "test/lib/env.h"
#include "test/lib/ip.h"

static struct tl_nest_item item(const char *prefix, uint32_t id)
{
        return (struct tl_nest_item){.prefix = test_prefix(prefix), .id = id};
}

static void test_empty(void **state WG_UNUSED)
{
        struct wg_prefix prefix = test_prefix("10.0.0.0/8");

        tl_nest_sort(NULL, 0);
        assert_int_equal(tl_nest_find(NULL, 0, &prefix.ip), TL_NEST_NONE);
        assert_int_equal(tl_nest_overlap(NULL, 0, &prefix), TL_NEST_NONE);
}

static void test_order(void **state WG_UNUSED)
{
        struct tl_nest_item items[] = {
                item("10.0.2.0/24", 0), item("10.0.0.0/16", 1), item("10.0.2.0/24", 2),
                item("10.0.2.7/32", 3), item("10.1.0.0/16", 4), item("a00::/8", 5),
        };
        static const uint32_t ids[] = {1, 0, 2, 3, 4, 5};
        static const uint32_t outer[] = {TL_NEST_NONE, 0, 1, 2, TL_NEST_NONE, TL_NEST_NONE};

        tl_nest_sort(items, WG_ARRAY_SIZE(items));
        for (size_t i = 0; i < WG_ARRAY_SIZE(items); i++) {
                assert_int_equal(items[i].id, ids[i]);
                assert_int_equal(items[i].outer, outer[i]);
        }
}

static const struct {
        int number;
        const char *ip;
        uint32_t id;
} finds[] = {
        {1, "9.255.255.255", TL_NEST_NONE},
        {2, "10.0.0.0", 0},
        {3, "10.0.2.0", 1},
        {4, "10.0.2.7", 2},
        {5, "10.0.2.8", 1},
        {6, "10.0.255.255", 0},
        {7, "10.1.0.0", TL_NEST_NONE},
        {8, "a00::", TL_NEST_NONE},
};

static const struct {
        int number;
        const char *prefix;
        uint32_t id;
} overlaps[] = {
        {1, "0.0.0.0/0", 0},
        {2, "10.0.0.0/8", 0},
        {3, "10.0.0.0/16", 0},
        {4, "10.0.2.0/25", 1},
        {5, "10.0.2.7/32", 2},
        {6, "10.0.3.0/24", 0},
        {7, "11.0.0.0/8", TL_NEST_NONE},
        {8, "::/0", TL_NEST_NONE},
};

static void test_lookups(void **state WG_UNUSED)
{
        struct tl_nest_item items[] = {item("10.0.0.0/16", 0), item("10.0.2.0/24", 1),
                                       item("10.0.2.7/32", 2)};

        tl_nest_sort(items, WG_ARRAY_SIZE(items));
        for (size_t i = 0; i < WG_ARRAY_SIZE(finds); i++) {
                struct wg_ip ip = test_ip(finds[i].ip);

                if (tl_nest_find(items, WG_ARRAY_SIZE(items), &ip) != finds[i].id)
                        fail_msg("find %d (%s)", finds[i].number, finds[i].ip);
        }
        for (size_t i = 0; i < WG_ARRAY_SIZE(overlaps); i++) {
                struct wg_prefix prefix = test_prefix(overlaps[i].prefix);

                if (tl_nest_overlap(items, WG_ARRAY_SIZE(items), &prefix) != overlaps[i].id)
                        fail_msg("overlap %d (%s)", overlaps[i].number, overlaps[i].prefix);
        }
}

/* ---- the twin ---- */

enum { ITEMS = 60 };

/* Few distinct bits, so that prefixes often contain each other. */
static struct wg_prefix random_prefix(struct test_env *t)
{
        struct wg_prefix prefix = {0};
        bool is_ipv4 = test_env_below(t, 2) == 0;

        prefix.ip.family = is_ipv4 ? WG_FAMILY_IPV4 : WG_FAMILY_IPV6;
        prefix.ip.bytes[0] = (uint8_t)(test_env_below(t, 4) << 6);
        prefix.ip.bytes[is_ipv4 ? 3 : 15] = (uint8_t)test_env_below(t, 4);
        prefix.cidr = (uint8_t)test_env_below(t, 4);
        if (test_env_below(t, 2))
                prefix.cidr = (uint8_t)((is_ipv4 ? 32 : 128) - prefix.cidr);
        wg_prefix_mask(&prefix);
        return prefix;
}

/* The longest prefix around another one, the last one in the order of several equal ones. */
static uint32_t twin_cover(const struct tl_nest_item *items, uint32_t count,
                           const struct wg_prefix *prefix)
{
        uint32_t found = TL_NEST_NONE;

        for (uint32_t i = 0; i < count; i++)
                if (wg_prefix_covers(&items[i].prefix, prefix) &&
                    (found == TL_NEST_NONE || items[i].prefix.cidr >= items[found].prefix.cidr))
                        found = i;
        return found;
}

static uint32_t twin_overlap(const struct tl_nest_item *items, uint32_t count,
                             const struct wg_prefix *prefix)
{
        uint32_t cover = twin_cover(items, count, prefix);

        for (uint32_t i = 0; cover == TL_NEST_NONE && i < count; i++)
                if (wg_prefix_overlaps(&items[i].prefix, prefix))
                        return i;
        return cover;
}

static void test_twin(void **state WG_UNUSED)
{
        struct tl_nest_item items[ITEMS];
        struct test_env t;

        test_env_init(&t, test_seed("nest"));
        for (int round = 0; round < 2000; round++) {
                uint32_t count = test_env_below(&t, ITEMS + 1);

                for (uint32_t i = 0; i < count; i++)
                        items[i] = (struct tl_nest_item){.prefix = random_prefix(&t), .id = i};
                tl_nest_sort(items, count);
                for (uint32_t i = 0; i < count; i++) /* those before it, as equal ones follow */
                        assert_int_equal(items[i].outer, twin_cover(items, i, &items[i].prefix));
                for (int i = 0; i < 20; i++) {
                        struct wg_prefix prefix = random_prefix(&t), whole = prefix;

                        whole.cidr = (uint8_t)wg_ip_bits(&prefix.ip);
                        assert_int_equal(tl_nest_find(items, count, &prefix.ip),
                                         twin_cover(items, count, &whole));
                        assert_int_equal(tl_nest_overlap(items, count, &prefix),
                                         twin_overlap(items, count, &prefix));
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_empty),
                cmocka_unit_test(test_order),
                cmocka_unit_test(test_lookups),
                cmocka_unit_test(test_twin),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
