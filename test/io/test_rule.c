/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#define _GNU_SOURCE /* unshare */
#include "io/rule.h"

#include <stdlib.h>

#include "test/lib/cmocka.h"
#include "test/lib/ip.h"
#include "test/lib/netns.h"

/* Arguments of `ip rule add`, and the rule that is then read. */
static const struct {
        const char *words;
        struct tl_rule rule;
} rules[] = {
        {"priority 1 not fwmark 51820 table 51820 protocol 108",
         {1, TL_RULE_LOOKUP, .table = 51820, .mark = 51820, .mask = UINT32_MAX, .protocol = 108,
          .is_inverted = true}},
        {"priority 2 fwmark 0x10/0xf0 table main suppress_prefixlength 0",
         {2, TL_RULE_LOOKUP, .table = TL_RULE_TABLE_MAIN, .mark = 0x10, .mask = 0xf0,
          .ignores_defaults = true}},
        {"priority 3 goto 32766", {3, TL_RULE_GOTO, .target = 32766}},
        {"priority 4 table main suppress_prefixlength 8",
         {4, TL_RULE_LOOKUP, .table = TL_RULE_TABLE_MAIN, .is_selective = true}},
        {"priority 5 table 7 suppress_ifgroup 9",
         {5, TL_RULE_LOOKUP, .table = 7, .is_selective = true}},
        {"priority 6 iif lo table 7", {6, TL_RULE_LOOKUP, .table = 7, .is_selective = true}},
        {"priority 7 uidrange 5-6 table 7", {7, TL_RULE_LOOKUP, .table = 7, .is_selective = true}},
        {"priority 8 ipproto udp dport 53 table 7",
         {8, TL_RULE_LOOKUP, .table = 7, .is_selective = true}},
        {"priority 9 unreachable", {9, TL_RULE_OTHER, .table = 0}},
};

static void test_reads_prefixes(void **state WG_UNUSED)
{
        struct wg_prefix from = test_prefix("192.168.200.0/24"), to = test_prefix("fd00::/8");
        struct tl_rule *found;
        size_t count;

        enter_netns();
        run("ip rule add priority 1 from 192.168.200.0/24 table 7");
        run("ip -6 rule add priority 1 to fd00::/8 iif lo table 7");
        assert_int_equal(tl_rule_read(WG_FAMILY_IPV4, &found, &count), 0);
        assert_int_equal(count, 4);
        assert_memory_equal(&found[1].from, &from, sizeof(from));
        assert_int_equal(found[1].to.ip.family, WG_FAMILY_NONE);
        assert_true(found[1].is_selective);
        assert_false(found[2].is_selective);
        free(found);
        assert_int_equal(tl_rule_read(WG_FAMILY_IPV6, &found, &count), 0);
        assert_memory_equal(&found[1].to, &to, sizeof(to));
        assert_int_equal(found[1].from.ip.family, WG_FAMILY_NONE);
        free(found);
}

static void expect_rule(const struct tl_rule *found, const struct tl_rule *wanted)
{
        assert_int_equal(found->priority, wanted->priority);
        assert_int_equal(found->action, wanted->action);
        assert_int_equal(found->table, wanted->table);
        assert_int_equal(found->target, wanted->target);
        assert_int_equal(found->mark, wanted->mark);
        assert_int_equal(found->mask, wanted->mask);
        assert_int_equal(found->protocol, wanted->protocol);
        assert_int_equal(found->is_inverted, wanted->is_inverted);
        assert_int_equal(found->is_selective, wanted->is_selective);
        assert_int_equal(found->ignores_defaults, wanted->ignores_defaults);
}

static void expect_rules(uint8_t family, const char *option, size_t usual)
{
        struct tl_rule *found;
        size_t count;

        assert_int_equal(tl_rule_read(family, &found, &count), 0);
        assert_int_equal(count, usual);
        free(found);
        for (size_t i = 0; i < WG_ARRAY_SIZE(rules); i++) {
                char command[128];

                snprintf(command, sizeof(command), "ip %s rule add %s", option, rules[i].words);
                run(command);
        }
        assert_int_equal(tl_rule_read(family, &found, &count), 0);
        assert_int_equal(count, usual + WG_ARRAY_SIZE(rules));
        for (size_t i = 0; i < WG_ARRAY_SIZE(rules); i++)
                expect_rule(&found[i + 1], &rules[i].rule); /* after that of the local table */
        free(found);
}

static void test_reads(void **state WG_UNUSED)
{
        enter_netns();
        expect_rules(WG_FAMILY_IPV4, "-4", 3);
        expect_rules(WG_FAMILY_IPV6, "-6", 2);
}

/* More rules than fit into one reply of the kernel. */
static void test_reads_many(void **state WG_UNUSED)
{
        struct tl_rule *found;
        size_t count;

        enter_netns();
        run("for i in $(seq 2000); do echo rule add priority $i table 7; done | ip -batch -");
        assert_int_equal(tl_rule_read(WG_FAMILY_IPV4, &found, &count), 0);
        assert_int_equal(count, 2003);
        for (uint32_t i = 0; i < 2001; i++)
                assert_int_equal(found[i].priority, i);
        free(found);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_reads),
                cmocka_unit_test(test_reads_many),
                cmocka_unit_test(test_reads_prefixes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
