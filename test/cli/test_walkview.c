/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_walkview.c - cli/walkview.h: what people see. */
#include "cli/walkview.h"

#include <stdlib.h>
#include <string.h>

#include "test/lib/cmocka.h"
#include "test/lib/planned.h"

#define YAML \
        "network: acme\n" \
        "addresses: 10.70.0.0/24\n" \
        "hubs:\n" \
        "  z: {endpoint: \"203.0.113.10:51820\", key: " TEST_KEY_1 "}\n" \
        "sites:\n" \
        "  shenzhen: {lan: 192.168.201.0/24, node: {name: a, at: 192.168.201.2}, key: " TEST_KEY_2 \
        ", devices: {b: 192.168.201.55}, gateway: {kind: static-routes, at: 192.168.201.1}}\n" \
        "  beijing: {lan: 192.168.200.0/24, node: {name: c, at: 192.168.200.2}, key: " TEST_KEY_3 \
        ", devices: {d: 192.168.200.244}, gateway: untouchable}\n" \
        "people:\n" \
        "  e: {groups: [developers], devices: {laptop: {key: " TEST_KEY_4 "}}}\n" \
        "policy:\n" \
        "  - {from: shenzhen, to: beijing, ports: [443/tcp]}\n" \
        "  - {from: developers, to: beijing}\n"

static void check(const struct tl_pen *like, const char *question, const char *expected)
{
        struct tl_flow flow;
        struct tl_pen pen = *like;
        struct test_planned planned;
        struct tl_explanation explanation;
        char *text = NULL;
        size_t size, offset;

        test_planned_init(&planned, YAML);
        assert_null(tl_flow_parse((struct tl_text){question, strlen(question)}, &flow, &offset));
        assert_true(tl_explain(&explanation, &planned.plans, &flow, (struct tl_place){0},
                               &planned.office.findings));
        pen.out = open_memstream(&text, &size);
        assert_non_null(pen.out);
        tl_walkview_print(&pen, "acme.yaml", &explanation);
        assert_int_equal(fclose(pen.out), 0);
        assert_string_equal(text, expected);
        free(text);
        tl_explain_done(&explanation);
        test_planned_done(&planned);
}

static void test_reachable(void **state WG_UNUSED)
{
        check(&(struct tl_pen){.is_utf8 = true}, "b -> d:443",
              "b (192.168.201.55) → d (192.168.200.244), 443/tcp\n"
              "\n"
              "  → b                  sends to its default gateway, 192.168.201.1\n"
              "  → shenzhen's router  has a route to 192.168.200.0/24 through a, 192.168.201.2  "
              "[line 6]\n"
              "  → a                  has a route to 192.168.200.0/24, through the tunnel to z\n"
              "  → z                  lets it pass: the policy allows \"shenzhen to beijing "
              "(443/tcp)\"  [line 11]\n"
              "                       has a route to 192.168.200.0/24, through the tunnel to c\n"
              "  → c                  lets it pass: the policy allows \"shenzhen to beijing "
              "(443/tcp)\"  [line 11]\n"
              "                       hands it to the LAN 192.168.200.0/24 under its own address, "
              "192.168.200.2, since the LAN's router sends replies elsewhere  [line 7]\n"
              "  → d                  gets it, from 192.168.200.2\n"
              "\n"
              "  ← d                  replies to c, 192.168.200.2  [line 7]\n"
              "  ← c                  has a route to 192.168.201.0/24, through the tunnel to z\n"
              "  ← z                  has a route to 192.168.201.0/24, through the tunnel to a\n"
              "  ← a                  hands it to the LAN 192.168.201.0/24  [line 6]\n"
              "  ← b                  gets the reply\n"
              "\n"
              "  ✓ b reaches d at 443/tcp\n"
              "    mtu:  packets of up to 1420 bytes\n");
}

static void test_broken(void **state WG_UNUSED)
{
        check(&(struct tl_pen){.width = 72}, "b -> beijing:22",
              "b (192.168.201.55) -> d (192.168.200.244), 22/tcp\n"
              "  d stands for beijing\n"
              "\n"
              "  > b                  sends to its default gateway, 192.168.201.1\n"
              "  > shenzhen's router  has a route to 192.168.200.0/24 through a,\n"
              "                       192.168.201.2  [line 6]\n"
              "  > a                  has a route to 192.168.200.0/24, through the\n"
              "                       tunnel to z\n"
              "  X z                  drops it: no rule of the policy allows it\n"
              "                       [line 10]\n"
              "\n"
              "  b does not reach d:\n"
              "    why:  no rule allows b to reach d at 22/tcp\n"
              "    see:  acme.yaml:11:5\n"
              "    near: line 11 has other ports: shenzhen to beijing (443/tcp)\n"
              "    near: line 12 has other sources: developers to beijing\n"
              "    fix:  add `22/tcp` to the ports of the rule, line 11\n");
}

static void test_colours(void **state WG_UNUSED)
{
        check(&(struct tl_pen){.has_colours = true, .is_utf8 = true}, "a -> a",
              "\033[1ma\033[0m (10.70.0.2) → \033[1ma\033[0m (10.70.0.2), ping\n"
              "\n"
              "  \033[1;32m✓ \033[0m\033[1;32ma and a are the same machine\033[0m\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_reachable),
                cmocka_unit_test(test_broken),
                cmocka_unit_test(test_colours),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
