/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_expect.c - net/expect.h: lines of `expect:` that are met, and those that are not. */
#include "net/expect.h"

#include <stdio.h>
#include <string.h>

#include "test/lib/cmocka.h"
#include "test/lib/heap.h"
#include "test/lib/planned.h"

#define NETWORK \
        "network: acme\n" \
        "addresses: 10.70.0.0/24\n" \
        "hubs:\n" \
        "  z: {endpoint: \"203.0.113.10:51820\", key: " TEST_KEY_1 "}\n" \
        "sites:\n" \
        "  shenzhen: {lan: 192.168.201.0/24, node: a, key: " TEST_KEY_2 \
        ", devices: {b: 192.168.201.55}}\n" \
        "  beijing: {lan: 192.168.200.0/24, node: c, key: " TEST_KEY_3 \
        ", devices: {d: 192.168.200.244}}\n" \
        "people:\n" \
        "  e: {groups: [developers], devices: {laptop: {key: " TEST_KEY_4 "}}}\n" \
        "  f: {groups: [developers, testers], devices: {laptop: {key: " TEST_KEY_5 \
        "}, phone: {key: " TEST_KEY_6 ", stock: true}}}\n" \
        "  g: {groups: [visitors]}\n" \
        "services:\n" \
        "  git: {at: d, ports: [443/tcp, 22/tcp]}\n"

/* Of an unmet expectation: the pair that breaks it, its cause; and what ends it, if it
 * must not work. */
static const struct {
        int number;
        const char *rules, *expectation, *result;
} rows[] = {
        /* Without a policy, only ways count. */
        {1, "", "b -> d:443", "met"},
        {2, "", "not b -> d:443", "b d none; add a `policy`: without one, everything is allowed"},
        {3, "", "developers -> git", "met"},
        {4, "", "e -> git:8443", "e/laptop git service_port"},
        {5, "", "not e -> git:8443", "met"},
        {6, "", "b -> 192.0.2.1", "b 192.0.2.1 not_in_network"},
        {7, "", "not b -> 192.0.2.1", "met"},
        /* All devices of a person, all people of a group. */
        {10, "policy:\n  - {from: f/laptop, to: d}\n", "f -> d", "f/phone d policy"},
        {11, "policy:\n  - {from: f/phone, to: d}\n", "not f -> d",
         "f/phone d none; remove or narrow the rule in line 15"},
        {12, "policy:\n  - {from: f, to: d}\n", "f -> d", "met"},
        {13, "policy:\n  - {from: f, to: d}\n", "developers -> d", "e/laptop d policy"},
        {14, "policy:\n  - {from: f, to: d}\n", "not developers -> d",
         "f/laptop d none; remove or narrow the rule in line 15"},
        {15, "policy:\n  - {from: f, to: d}\n", "not e -> beijing", "met"},
        {16, "policy:\n  - {from: d, to: e}\n", "d -> developers", "d f/laptop policy"},
        /* A machine reaches itself, which says nothing about a group. */
        {20, "policy:\n  - {from: e, to: developers}\n  - {from: f, to: developers}\n",
         "developers -> developers", "met"},
        {21, "policy:\n  - {from: b, to: d}\n", "not developers -> developers", "met"},
        {22, "policy:\n  - {from: developers, to: f}\n", "developers -> developers",
         "f/laptop e/laptop policy"},
        {23, "policy:\n  - {from: b, to: d}\n", "e -> e/laptop:22", "met"},
        /* All ports of a service. */
        {30, "policy:\n  - {from: e, to: git}\n", "e -> git", "met"},
        {31, "policy:\n  - {from: e, to: git, ports: [443/tcp]}\n", "e -> git",
         "e/laptop git policy"},
        {32, "policy:\n  - {from: e, to: git, ports: [443/tcp]}\n", "e -> git:443", "met"},
        {33, "policy:\n  - {from: e, to: git, ports: [443/tcp]}\n", "not e -> git",
         "e/laptop git none; remove or narrow the rule in line 15"},
        /* Nobody has no device. */
        {40, "", "g -> d", "g d no_device"},
        {41, "", "not visitors -> d", "met"},
        {42, "", "d -> visitors", "d visitors no_device"},
};

static void describe(const struct tl_expect_result *result, char *out, size_t size)
{
        const struct tl_explanation *why = &result->explanation;

        if (result->is_met)
                snprintf(out, size, "met");
        else
                snprintf(out, size, "%s %s %s%s%s", why->from_name, why->to_name,
                         tl_cause_name(why->cause), why->is_reachable ? "; " : "",
                         why->is_reachable ? why->fix : "");
}

static void test_rows(void **state WG_UNUSED)
{
        for (size_t i = 0; i < WG_ARRAY_SIZE(rows); i++) {
                struct test_planned planned;
                struct tl_expect_list list;
                char yaml[4096], result[256];

                snprintf(yaml, sizeof(yaml), NETWORK "%sexpect:\n  - %s\n", rows[i].rules,
                         rows[i].expectation);
                test_planned_init(&planned, yaml);
                assert_true(tl_expect_check(&list, &planned.plans, &planned.office.findings));
                assert_int_equal(list.count, 1);
                describe(&list.items[0], result, sizeof(result));
                if (strcmp(result, rows[i].result) != 0)
                        fail_msg("%d: %s: %s instead of %s", rows[i].number, rows[i].expectation,
                                 result, rows[i].result);
                assert_int_equal(list.unmet, !list.items[0].is_met);
                assert_non_null(list.items[0].explanation.message);
                tl_expect_done(&list);
                test_planned_done(&planned);
        }
}

static void test_none(void **state WG_UNUSED)
{
        struct test_planned planned;
        struct tl_expect_list list;

        test_planned_init(&planned, NETWORK);
        assert_true(tl_expect_check(&list, &planned.plans, &planned.office.findings));
        assert_int_equal(list.count, 0);
        tl_expect_done(&list);
        test_planned_done(&planned);
}

/* Memory runs out at each allocation in turn: an error, and nothing leaks. */
static void test_no_memory(void **state WG_UNUSED)
{
        bool is_done = false;

        for (long allocations = 0; !is_done; allocations++) {
                struct test_planned planned;
                struct tl_expect_list list;

                test_planned_init(&planned, NETWORK "policy:\n"
                                                    "  - {from: developers, to: d}\n"
                                                    "expect:\n"
                                                    "  - not developers -> d:443\n"
                                                    "  - e -> git\n"
                                                    "  - shenzhen -> 192.168.200.7\n");
                heap_fail_after(allocations);
                is_done = tl_expect_check(&list, &planned.plans, &planned.office.findings);
                heap_fail_after(-1);
                assert_int_equal(tl_findings_has_errors(&planned.office.findings), !is_done);
                tl_expect_done(&list);
                test_planned_done(&planned);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rows),
                cmocka_unit_test(test_none),
                cmocka_unit_test(test_no_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
