/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_reach.c - net/reach.h: changes of a file, in words. */
#include "net/reach.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/writer.h"
#include "test/lib/cmocka.h"
#include "test/lib/heap.h"
#include "test/lib/planned.h"

#define HEAD \
        "network: acme\n" \
        "addresses: 10.70.0.0/16\n" \
        "hubs:\n" \
        "  z: {endpoint: \"203.0.113.10:51820\", key: " TEST_KEY_1 "}\n"
#define SHENZHEN \
        "  shenzhen: {lan: 192.168.201.0/24, node: {name: a, at: 192.168.201.2}, key: " TEST_KEY_2 \
        ", devices: {b: 192.168.201.55}"
#define BEIJING \
        "  beijing: {lan: 192.168.200.0/24, node: {name: c, at: 192.168.200.2}, key: " TEST_KEY_3 \
        ", devices: {d: 192.168.200.244}"
#define SITES HEAD "sites:\n" SHENZHEN "}\n" BEIJING "}\n"
#define TWINS \
        HEAD "sites:\n" SHENZHEN "}\n  beijing: {lan: 192.168.201.0/24, node: c, key: " TEST_KEY_3 \
             ", devices: {d: 192.168.201.55}}\n"
#define E "  e: {groups: [developers], devices: {laptop: {key: " TEST_KEY_4 "}}}\n"
#define F "  f: {groups: [developers], devices: {laptop: {key: " TEST_KEY_5 "}}}\n"
#define G "  g: {groups: [guests], devices: {laptop: {key: " TEST_KEY_6 "}}}\n"
#define PEOPLE "people:\n" E F G
#define H "  h: {groups: [guests], devices: {laptop: {key: " TEST_KEY_7 "}}}\n"
#define TEST_KEY_7 "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="
#define POLICY "policy:\n"

static const struct {
        int number;
        const char *before, *after, *lines;
} changes[] = {
        /* Nothing changes. */
        {1, SITES PEOPLE, SITES PEOPLE, ""},
        {2, SITES PEOPLE POLICY "  - {from: e, to: beijing}\n",
         SITES PEOPLE POLICY "  - {from: [e], to: [beijing, beijing]}\n", ""},

        /* Virtual addresses for d and e, or for a LAN. */
        {3, HEAD "sites:\n" SHENZHEN ", gateway: untouchable}\n" BEIJING "}\n",
         HEAD "sites:\n" SHENZHEN ", gateway: untouchable, virtual: {192.168.201.240: d}}\n" BEIJING
              "}\n",
         "devices of shenzhen gain d (before: nobody can give the LAN's router a route)\n"},
        /* Two sites with one prefix: the rules are about the site that they name. */
        {4, TWINS, TWINS POLICY "  - {from: b, to: d}\n",
         "beijing, a, unnamed devices of shenzhen (192.168.201.0/24), z lose everything\n"
         "b loses unnamed devices of beijing (192.168.201.0/24), c, z\n"},
        /* People come and go. */
        {10, SITES PEOPLE, SITES PEOPLE H,
         "everything gains h (new)\n"
         "h (new) gains everything\n"},
        {11, SITES PEOPLE H, SITES PEOPLE,
         "everything loses h (removed)\n"
         "h (removed) loses everything\n"},
        {12, SITES "people:\n" E POLICY "  - {from: developers, to: beijing}\n",
         SITES PEOPLE POLICY "  - {from: developers, to: beijing}\n", "f (new) gains beijing\n"},

        {13, SITES PEOPLE POLICY "  - {from: developers, to: [beijing, shenzhen]}\n",
         HEAD "sites:\n" SHENZHEN "}\n" PEOPLE POLICY "  - {from: developers, to: shenzhen}\n",
         "developers (2 people) lose beijing (removed)\n"},

        /* Rules. */
        {20, SITES PEOPLE POLICY "  - {from: developers, to: [beijing, shenzhen]}\n",
         SITES PEOPLE POLICY "  - {from: developers, to: [shenzhen]}\n",
         "developers (2 people) lose beijing\n"},
        {21, SITES PEOPLE POLICY "  - {from: developers, to: beijing}\n",
         SITES PEOPLE POLICY "  - {from: developers, to: beijing, ports: [443/tcp, icmp]}\n",
         "developers (2 people) lose beijing: 0-442/tcp, 444-65535/tcp, udp\n"},
        {22, SITES PEOPLE POLICY "  - {from: developers, to: beijing, ports: [443/tcp]}\n",
         SITES PEOPLE POLICY "  - {from: developers, to: beijing, ports: [443/tcp, 53/udp, icmp]}\n"
                             "  - {from: e, to: f}\n",
         "developers (2 people) gain beijing: icmp, 53/udp\n"
         "e gains f\n"},
        {23, SITES PEOPLE, SITES PEOPLE POLICY "  - {from: all, to: all}\n", ""},
        {24, SITES PEOPLE, SITES PEOPLE POLICY "  - {from: all, to: z}\n",
         "everything loses all sites, all people\n"},
        {25, SITES PEOPLE, SITES PEOPLE POLICY "  - {from: sites, to: sites}\n",
         "all sites lose all people, z\n"
         "all people, z lose everything\n"},
        {26, SITES PEOPLE POLICY "  - {from: people, to: people}\n",
         SITES PEOPLE POLICY "  - {from: guests, to: guests}\n", "all people lose all people\n"},
        {27,
         SITES PEOPLE "services:\n  git: {at: 192.168.200.9, ports: [22/tcp]}\n" POLICY
                      "  - {from: e, to: git}\n",
         SITES PEOPLE "services:\n  git: {at: 192.168.200.9, ports: [22/tcp, 443/tcp]}\n" POLICY
                      "  - {from: e, to: git}\n",
         "e gains git: 443/tcp\n"},
        {28, SITES PEOPLE POLICY "  - {from: e, to: d}\n",
         SITES PEOPLE POLICY "  - {from: f, to: d}\n",
         "e loses d\n"
         "f gains d\n"},

        /* Ways. */
        {30, SITES PEOPLE,
         HEAD "sites:\n" SHENZHEN ", gateway: untouchable}\n" BEIJING "}\n" PEOPLE,
         "devices of shenzhen lose everything (nobody can give the LAN's router a route)\n"},
        {31,
         HEAD "sites:\n" SHENZHEN
              ", gateway: {kind: static-routes, routes: [10.70.0.0/16]}}\n" BEIJING "}\n" PEOPLE,
         SITES PEOPLE,
         "devices of shenzhen gain devices of beijing (before: the LAN's router has no route to "
         "it)\n"
         "devices of beijing gain devices of shenzhen (before: replies have no way back)\n"},
        {32, SITES PEOPLE,
         HEAD "sites:\n" SHENZHEN ", gateway: drops-invalid}\n" BEIJING "}\n" PEOPLE, ""},
        {33, SITES "people:\n" E "  f: {devices: {laptop: {}}}\n",
         SITES "people:\n" E "  f: {devices: {laptop: {key: " TEST_KEY_5 "}}}\n",
         "everything gains f (before: a node on the way has no key in the file yet)\n"
         "f gains everything (before: a node on the way has no key in the file yet)\n"},
        {34, SITES PEOPLE POLICY "  - {from: e, to: d}\n",
         HEAD "sites:\n" SHENZHEN "}\n" BEIJING ", gateway: untouchable}\n" PEOPLE POLICY
              "  - {from: e, to: d}\n",
         ""},
        {35, SITES, SITES "  tokyo: {lan: 192.168.7.0/24, node: t, key: " TEST_KEY_6 "}\n",
         "everything gains tokyo (new)\n"
         "tokyo (new) gains everything\n"},
};

