/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "quick/rules.h"

#include <stdlib.h>
#include <string.h>

#include "test/lib/cmocka.h"

enum { RULES_MAX = 16 };

/* Existing rules. */
#define LOCAL \
        { \
                0, TL_RULE_LOOKUP, .table = 255 \
        }
#define MAIN(at) \
        { \
                at, TL_RULE_LOOKUP, .table = TL_RULE_TABLE_MAIN \
        }
#define DEFAULT \
        { \
                32767, TL_RULE_LOOKUP, .table = 253 \
        }
#define EXCEPTION(at) \
        { \
                at, TL_RULE_LOOKUP, .table = TL_RULE_TABLE_MAIN, .ignores_defaults = true \
        }
#define TUNNEL(at, n) \
        { \
                at, TL_RULE_LOOKUP, .table = n, .mark = n, .mask = UINT32_MAX, .is_inverted = true \
        }
#define OTHER(at) \
        { \
                at, TL_RULE_LOOKUP, .table = 52 \
        }
#define SELECTIVE(at) \
        { \
                at, TL_RULE_LOOKUP, .table = TL_RULE_TABLE_MAIN, .is_selective = true \
        }
#define MARKED(at, n) \
        { \
                at, TL_RULE_LOOKUP, .table = TL_RULE_TABLE_MAIN, .mark = n, .mask = UINT32_MAX \
        }
#define OURS .protocol = TL_RULES_PROTOCOL
#define SKIP(at, n) \
        { \
                at, TL_RULE_GOTO, .target = 32766, .mark = n, .mask = 0xffffff00, OURS \
        }
#define BETTER(at, n) \
        { \
                at, TL_RULE_LOOKUP, .table = TL_RULE_TABLE_MAIN, .ignores_defaults = true, \
                                    .mark = n, .mask = UINT32_MAX, .is_inverted = true, OURS \
        }
#define OUR_TUNNEL(at, n) \
        { \
                at, TL_RULE_LOOKUP, .table = n, .mark = n, .mask = UINT32_MAX, \
                                    .is_inverted = true, OURS \
        }

static const struct {
        int number;
        struct tl_rule rules[RULES_MAX];
        size_t count;
        struct tl_rules_place place;
} places[] = {
        {1, {LOCAL, MAIN(32766), DEFAULT}, 3, {32763, 32764, 32765, 32766}},
        /* After all others, such as those of another VPN or of a user. */
        {2, {LOCAL, OTHER(5270), MAIN(32766)}, 3, {32763, 32764, 32765, 32766}},
        {3, {LOCAL, OTHER(32764), MAIN(32766)}, 3, {32764, 32764, 32765, 32766}},
        {4, {LOCAL, OTHER(32765), MAIN(32766)}, 3, {32765, 32765, 32765, 32766}},
        {5, {LOCAL, OTHER(32766), MAIN(32766)}, 3, {32763, 32764, 32765, 32766}},
        /* Rules that only resemble the one for main. */
        {6,
         {LOCAL, SELECTIVE(100), MARKED(5210, 0x80000), EXCEPTION(5300), OTHER(5301), MAIN(32766)},
         6,
         {32763, 32764, 32765, 32766}},
        /* The rule for main comes earlier, or is missing. */
        {7, {LOCAL, MAIN(100), OTHER(200), MAIN(32766)}, 4, {97, 98, 99, 100}},
        {8, {LOCAL, OTHER(5270), DEFAULT}, 3, {32764, 32765, 32766, 32767}},
        {9, {LOCAL}, 1, {32763, 32764, 32765, 32766}},
        {10, {LOCAL, MAIN(2)}, 2, {0, 0, 1, 2}},
        {11, {MAIN(0)}, 1, {0, 0, 0, 0}},
        {12, {{0}}, 0, {32763, 32764, 32765, 32766}},
        /* The newest of ours comes first. */
        {13,
         {LOCAL, SKIP(32763, 51820), BETTER(32764, 51820), OUR_TUNNEL(32765, 51820), MAIN(32766)},
         5,
         {32760, 32761, 32762, 32766}},
        {14,
         {LOCAL, OTHER(32762), SKIP(32763, 51820), BETTER(32764, 51820), OUR_TUNNEL(32765, 51820),
          MAIN(32766)},
         6,
         {32762, 32762, 32762, 32766}},
        /* Without room, the newest comes last of ours. */
        {15,
         {LOCAL, OTHER(32765), SKIP(32765, 51820), BETTER(32765, 51820), OUR_TUNNEL(32765, 51820),
          MAIN(32766)},
         6,
         {32765, 32765, 32765, 32766}},
        /* After wg-quick's suppress_prefixlength rule, and before its other one. */
        {16,
         {LOCAL, EXCEPTION(32764), TUNNEL(32765, 51820), MAIN(32766)},
         4,
         {32764, 32764, 32764, 32766}},
        {17,
         {LOCAL, EXCEPTION(32761), TUNNEL(32762, 51821), SKIP(32763, 51820), BETTER(32764, 51820),
          OUR_TUNNEL(32765, 51820), MAIN(32766)},
         7,
         {32761, 32761, 32761, 32766}},
        /* But not before rules of others that precede it. */
        {18,
         {LOCAL, EXCEPTION(5208), TUNNEL(5209, 51820), OTHER(5210), MAIN(32766)},
         5,
         {32763, 32764, 32765, 32766}},
};

