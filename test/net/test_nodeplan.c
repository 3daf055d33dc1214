/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/nodeplan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/address.h"
#include "net/prefixes.h"
#include "test/lib/cmocka.h"
#include "test/lib/heap.h"
#include "test/lib/nodeplan_dump.h"
#include "test/lib/random_office.h"
#include "test/lib/tool.h"

enum { DUMP_SIZE = 64 * 1024 };

static uint32_t node_named(const struct tl_model *model, const char *name)
{
        for (uint32_t i = 0; i < model->node_count; i++)
                if (strcmp(model->nodes[i].name, name) == 0)
                        return i;
        fail_msg("no node %s", name);
        return 0;
}

static void make(struct tl_nodeplan *plan, struct test_office *office, const char *name,
                 const struct tl_local *local)
{
        struct tl_policy policy;

        assert_true(tl_policy_build(&policy, &office->model, &office->findings));
        assert_true(tl_nodeplan_make(plan, &office->model, &policy,
                                     node_named(&office->model, name), local, &office->findings));
        tl_policy_done(&policy);
}

/* ---- exact plans ---- */

struct golden {
        const char *node, *plan;
};

static void check_golden(const char *yaml, const struct golden *golden, unsigned int count)
{
        static char dump[DUMP_SIZE];
        struct test_office office;

        test_office_init(&office, yaml);
        for (unsigned int i = 0; i < count; i++) {
                struct tl_nodeplan plan;

                make(&plan, &office, golden[i].node, NULL);
                nodeplan_dump(dump, sizeof(dump), &plan, &office.model);
                if (strcmp(dump, golden[i].plan) != 0)
                        fail_msg("the plan of %s is:\n%s", golden[i].node, dump);
                tl_nodeplan_done(&plan);
        }
        test_office_done(&office);
}

static void test_sample(void **unused)
{
        static const struct golden golden[] = {
                {"z", "acme, table tieline-acme, mtu 1420, port 51820\n"
                      "address 10.70.0.1/32 fd01:203:405::1/128\n"
                      "peer a: 10.70.0.2/32 192.168.201.0/24 fd01:203:405::2/128\n"
                      "peer c: 10.70.0.3/32 192.168.200.0/24 fd01:203:405::3/128\n"
                      "peer e/laptop: 10.70.0.4/32 fd01:203:405::4/128\n"
                      "peer f/laptop: 10.70.0.5/32 fd01:203:405::5/128\n"
                      "peer f/phone: 10.70.0.6/32 fd01:203:405::6/128\n"
                      "routes: 10.70.0.0/24 192.168.200.0/24 192.168.201.0/24 fd01:203:405::/64\n"
                      "net/ipv4/ip_forward = 1\n"
                      "net/ipv4/conf/acme/rp_filter = 2\n"
                      "net/ipv6/conf/all/forwarding = 1\n"},
                {"a", "acme, table tieline-acme, mtu 1420\n"
                      "address 10.70.0.2/32 fd01:203:405::2/128\n"
                      "peer z at 203.0.113.10:51820 keepalive 25: 10.70.0.0/24 192.168.200.0/24 "
                      "fd01:203:405::/64\n"
                      "routes: 10.70.0.0/24 192.168.200.0/24 fd01:203:405::/64\n"
                      "net/ipv4/ip_forward = 1\n"
                      "net/ipv4/conf/acme/rp_filter = 2\n"},
                {"c", "acme, table tieline-acme, mtu 1420\n"
                      "address 10.70.0.3/32 fd01:203:405::3/128\n"
                      "peer z at 203.0.113.10:51820 keepalive 25: 10.70.0.0/24 192.168.201.0/24 "
                      "fd01:203:405::/64\n"
                      "routes: 10.70.0.0/24 192.168.201.0/24 fd01:203:405::/64\n"
                      "net/ipv4/ip_forward = 1\n"
                      "net/ipv4/conf/acme/rp_filter = 2\n"},
                {"e/laptop",
                 "acme, table tieline-acme, mtu 1420\n"
                 "address 10.70.0.4/32 fd01:203:405::4/128\n"
                 "peer z at 203.0.113.10:51820 keepalive 25: 10.70.0.0/24 192.168.200.0/24 "
                 "192.168.201.0/24 fd01:203:405::/64\n"
                 "routes: 10.70.0.0/24 192.168.200.0/24 192.168.201.0/24 fd01:203:405::/64\n"},
        };

        (void)unused;
        check_golden(TEST_OFFICE_SAMPLE, golden, WG_ARRAY_SIZE(golden));
}