static void check(int number, const char *before, const char *after, const char *expected)
{
        struct test_planned old, new;
        struct tl_reach_list list;
        char lines[4096] = "";
        size_t len = 0;

        test_planned_init(&old, before);
        test_planned_init(&new, after);
        assert_true(tl_reach_compare(&list, &old.plans, &new.plans, &new.office.findings));
        for (uint32_t i = 0; i < list.count; i++) {
                len += tl_reach_format(&list.lines[i], lines + len, sizeof(lines) - len);
                assert_true(len + 1 < sizeof(lines));
                lines[len++] = '\n';
                lines[len] = '\0';
        }
        if (strcmp(lines, expected) != 0)
                fail_msg("%d:\n%s--- instead of\n%s", number, lines, expected);
        tl_reach_done(&list);
        test_planned_done(&old);
        test_planned_done(&new);
}

static void test_changes(void **state WG_UNUSED)
{
        for (size_t i = 0; i < WG_ARRAY_SIZE(changes); i++)
                check(changes[i].number, changes[i].before, changes[i].after, changes[i].lines);
}

/* A large network, in which few rules tell people apart. */
static char *large(const char *rules)
{
        size_t size = 1 << 20;
        char *text = test_malloc(size);
        struct tl_writer out;

        tl_writer_init(&out, text, size);
        tl_writer_add(&out,
                      "network: acme\naddresses: 10.0.0.0/9\nmapped: 10.128.0.0/9\nhubs:\n"
                      "  z: {endpoint: \"203.0.113.10:51820\", key: " TEST_KEY_1 "}\nsites:\n");
        for (unsigned int i = 0; i < 200; i++)
                tl_writer_add(&out,
                              "  s%u: {lan: 172.16.%u.0/24, key: "
                              "\"%04uAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"}\n",
                              i, i, i);
        tl_writer_add(&out, "people:\n");
        for (unsigned int i = 0; i < 2000; i++)
                tl_writer_add(&out,
                              "  p%u: {groups: [g%u], devices: {x: {key: "
                              "\"%04uAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"}}}\n",
                              i, i % 10, i + 1000);
        tl_writer_add(&out, "policy:\n%s", rules);
        assert_false(out.is_cut);
        return text;
}

static void test_large(void **state WG_UNUSED)
{
        char *before = large("  - {from: g1, to: [s1, s2]}\n  - {from: all, to: p7}\n");
        char *after = large("  - {from: g2, to: [s1, s2]}\n  - {from: all, to: p7}\n"
                            "  - {from: p3, to: p4}\n");

        check(100, before, after,
              "g1 (200 people) lose s1, s2\n"
              "g2 (200 people) gain s1, s2\n"
              "p3 gains p4\n");
        test_free(before);
        test_free(after);
}

/* Memory runs out at each allocation in turn: an error, and nothing leaks. */
static void test_no_memory(void **state WG_UNUSED)
{
        bool is_done = false;

        for (long allocations = 0; !is_done; allocations++) {
                struct test_planned old, new;
                struct tl_reach_list list;

                test_planned_init(&old, SITES PEOPLE);
                test_planned_init(&new, SITES "people:\n" E POLICY "  - {from: e, to: d}\n");
                heap_fail_after(allocations);
                is_done = tl_reach_compare(&list, &old.plans, &new.plans, &new.office.findings);
                heap_fail_after(-1);
                assert_int_equal(tl_findings_has_errors(&new.office.findings), !is_done);
                tl_reach_done(&list);
                test_planned_done(&old);
                test_planned_done(&new);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_changes),
                cmocka_unit_test(test_large),
                cmocka_unit_test(test_no_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
