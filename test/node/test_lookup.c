/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "node/lookup.h"

#include <string.h>

#include "test/lib/cmocka.h"

enum { MAIN = TL_RULE_TABLE_MAIN, LOCAL = 255, DEFAULT = 253, ALL = -1 };

#define LOCAL_RULE \
        { \
                0, TL_RULE_LOOKUP, .table = LOCAL \
        }
#define MAIN_RULE \
        { \
                32766, TL_RULE_LOOKUP, .table = MAIN \
        }
#define DEFAULT_RULE \
        { \
                32767, TL_RULE_LOOKUP, .table = DEFAULT \
        }

enum { RULES_MAX = 8 };

/* The rules of a machine, and a letter for the effect of each: nothing, main, before, perhaps,
 * stop. */
static const struct {
        const char *effects;
        struct tl_rule rules[RULES_MAX];
} cases[] = {
        {"nmn", {LOCAL_RULE, MAIN_RULE, DEFAULT_RULE}},
        /* Tailscale */
        {"nnnnbmn",
         {LOCAL_RULE,
          {5210, TL_RULE_LOOKUP, .table = MAIN, .mark = 0x80000, .mask = 0xff0000},
          {5230, TL_RULE_LOOKUP, .table = DEFAULT, .mark = 0x80000, .mask = 0xff0000},
          {5250, TL_RULE_OTHER, .mark = 0x80000, .mask = 0xff0000},
          {5270, TL_RULE_LOOKUP, .table = 52},
          MAIN_RULE,
          DEFAULT_RULE}},
        /* wg-quick(8) with a default route: main comes first, without its own default route */
        {"nmnnn",
         {LOCAL_RULE,
          {32764, TL_RULE_LOOKUP, .table = MAIN, .ignores_defaults = true},
          {32765, TL_RULE_LOOKUP, .table = 51820, .mark = 51820, .mask = (uint32_t)ALL,
           .is_inverted = true},
          MAIN_RULE,
          DEFAULT_RULE}},
        /* tieline-quick with one */
        {"nnmnnn",
         {LOCAL_RULE,
          {32763, TL_RULE_GOTO, .target = 32766, .mark = 51820, .mask = 0xffffff00},
          {32764, TL_RULE_LOOKUP, .table = MAIN, .mark = 51820, .mask = (uint32_t)ALL,
           .is_inverted = true, .ignores_defaults = true},
          {32765, TL_RULE_LOOKUP, .table = 51820, .mark = 51820, .mask = (uint32_t)ALL,
           .is_inverted = true},
          MAIN_RULE,
          DEFAULT_RULE}},
        /* another VPN that takes everything */
        {"nbm",
         {LOCAL_RULE,
          {10, TL_RULE_LOOKUP, .table = 7, .mark = 1, .mask = (uint32_t)ALL, .is_inverted = true},
          MAIN_RULE}},
        /* two uplinks */
        {"nppm",
         {LOCAL_RULE,
          {10, TL_RULE_LOOKUP, .table = 7, .is_selective = true},
          {11, TL_RULE_OTHER, .is_selective = true},
          MAIN_RULE}},
        /* selective rules with marks */
        {"nnbm",
         {LOCAL_RULE,
          {10, TL_RULE_LOOKUP, .table = 7, .mark = 1, .mask = 1, .is_selective = true},
          {11, TL_RULE_LOOKUP, .table = 7, .mark = 1, .mask = 1, .is_selective = true,
           .is_inverted = true},
          MAIN_RULE}},
        {"npm",
         {LOCAL_RULE,
          {10, TL_RULE_LOOKUP, .table = 7, .is_selective = true, .is_inverted = true},
          MAIN_RULE}},
        /* the main table for some */
        {"nnm", {LOCAL_RULE, {10, TL_RULE_LOOKUP, .table = MAIN, .is_selective = true}, MAIN_RULE}},
        {"ns", {LOCAL_RULE, {10, TL_RULE_OTHER, .table = 0}}},
        {"nsn", {LOCAL_RULE, {10, TL_RULE_OTHER, .table = 0}, MAIN_RULE}},
        /* a goto that always applies, and one that does not */
        {"nnnm",
         {LOCAL_RULE,
          {10, TL_RULE_GOTO, .target = 30},
          {20, TL_RULE_LOOKUP, .table = 7},
          {30, TL_RULE_LOOKUP, .table = MAIN}}},
        {"nnbm",
         {LOCAL_RULE,
          {10, TL_RULE_GOTO, .target = 30, .is_selective = true},
          {20, TL_RULE_LOOKUP, .table = 7},
          {30, TL_RULE_LOOKUP, .table = MAIN}}},
};

static void test_judges(void **state WG_UNUSED)
{
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                size_t count = strlen(cases[i].effects);
                enum tl_lookup effects[RULES_MAX];

                tl_lookup_judge(cases[i].rules, count, effects);
                for (size_t j = 0; j < count; j++)
                        if (tl_lookup_name(effects[j])[0] != cases[i].effects[j])
                                fail_msg("case %zu, rule %zu: %s", i, j,
                                         tl_lookup_text(effects[j]));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_judges),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