/* Hubs in three countries; some sites and devices have a hub of their own. */
#define THREE_HUBS \
        "network: acme\n" \
        "addresses: [10.70.0.0/24, \"fd42::/64\"]\n" \
        "hubs:\n" \
        "  z1: {endpoint: z1.example, key: " TEST_KEY_1 "}\n" \
        "  z2: {endpoint: \"203.0.113.2:4500\", key: " TEST_KEY_2 ", mtu: 1492}\n" \
        "  z3: {endpoint: \"[2001:db8::3]:51820\", key: " TEST_KEY_3 "}\n" \
        "sites:\n" \
        "  s1: {node: a1, key: " TEST_KEY_4 ", lan: [192.168.1.0/24, \"fd77:1::/64\"]}\n" \
        "  s2: {node: a2, key: " TEST_KEY_5 ", lan: 192.168.2.0/24, hub: z2, mtu: 1400}\n" \
        "people:\n" \
        "  p: {devices: {d1: {hub: z3, key: " TEST_KEY_6 "}, d2: {hub: z2}}}\n"

static void test_three_hubs(void **unused)
{
        static const struct golden golden[] = {
                {"z1", "acme, table tieline-acme, mtu 1412, port 51820\n"
                       "address 10.70.0.1/32 fd42::1/128\n"
                       "peer a1: 10.70.0.4/32 192.168.1.0/24 fd42::4/128 fd77:1::/64\n"
                       "peer z2 at 203.0.113.2:4500: 10.70.0.2/32 10.70.0.5/32 10.70.0.7/32 "
                       "192.168.2.0/24 fd42::2/128 fd42::5/128 fd42::7/128\n"
                       "peer z3 at [2001:db8::3]:51820: 10.70.0.3/32 10.70.0.6/32 fd42::3/128 "
                       "fd42::6/128\n"
                       "routes: 10.70.0.0/24 192.168.1.0/24 192.168.2.0/24 fd42::/64 fd77:1::/64\n"
                       "net/ipv4/ip_forward = 1\n"
                       "net/ipv4/conf/acme/rp_filter = 2\n"
                       "net/ipv6/conf/all/forwarding = 1\n"},
                {"z2", "acme, table tieline-acme, mtu 1320, port 4500\n"
                       "address 10.70.0.2/32 fd42::2/128\n"
                       "peer a2: 10.70.0.5/32 192.168.2.0/24 fd42::5/128\n"
                       "peer p/d2: 10.70.0.7/32 fd42::7/128\n"
                       "peer z1 at z1.example:51820: 10.70.0.1/32 10.70.0.4/32 192.168.1.0/24 "
                       "fd42::1/128 fd42::4/128 fd77:1::/64\n"
                       "peer z3 at [2001:db8::3]:51820: 10.70.0.3/32 10.70.0.6/32 fd42::3/128 "
                       "fd42::6/128\n"
                       "routes: 10.70.0.0/24 192.168.1.0/24 192.168.2.0/24 fd42::/64 fd77:1::/64\n"
                       "net/ipv4/ip_forward = 1\n"
                       "net/ipv4/conf/acme/rp_filter = 2\n"
                       "net/ipv6/conf/all/forwarding = 1\n"},
                {"a1",
                 "acme, table tieline-acme, mtu 1420\n"
                 "address 10.70.0.4/32 fd42::4/128\n"
                 "peer z1 at z1.example:51820 keepalive 25: 10.70.0.0/24 192.168.2.0/24 fd42::/64\n"
                 "routes: 10.70.0.0/24 192.168.2.0/24 fd42::/64\n"
                 "net/ipv4/ip_forward = 1\n"
                 "net/ipv4/conf/acme/rp_filter = 2\n"
                 "net/ipv6/conf/all/forwarding = 1\n"},
                {"a2", "acme, table tieline-acme, mtu 1320\n"
                       "address 10.70.0.5/32 fd42::5/128\n"
                       "peer z2 at 203.0.113.2:4500 keepalive 25: 10.70.0.0/24 192.168.1.0/24 "
                       "fd42::/64 fd77:1::/64\n"
                       "routes: 10.70.0.0/24 192.168.1.0/24 fd42::/64 fd77:1::/64\n"
                       "net/ipv4/ip_forward = 1\n"
                       "net/ipv4/conf/acme/rp_filter = 2\n"},
                {"p/d1",
                 "acme, table tieline-acme, mtu 1420\n"
                 "address 10.70.0.6/32 fd42::6/128\n"
                 "peer z3 at [2001:db8::3]:51820 keepalive 25: 10.70.0.0/24 192.168.1.0/24 "
                 "192.168.2.0/24 fd42::/64 fd77:1::/64\n"
                 "routes: 10.70.0.0/24 192.168.1.0/24 192.168.2.0/24 fd42::/64 fd77:1::/64\n"},
        };

        (void)unused;
        check_golden(THREE_HUBS, golden, WG_ARRAY_SIZE(golden));
}