static void test_places(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(places); i++) {
                struct tl_rules_place place = tl_rules_place(places[i].rules, places[i].count);

                if (memcmp(&place, &places[i].place, sizeof(place)) != 0)
                        fail_msg("case %d: %u %u %u %u", places[i].number, place.skip, place.better,
                                 place.tunnel, place.main);
        }
}

/* Rules that show 51820 to be in use, and some that do not. */
static const struct {
        int number;
        struct tl_rule rule;
        bool is_used, is_ours;
} uses[] = {
        {1, MAIN(32766), false, false},
        {2, OTHER(5), false, false},
        {3, {5, TL_RULE_LOOKUP, .table = 51820}, true, false},
        {4, MARKED(5, 51820), true, false},
        {5, MARKED(5, 51821), false, false},
        {6, TUNNEL(5, 51820), true, false},
        {7, SKIP(5, 51820), true, true},
        {8, SKIP(5, 51821), false, true},
        {9, BETTER(5, 51820), true, true},
        {10, OUR_TUNNEL(5, 51821), false, true},
        /* A table that no rule looks up, and rules that merely carry our protocol number. */
        {11, {5, TL_RULE_OTHER, .table = 51820}, false, false},
        {12, {5, TL_RULE_LOOKUP, .table = 51820, OURS}, true, false},
        {13,
         {5, TL_RULE_LOOKUP, .table = 51820, .mark = 51820, .mask = UINT32_MAX,
          .is_selective = true, OURS},
         true,
         false},
};

static void test_uses(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(uses); i++)
                if (tl_rules_use(&uses[i].rule, 1, 51820) != uses[i].is_used ||
                    tl_rules_is_ours(&uses[i].rule) != uses[i].is_ours)
                        fail_msg("case %d", uses[i].number);
}

/* Adds a rule as the kernel does: after all rules with that priority number or a lower one. */
static size_t add(struct tl_rule *rules, size_t count, struct tl_rule rule)
{
        size_t i = count;

        while (i > 0 && rules[i - 1].priority > rule.priority) {
                rules[i] = rules[i - 1];
                i--;
        }
        rules[i] = rule;
        return count + 1;
}

static size_t add_tunnel(struct tl_rule *rules, size_t count, uint32_t n)
{
        struct tl_rules_place place = tl_rules_place(rules, count);

        count = add(rules, count, (struct tl_rule)SKIP(place.skip, n));
        count = add(rules, count, (struct tl_rule)BETTER(place.better, n));
        return add(rules, count, (struct tl_rule)OUR_TUNNEL(place.tunnel, n));
}

static size_t find_tunnel(const struct tl_rule *rules, size_t count, uint32_t n)
{
        for (size_t i = 0; i < count; i++)
                if (rules[i].action == TL_RULE_LOOKUP && rules[i].table == n)
                        return i;
        return count;
}

/* A hundred tunnels: each new one comes before all older ones, with its rules in order and after
 * those of others. */
static void test_many(void **state)
{
        struct tl_rule rules[320] = {LOCAL, OTHER(5270), MAIN(32766), DEFAULT};
        size_t count = 4;

        (void)state;
        for (uint32_t n = 51820; n < 51920; n++) {
                size_t i;

                count = add_tunnel(rules, count, n);
                i = find_tunnel(rules, count, n);
                assert_in_range(i, 4, 4);
                assert_int_equal(rules[i - 1].mark, n);
                assert_true(rules[i - 1].ignores_defaults);
                assert_int_equal(rules[i - 2].mark, n);
                assert_int_equal(rules[i - 2].action, TL_RULE_GOTO);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_places),
                cmocka_unit_test(test_uses),
                cmocka_unit_test(test_many),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