/* Sites s1 and s2 are public, and talk directly. */
#define DIRECT \
        "network: acme\n" \
        "addresses: 10.70.0.0/24\n" \
        "hubs:\n" \
        "  z: {endpoint: z.example, key: " TEST_KEY_1 "}\n" \
        "sites:\n" \
        "  s1: {node: a1, key: " TEST_KEY_2 ", lan: 192.168.1.0/24, endpoint: \"s1.example:4500\"}\n" \
        "  s2: {node: a2, key: " TEST_KEY_3 ", lan: 192.168.2.0/24, endpoint: 198.51.100.2}\n" \
        "  s3: {node: a3, key: " TEST_KEY_4 ", lan: 192.168.3.0/24}\n"

static void test_direct(void **unused)
{
        static const struct golden golden[] = {
                {"z",
                 "acme, table tieline-acme, mtu 1420, port 51820\n"
                 "address 10.70.0.1/32 fd01:203:405::1/128\n"
                 "peer a1 at s1.example:4500: 10.70.0.2/32 192.168.1.0/24 fd01:203:405::2/128\n"
                 "peer a2 at 198.51.100.2:51820: 10.70.0.3/32 192.168.2.0/24 fd01:203:405::3/128\n"
                 "peer a3: 10.70.0.4/32 192.168.3.0/24 fd01:203:405::4/128\n"
                 "routes: 10.70.0.0/24 192.168.1.0/24 192.168.2.0/24 192.168.3.0/24 "
                 "fd01:203:405::/64\n"
                 "net/ipv4/ip_forward = 1\n"
                 "net/ipv4/conf/acme/rp_filter = 2\n"
                 "net/ipv6/conf/all/forwarding = 1\n"},
                {"a1",
                 "acme, table tieline-acme, mtu 1420, port 4500\n"
                 "address 10.70.0.2/32 fd01:203:405::2/128\n"
                 "peer a2 at 198.51.100.2:51820: 10.70.0.3/32 192.168.2.0/24 fd01:203:405::3/128\n"
                 "peer z at z.example:51820: 10.70.0.0/24 192.168.3.0/24 fd01:203:405::/64\n"
                 "routes: 10.70.0.0/24 192.168.2.0/24 192.168.3.0/24 fd01:203:405::/64\n"
                 "net/ipv4/ip_forward = 1\n"
                 "net/ipv4/conf/acme/rp_filter = 2\n"},
                {"a2",
                 "acme, table tieline-acme, mtu 1420, port 51820\n"
                 "address 10.70.0.3/32 fd01:203:405::3/128\n"
                 "peer a1 at s1.example:4500: 10.70.0.2/32 192.168.1.0/24 fd01:203:405::2/128\n"
                 "peer z at z.example:51820: 10.70.0.0/24 192.168.3.0/24 fd01:203:405::/64\n"
                 "routes: 10.70.0.0/24 192.168.1.0/24 192.168.3.0/24 fd01:203:405::/64\n"
                 "net/ipv4/ip_forward = 1\n"
                 "net/ipv4/conf/acme/rp_filter = 2\n"},
                {"a3", "acme, table tieline-acme, mtu 1420\n"
                       "address 10.70.0.4/32 fd01:203:405::4/128\n"
                       "peer z at z.example:51820 keepalive 25: 10.70.0.0/24 192.168.1.0/24 "
                       "192.168.2.0/24 fd01:203:405::/64\n"
                       "routes: 10.70.0.0/24 192.168.1.0/24 192.168.2.0/24 fd01:203:405::/64\n"
                       "net/ipv4/ip_forward = 1\n"
                       "net/ipv4/conf/acme/rp_filter = 2\n"},
        };

        (void)unused;
        check_golden(DIRECT, golden, WG_ARRAY_SIZE(golden));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sample),
                cmocka_unit_test(test_three_hubs),
                cmocka_unit_test(test_direct),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
