/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/nodeplan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/address.h"
#include "net/derive.h"
#include "net/prefixes.h"
#include "test/lib/cmocka.h"
#include "test/lib/heap.h"
#include "test/lib/nodeplan_dump.h"
#include "test/lib/random_office.h"
#include "test/lib/tool.h"

enum { DUMP_SIZE = 64 * 1024 };

static void make(struct tl_nodeplan *plan, struct test_office *office, const char *name,
                 const struct tl_local *local)
{
        struct tl_policy policy;

        assert_true(tl_policy_build(&policy, &office->model, &office->findings));
        assert_true(tl_nodeplan_make(plan, &office->model, &policy,
                                     test_office_node(&office->model, name), local,
                                     &office->findings));
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
                      "peer a: 10.70.0.2/32 10.200.0.0/24 192.168.201.0/24 fd01:203:405::2/128\n"
                      "peer c: 10.70.0.3/32 10.200.1.0/24 192.168.200.0/24 fd01:203:405::3/128\n"
                      "peer e/laptop: 10.70.0.4/32 fd01:203:405::4/128\n"
                      "peer f/laptop: 10.70.0.5/32 fd01:203:405::5/128\n"
                      "peer f/phone: 10.70.0.6/32 fd01:203:405::6/128\n"
                      "routes: 10.70.0.0/24 10.200.0.0/16 192.168.200.0/24 192.168.201.0/24 "
                      "fd01:203:405::/64\n"
                      "net/ipv4/ip_forward = 1\n"
                      "net/ipv4/conf/acme/rp_filter = 2\n"
                      "net/ipv6/conf/all/forwarding = 1\n"},
                {"a", "acme, table tieline-acme, mtu 1420\n"
                      "address 10.70.0.2/32 fd01:203:405::2/128\n"
                      "peer z at 203.0.113.10:51820 keepalive 25: 10.70.0.0/24 10.200.0.0/16 "
                      "192.168.200.0/24 fd01:203:405::/64\n"
                      "routes: 10.70.0.0/24 10.200.0.0/16 192.168.200.0/24 fd01:203:405::/64\n"
                      "net/ipv4/ip_forward = 1\n"
                      "net/ipv4/conf/acme/rp_filter = 2\n"},
                {"c", "acme, table tieline-acme, mtu 1420\n"
                      "address 10.70.0.3/32 fd01:203:405::3/128\n"
                      "peer z at 203.0.113.10:51820 keepalive 25: 10.70.0.0/24 10.200.0.0/16 "
                      "192.168.201.0/24 fd01:203:405::/64\n"
                      "routes: 10.70.0.0/24 10.200.0.0/16 192.168.201.0/24 fd01:203:405::/64\n"
                      "net/ipv4/ip_forward = 1\n"
                      "net/ipv4/conf/acme/rp_filter = 2\n"},
                {"e/laptop",
                 "acme, table tieline-acme, mtu 1420\n"
                 "address 10.70.0.4/32 fd01:203:405::4/128\n"
                 "peer z at 203.0.113.10:51820 keepalive 25: 10.70.0.0/24 10.200.0.0/16 "
                 "192.168.200.0/24 192.168.201.0/24 fd01:203:405::/64\n"
                 "routes: 10.70.0.0/24 10.200.0.0/16 192.168.200.0/24 192.168.201.0/24 "
                 "fd01:203:405::/64\n"},
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
                {"z1",
                 "acme, table tieline-acme, mtu 1420, port 51820\n"
                 "address 10.70.0.1/32 fd42::1/128\n"
                 "peer a1: 10.70.0.4/32 10.200.0.0/24 192.168.1.0/24 fd42::4/128 fd77:1::/64\n"
                 "peer z2 at 203.0.113.2:4500: 10.70.0.2/32 10.70.0.5/32 10.70.0.7/32 "
                 "10.200.1.0/24 192.168.2.0/24 fd42::2/128 fd42::5/128 fd42::7/128\n"
                 "peer z3 at [2001:db8::3]:51820: 10.70.0.3/32 10.70.0.6/32 fd42::3/128 "
                 "fd42::6/128\n"
                 "routes: 10.70.0.0/24 10.70.0.2/32 mtu 1408! 10.70.0.5/32 mtu 1312! 10.70.0.7/32 "
                 "mtu 1408! 10.200.0.0/16 10.200.1.0/24 mtu 1312! 192.168.1.0/24 192.168.2.0/24 "
                 "mtu 1312 fd42::/64 fd42::2/128 mtu 1408! fd42::5/128 mtu 1312! fd42::7/128 mtu "
                 "1408! fd77:1::/64\n"
                 "net/ipv4/ip_forward = 1\n"
                 "net/ipv4/conf/acme/rp_filter = 2\n"
                 "net/ipv6/conf/all/forwarding = 1\n"},
                {"z2",
                 "acme, table tieline-acme, mtu 1412, port 4500\n"
                 "address 10.70.0.2/32 fd42::2/128\n"
                 "peer a2: 10.70.0.5/32 10.200.1.0/24 192.168.2.0/24 fd42::5/128\n"
                 "peer z1 at z1.example:51820: 10.70.0.1/32 10.70.0.4/32 10.200.0.0/24 "
                 "192.168.1.0/24 fd42::1/128 fd42::4/128 fd77:1::/64\n"
                 "peer z3 at [2001:db8::3]:51820: 10.70.0.3/32 10.70.0.6/32 fd42::3/128 "
                 "fd42::6/128\n"
                 "routes: 10.70.0.0/24 10.70.0.5/32 mtu 1312! 10.200.0.0/16 10.200.1.0/24 mtu "
                 "1312! 192.168.1.0/24 192.168.2.0/24 mtu 1312 fd42::/64 fd42::5/128 mtu 1312! "
                 "fd77:1::/64\n"
                 "net/ipv4/ip_forward = 1\n"
                 "net/ipv4/conf/acme/rp_filter = 2\n"
                 "net/ipv6/conf/all/forwarding = 1\n"},
                {"a1",
                 "acme, table tieline-acme, mtu 1420\n"
                 "address 10.70.0.4/32 fd42::4/128\n"
                 "peer z1 at z1.example:51820 keepalive 25: 10.70.0.0/24 10.200.0.0/16 "
                 "192.168.2.0/24 fd42::/64\n"
                 "routes: 10.70.0.0/24 10.70.0.2/32 mtu 1408! 10.70.0.5/32 mtu 1312! 10.70.0.7/32 "
                 "mtu 1408! 10.200.0.0/16 10.200.1.0/24 mtu 1312! 192.168.2.0/24 mtu 1312 "
                 "fd42::/64 fd42::2/128 mtu 1408! fd42::5/128 mtu 1312! fd42::7/128 mtu 1408!\n"
                 "net/ipv4/ip_forward = 1\n"
                 "net/ipv4/conf/acme/rp_filter = 2\n"
                 "net/ipv6/conf/all/forwarding = 1\n"},
                {"a2", "acme, table tieline-acme, mtu 1320\n"
                       "address 10.70.0.5/32 fd42::5/128\n"
                       "peer z2 at 203.0.113.2:4500 keepalive 25: 10.70.0.0/24 10.200.0.0/16 "
                       "192.168.1.0/24 fd42::/64 fd77:1::/64\n"
                       "routes: 10.70.0.0/24 10.200.0.0/16 192.168.1.0/24 fd42::/64 fd77:1::/64\n"
                       "net/ipv4/ip_forward = 1\n"
                       "net/ipv4/conf/acme/rp_filter = 2\n"},
                {"p/d1",
                 "acme, table tieline-acme, mtu 1420\n"
                 "address 10.70.0.6/32 fd42::6/128\n"
                 "peer z3 at [2001:db8::3]:51820 keepalive 25: 10.70.0.0/24 10.200.0.0/16 "
                 "192.168.1.0/24 192.168.2.0/24 fd42::/64 fd77:1::/64\n"
                 "routes: 10.70.0.0/24 10.70.0.2/32 mtu 1408! 10.70.0.5/32 mtu 1312! 10.70.0.7/32 "
                 "mtu 1408! 10.200.0.0/16 10.200.1.0/24 mtu 1312! 192.168.1.0/24 192.168.2.0/24 "
                 "mtu 1312 fd42::/64 fd42::2/128 mtu 1408! fd42::5/128 mtu 1312! fd42::7/128 mtu "
                 "1408! fd77:1::/64\n"},
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
        "  s1: {node: a1, key: " TEST_KEY_2 \
        ", lan: 192.168.1.0/24, endpoint: \"s1.example:4500\"}\n" \
        "  s2: {node: a2, key: " TEST_KEY_3 ", lan: 192.168.2.0/24, endpoint: 198.51.100.2}\n" \
        "  s3: {node: a3, key: " TEST_KEY_4 ", lan: 192.168.3.0/24}\n"

static void test_direct(void **unused)
{
        static const struct golden golden[] = {
                {"z",
                 "acme, table tieline-acme, mtu 1420, port 51820\n"
                 "address 10.70.0.1/32 fd01:203:405::1/128\n"
                 "peer a1 at s1.example:4500: 10.70.0.2/32 10.200.0.0/24 192.168.1.0/24 "
                 "fd01:203:405::2/128\n"
                 "peer a2 at 198.51.100.2:51820: 10.70.0.3/32 10.200.1.0/24 192.168.2.0/24 "
                 "fd01:203:405::3/128\n"
                 "peer a3: 10.70.0.4/32 10.200.2.0/24 192.168.3.0/24 fd01:203:405::4/128\n"
                 "routes: 10.70.0.0/24 10.200.0.0/16 192.168.1.0/24 192.168.2.0/24 192.168.3.0/24 "
                 "fd01:203:405::/64\n"
                 "net/ipv4/ip_forward = 1\n"
                 "net/ipv4/conf/acme/rp_filter = 2\n"
                 "net/ipv6/conf/all/forwarding = 1\n"},
                {"a1", "acme, table tieline-acme, mtu 1420, port 4500\n"
                       "address 10.70.0.2/32 fd01:203:405::2/128\n"
                       "peer a2 at 198.51.100.2:51820: 10.70.0.3/32 10.200.1.0/24 192.168.2.0/24 "
                       "fd01:203:405::3/128\n"
                       "peer z at z.example:51820: 10.70.0.0/24 10.200.0.0/16 192.168.3.0/24 "
                       "fd01:203:405::/64\n"
                       "routes: 10.70.0.0/24 10.200.0.0/16 192.168.2.0/24 192.168.3.0/24 "
                       "fd01:203:405::/64\n"
                       "net/ipv4/ip_forward = 1\n"
                       "net/ipv4/conf/acme/rp_filter = 2\n"},
                {"a2", "acme, table tieline-acme, mtu 1420, port 51820\n"
                       "address 10.70.0.3/32 fd01:203:405::3/128\n"
                       "peer a1 at s1.example:4500: 10.70.0.2/32 10.200.0.0/24 192.168.1.0/24 "
                       "fd01:203:405::2/128\n"
                       "peer z at z.example:51820: 10.70.0.0/24 10.200.0.0/16 192.168.3.0/24 "
                       "fd01:203:405::/64\n"
                       "routes: 10.70.0.0/24 10.200.0.0/16 192.168.1.0/24 192.168.3.0/24 "
                       "fd01:203:405::/64\n"
                       "net/ipv4/ip_forward = 1\n"
                       "net/ipv4/conf/acme/rp_filter = 2\n"},
                {"a3", "acme, table tieline-acme, mtu 1420\n"
                       "address 10.70.0.4/32 fd01:203:405::4/128\n"
                       "peer z at z.example:51820 keepalive 25: 10.70.0.0/24 10.200.0.0/16 "
                       "192.168.1.0/24 192.168.2.0/24 fd01:203:405::/64\n"
                       "routes: 10.70.0.0/24 10.200.0.0/16 192.168.1.0/24 192.168.2.0/24 "
                       "fd01:203:405::/64\n"
                       "net/ipv4/ip_forward = 1\n"
                       "net/ipv4/conf/acme/rp_filter = 2\n"},
        };

        (void)unused;
        check_golden(DIRECT, golden, WG_ARRAY_SIZE(golden));
}

/* Sites s1 and s2 have the same prefix. The homes of p/d and p/s have that of s3. */
#define HARD \
        "network: acme\n" \
        "addresses: 10.70.0.0/24\n" \
        "hubs:\n" \
        "  z: {endpoint: 203.0.113.1, key: " TEST_KEY_1 "}\n" \
        "sites:\n" \
        "  s1: {node: {name: a1, at: 192.168.1.2}, lan: 192.168.1.0/24, key: " TEST_KEY_2 ",\n" \
        "       gateway: {kind: drops-invalid, at: 192.168.1.1}}\n" \
        "  s2: {node: a2, lan: 192.168.1.0/24, key: " TEST_KEY_3 ", devices: {d: 192.168.1.9},\n" \
        "       gateway: untouchable, virtual: {192.168.1.240: p/d, 192.168.1.248/30: " \
        "192.168.3.248/30}}\n" \
        "  s3: {node: a3, lan: [192.168.3.0/24, \"fd77::/64\"], key: " TEST_KEY_4 "}\n" \
        "people:\n" \
        "  p: {devices: {d: {lan: 192.168.0.0/22, key: " TEST_KEY_5 "},\n" \
        "                s: {lan: 192.168.3.0/24, key: " TEST_KEY_6 ", stock: true}}}\n"

static void test_hard(void **unused)
{
        static const struct golden golden[] = {
                {"z",
                 "acme, table tieline-acme, mtu 1420, port 51820\n"
                 "address 10.70.0.1/32 fd01:203:405::1/128\n"
                 "peer a1: 10.70.0.2/32 10.200.0.0/24 fd01:203:405::2/128\n"
                 "peer a2: 10.70.0.3/32 10.200.1.0/24 fd01:203:405::3/128\n"
                 "peer a3: 10.70.0.4/32 10.200.2.0/24 192.168.3.0/24 fd01:203:405::4/128 "
                 "fd77::/64\n"
                 "peer p/d: 10.70.0.5/32 fd01:203:405::5/128\n"
                 "peer p/s: 10.70.0.6/32 fd01:203:405::6/128\n"
                 "routes: 10.70.0.0/24 10.200.0.0/16 192.168.3.0/24 fd01:203:405::/64 fd77::/64\n"
                 "net/ipv4/ip_forward = 1\n"
                 "net/ipv4/conf/acme/rp_filter = 2\n"
                 "net/ipv6/conf/all/forwarding = 1\n"},
                {"a1",
                 "acme, table tieline-acme, mtu 1420\n"
                 "address 10.70.0.2/32 fd01:203:405::2/128\n"
                 "peer z at 203.0.113.1:51820 keepalive 25: 10.70.0.0/24 10.200.0.0/16 "
                 "192.168.3.0/24 fd01:203:405::/64 fd77::/64\n"
                 "routes: 10.70.0.0/24 10.200.0.0/16 192.168.3.0/24 fd01:203:405::/64 fd77::/64\n"
                 "table way_back: 192.168.1.0/24 via 192.168.1.1 dev ?\n"
                 "rule ipv4 from 10.70.0.2/32: way_back\n"
                 "rule ipv4 out of the tunnel: way_back\n"
                 "net/ipv4/ip_forward = 1\n"
                 "net/ipv4/conf/acme/rp_filter = 2\n"},
                {"a2", "acme, table tieline-acme, mtu 1420\n"
                       "address 10.70.0.3/32 fd01:203:405::3/128\n"
                       "peer z at 203.0.113.1:51820 keepalive 25: 10.70.0.0/24 10.200.0.0/16 "
                       "192.168.3.0/24 fd01:203:405::/64 fd77::/64\n"
                       "routes: 10.70.0.0/24 10.200.0.0/16 192.168.1.240/32 192.168.1.248/30 "
                       "192.168.3.0/24 fd01:203:405::/64 fd77::/64\n"
                       "answer for 192.168.1.240 on ?\n"
                       "answer for 192.168.1.248 on ?\n"
                       "answer for 192.168.1.249 on ?\n"
                       "answer for 192.168.1.250 on ?\n"
                       "answer for 192.168.1.251 on ?\n"
                       "net/ipv4/ip_forward = 1\n"
                       "net/ipv4/conf/acme/rp_filter = 2\n"},
                {"a3", "acme, table tieline-acme, mtu 1420\n"
                       "address 10.70.0.4/32 fd01:203:405::4/128\n"
                       "peer z at 203.0.113.1:51820 keepalive 25: 10.70.0.0/24 10.200.0.0/16 "
                       "fd01:203:405::/64\n"
                       "routes: 10.70.0.0/24 10.200.0.0/16 fd01:203:405::/64\n"
                       "net/ipv4/ip_forward = 1\n"
                       "net/ipv4/conf/acme/rp_filter = 2\n"
                       "net/ipv6/conf/all/forwarding = 1\n"},
                {"p/d", "acme, table tieline-acme, mtu 1420\n"
                        "address 10.70.0.5/32 fd01:203:405::5/128\n"
                        "peer z at 203.0.113.1:51820 keepalive 25: 10.70.0.0/24 10.200.0.0/16 "
                        "192.168.3.0/24 fd01:203:405::/64 fd77::/64\n"
                        "routes: 10.70.0.0/24 10.200.0.0/16 fd01:203:405::/64 fd77::/64\n"
                        "table hidden: 192.168.3.0/24\n"
                        "rule ipv4 from 10.70.0.5/32: hidden\n"},
                {"p/s", "acme, table tieline-acme, mtu 1420\n"
                        "address 10.70.0.6/32 fd01:203:405::6/128\n"
                        "peer z at 203.0.113.1:51820 keepalive 25: 10.70.0.0/24 10.200.0.0/16 "
                        "fd01:203:405::/64 fd77::/64\n"
                        "routes: 10.70.0.0/24 10.200.0.0/16 fd01:203:405::/64 fd77::/64\n"},
        };

        (void)unused;
        check_golden(HARD, golden, WG_ARRAY_SIZE(golden));
}

/* ---- what depends on the machine ---- */

static void check_local(const char *yaml, const char *node, const struct tl_local *local,
                        const char *wanted)
{
        static char dump[DUMP_SIZE];
        struct test_office office;
        struct tl_nodeplan plan;

        test_office_init(&office, yaml);
        make(&plan, &office, node, local);
        assert_string_equal(nodeplan_dump(dump, sizeof(dump), &plan, &office.model), wanted);
        tl_nodeplan_done(&plan);
        test_office_done(&office);
}

static void test_lacks_ipv6(void **unused)
{
        const struct tl_local local = {.lacks_ipv6 = true, .uplink_mtu = 1400};

        (void)unused;
        check_local(TEST_OFFICE_SAMPLE, "z", &local,
                    "acme, table tieline-acme, mtu 1320, port 51820\n"
                    "address 10.70.0.1/32\n"
                    "peer a: 10.70.0.2/32 10.200.0.0/24 192.168.201.0/24 fd01:203:405::2/128\n"
                    "peer c: 10.70.0.3/32 10.200.1.0/24 192.168.200.0/24 fd01:203:405::3/128\n"
                    "peer e/laptop: 10.70.0.4/32 fd01:203:405::4/128\n"
                    "peer f/laptop: 10.70.0.5/32 fd01:203:405::5/128\n"
                    "peer f/phone: 10.70.0.6/32 fd01:203:405::6/128\n"
                    "routes: 10.70.0.0/24 10.200.0.0/16 192.168.200.0/24 192.168.201.0/24\n"
                    "net/ipv4/ip_forward = 1\n"
                    "net/ipv4/conf/acme/rp_filter = 2\n");
}

/* Each uplink once, before forwarding; and IPv6 needs an MTU that this uplink does not offer. */
static void test_advertised_routes(void **unused)
{
        struct tl_local_route routes[] = {
                {.link = "eth0", .protocol = 9},
                {.link = "eth1", .protocol = 3},
                {.link = "eth0", .protocol = 9},
                {.link = "eth2", .protocol = 9},
        };
        const struct tl_local local = {.routes = routes, .route_count = 4, .uplink_mtu = 1300};

        (void)unused;
        check_local(
                DIRECT, "z", &local,
                "acme, table tieline-acme, mtu 1280, port 51820\n"
                "address 10.70.0.1/32 fd01:203:405::1/128\n"
                "peer a1 at s1.example:4500: 10.70.0.2/32 10.200.0.0/24 192.168.1.0/24 "
                "fd01:203:405::2/128\n"
                "peer a2 at 198.51.100.2:51820: 10.70.0.3/32 10.200.1.0/24 192.168.2.0/24 "
                "fd01:203:405::3/128\n"
                "peer a3: 10.70.0.4/32 10.200.2.0/24 192.168.3.0/24 fd01:203:405::4/128\n"
                "routes: 10.70.0.0/24 10.200.0.0/16 192.168.1.0/24 192.168.2.0/24 192.168.3.0/24 "
                "fd01:203:405::/64\n"
                "net/ipv4/ip_forward = 1\n"
                "net/ipv4/conf/acme/rp_filter = 2\n"
                "net/ipv6/conf/eth0/accept_ra = 2 if 1\n"
                "net/ipv6/conf/eth2/accept_ra = 2 if 1\n"
                "net/ipv6/conf/all/forwarding = 1\n");
}

/* Another program's drop keeps a node from its work, but not a device. */
static void test_drops(void **unused)
{
        struct tl_local_drop drop = {"ip filter FORWARD (Docker)", "what acme forwards", "do this"};
        const struct tl_local local = {.drops = &drop, .drop_count = 1};
        const struct {
                const char *node;
                bool is_good;
        } cases[] = {{"z", false}, {"a", false}, {"e/laptop", true}};
        struct tl_policy policy = {.is_open = true};
        struct test_office office;

        (void)unused;
        test_office_init(&office, TEST_OFFICE_SAMPLE);
        for (unsigned int i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                struct tl_findings findings = {0};
                struct tl_nodeplan plan;
                uint32_t node = test_office_node(&office.model, cases[i].node);

                assert_int_equal(
                        tl_nodeplan_make(&plan, &office.model, &policy, node, &local, &findings),
                        cases[i].is_good);
                assert_int_equal(findings.count, 1);
                assert_int_equal(tl_findings_has_errors(&findings), !cases[i].is_good);
                assert_string_equal(findings.items[0].message,
                                    "ip filter FORWARD (Docker) drops what acme forwards");
                assert_string_equal(findings.items[0].fix, "do this");
                tl_nodeplan_done(&plan);
                tl_findings_done(&findings);
        }
        test_office_done(&office);
}

/* ---- links and routers of LANs ---- */

/* The machine has two LANs at its site, and a third one behind the router. */
#define LANS \
        "network: acme\n" \
        "addresses: 10.70.0.0/24\n" \
        "hubs:\n" \
        "  z: {endpoint: 203.0.113.1, key: " TEST_KEY_1 "}\n" \
        "sites:\n" \
        "  s1: {node: {name: a, at: 192.168.1.2}, key: " TEST_KEY_2 ", gateway: drops-invalid,\n" \
        "       lan: [192.168.1.0/24, 192.168.2.0/24, 192.168.3.0/24, \"fd77::/64\"]}\n" \
        "  s2: {node: b, key: " TEST_KEY_3 ", gateway: untouchable, devices: {d: 10.9.0.7},\n" \
        "       lan: [10.9.0.0/24, \"fd78::/64\"], virtual: {10.9.0.240: z, \"fd78::f0\": z}}\n"

static struct tl_local_route default_route(const char *via, const char *link, uint32_t metric)
{
        struct tl_local_route route = {.via = test_office_ip(via), .metric = metric};

        route.prefix.ip.family = route.via.family;
        snprintf(route.link, sizeof(route.link), "%s", link);
        return route;
}

static void test_links(void **unused)
{
        struct tl_local_route routes[] = {
                default_route("192.168.2.1", "eth1", 0),
                default_route("192.168.1.250", "eth0", 200),
                default_route("192.168.1.1", "eth0", 100),
                default_route("fe80::1", "eth0", 1024),
        };
        struct tl_local_net nets[] = {
                {"eth1", test_office_ip("192.168.2.9"), 24},
                {"acme", test_office_ip("192.168.1.2"), 32},
                {"eth2", test_office_ip("192.168.1.77"), 24},
                {"eth0", test_office_ip("192.168.1.2"), 24},
                {"docker0", test_office_ip("172.17.0.1"), 16},
                {"eth0", test_office_ip("fd77::2"), 64},
        };
        const struct tl_local local = {
                .routes = routes, .route_count = 4, .nets = nets, .net_count = 6};
        struct tl_local_net virtual_nets[] = {{"br0", test_office_ip("10.9.0.2"), 24},
                                              {"br0", test_office_ip("fd78::2"), 64}};
        const struct tl_local virtual_local = {.nets = virtual_nets, .net_count = 2};

        (void)unused;
        check_local(LANS, "a", &local,
                    "acme, table tieline-acme, mtu 1420\n"
                    "address 10.70.0.2/32 fd01:203:405::2/128\n"
                    "peer z at 203.0.113.1:51820 keepalive 25: 10.9.0.0/24 10.70.0.0/24 "
                    "10.200.0.0/16 fd01:203:405::/64 fd78::/64\n"
                    "routes: 10.9.0.0/24 10.70.0.0/24 10.200.0.0/16 fd01:203:405::/64 fd78::/64\n"
                    "table way_back: 192.168.1.0/24 via 192.168.1.1 dev eth0 192.168.2.0/24 via "
                    "192.168.2.1 dev eth1 fd77::/64 via fe80::1 dev eth0\n"
                    "rule ipv4 from 10.70.0.2/32: way_back\n"
                    "rule ipv4 out of the tunnel: way_back\n"
                    "rule ipv6 from fd01:203:405::2/128: way_back\n"
                    "rule ipv6 out of the tunnel: way_back\n"
                    "net/ipv4/ip_forward = 1\n"
                    "net/ipv4/conf/acme/rp_filter = 2\n"
                    "net/ipv6/conf/all/forwarding = 1\n"
                    "net/ipv4/conf/eth0/accept_redirects = 0\n"
                    "net/ipv4/conf/eth1/accept_redirects = 0\n"
                    "net/ipv6/conf/eth0/accept_redirects = 0\n");
        check_local(LANS, "b", &virtual_local,
                    "acme, table tieline-acme, mtu 1420\n"
                    "address 10.70.0.3/32 fd01:203:405::3/128\n"
                    "peer z at 203.0.113.1:51820 keepalive 25: 10.70.0.0/24 10.200.0.0/16 "
                    "192.168.1.0/24 192.168.2.0/24 192.168.3.0/24 fd01:203:405::/64 fd77::/64\n"
                    "routes: 10.9.0.240/32 10.70.0.0/24 10.200.0.0/16 192.168.1.0/24 "
                    "192.168.2.0/24 192.168.3.0/24 fd01:203:405::/64 fd77::/64 fd78::f0/128\n"
                    "answer for 10.9.0.240 on br0\n"
                    "answer for fd78::f0 on br0\n"
                    "net/ipv4/ip_forward = 1\n"
                    "net/ipv4/conf/acme/rp_filter = 2\n"
                    "net/ipv6/conf/all/forwarding = 1\n"
                    "net/ipv4/neigh/br0/proxy_delay = 0\n"
                    "net/ipv6/conf/br0/proxy_ndp = 1\n"
                    "net/ipv6/neigh/br0/proxy_delay = 0\n");
}

/* What the machine must know, and what to do about it. */
static void test_unknown_links(void **unused)
{
        struct tl_local_net eth0[] = {{"eth0", test_office_ip("192.168.1.2"), 24}};
        struct tl_local_net br0[] = {{"br0", test_office_ip("10.9.0.2"), 24}};
        const struct tl_local lonely = {.lacks_ipv6 = true};
        const struct tl_local no_router = {.nets = eth0, .net_count = 1, .lacks_ipv6 = true};
        const struct tl_local no_ipv6 = {.nets = br0, .net_count = 1};
        const struct {
                const char *node;
                const struct tl_local *local;
                const char *findings;
        } cases[] = {
                {"a", NULL, ""},
                {"b", NULL, ""},
                {"a", &lonely,
                 "7:14: a has no address in 192.168.1.0/24, the LAN of its site; connect the "
                 "machine to its LAN, or correct the prefix in the file\n"},
                {"a", &no_router,
                 "6:102: a must send packets through the router of 192.168.1.0/24, and there is "
                 "no default route through eth0 that tells its address [7:14]; give its address: "
                 "`gateway: {kind: drops-invalid, at: ADDRESS}`\n"},
                {"b", &lonely,
                 "9:14: b has no address in 10.9.0.0/24, the LAN of its site; connect the machine "
                 "to its LAN, or correct the prefix in the file\n"},
                {"b", &no_ipv6,
                 "9:27: b has no address in fd78::/64, the LAN of its site; connect the machine "
                 "to its LAN, or correct the prefix in the file\n"},
        };
        struct tl_policy policy = {.is_open = true};
        struct test_office office;

        (void)unused;
        test_office_init(&office, LANS);
        for (unsigned int i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                struct tl_nodeplan plan;
                char text[1024];
                bool is_good = tl_nodeplan_make(&plan, &office.model, &policy,
                                                test_office_node(&office.model, cases[i].node),
                                                cases[i].local, &office.findings);

                if (strcmp(test_office_findings(&office, text, sizeof(text)), cases[i].findings))
                        fail_msg("case %u: %s", i, text);
                assert_int_equal(is_good, cases[i].findings[0] == '\0');
                tl_nodeplan_done(&plan);
                tl_findings_done(&office.findings);
        }
        test_office_done(&office);
}

/* Other nodes know of an uplink only what the file says. */
static void test_narrow_uplink(void **unused)
{
        static const struct {
                const char *node;
                uint32_t uplink_mtu;
                const char *findings;
        } cases[] = {
                {"z1", 0, ""},
                {"z1", 1500, ""},
                {"z1", 9000, ""},
                {"z1", 1420,
                 "4:3: the uplink of z1 has an MTU of 1420, but other nodes assume 1500; give it "
                 "`mtu: 1420`\n"},
                {"a2", 1400, ""},
                {"a2", 1399,
                 "9:104: the uplink of a2 has an MTU of 1399, but other nodes assume 1400; give it "
                 "`mtu: 1399`\n"},
        };
        struct test_office office;

        (void)unused;
        test_office_init(&office, THREE_HUBS);
        for (unsigned int i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                const struct tl_local local = {.uplink_mtu = cases[i].uplink_mtu};
                struct tl_nodeplan plan;
                char text[1024];

                make(&plan, &office, cases[i].node, &local);
                if (strcmp(test_office_findings(&office, text, sizeof(text)), cases[i].findings))
                        fail_msg("case %u: %s", i, text);
                tl_nodeplan_done(&plan);
                tl_findings_done(&office.findings);
        }
        test_office_done(&office);
}

static void test_missing_key(void **unused)
{
        struct test_office office;
        struct tl_nodeplan plan;
        char text[1024];

        (void)unused;
        test_office_init(&office, THREE_HUBS);
        make(&plan, &office, "z2", NULL);
        assert_string_equal(test_office_findings(&office, text, sizeof(text)),
                            "11:83: p/d2 has no key yet, so z2 leaves it out; run `tieline key` on "
                            "it, and add the key that it prints\n");
        tl_nodeplan_done(&plan);
        test_office_done(&office);
}

/* A model with a conflict is not planned: tielined would give the prefix to one of the two. */
static void test_same_prefix(void **unused)
{
        struct tl_policy policy = {.is_open = true};
        struct test_office office;
        struct tl_nodeplan plan;
        char text[1024];

        (void)unused;
        test_office_init(&office, TEST_OFFICE_SAMPLE);
        office.model.lans[1].prefix = office.model.lans[1].wire = office.model.lans[0].prefix;
        assert_false(tl_nodeplan_make(&plan, &office.model, &policy, 0, NULL, &office.findings));
        assert_string_equal(test_office_findings(&office, text, sizeof(text)),
                            "7:18: a and c have the same prefix [6:19]; give each of them its own "
                            "prefix\n");
        tl_nodeplan_done(&plan);
        test_office_done(&office);
}

/* ---- the order of a file ---- */

#define REORDERED \
        "people:\n" \
        "  f: {groups: [developers], devices: {phone: {key: " TEST_KEY_6 \
        ", stock: true}, laptop: {key: " TEST_KEY_5 "}}}\n" \
        "  e: {groups: [developers], devices: {laptop: {key: " TEST_KEY_4 "}}}\n" \
        "sites:\n" \
        "  beijing: {lan: 192.168.200.0/24, node: c, key: " TEST_KEY_3 \
        ", devices: {d: 192.168.200.244}}\n" \
        "  shenzhen: {lan: 192.168.201.0/24, node: a, key: " TEST_KEY_2 \
        ", devices: {b: 192.168.201.55}}\n" \
        "hubs:\n" \
        "  z: {endpoint: \"203.0.113.10:51820\", key: " TEST_KEY_1 "}\n" \
        "addresses: 10.70.0.0/24\n" \
        "network: acme\n"

#define RULES \
        "policy:\n" \
        "  - {from: developers, to: [beijing, shenzhen], ports: [1-99/tcp, 443/tcp]}\n" \
        "  - {from: e, to: beijing, ports: [50-150/tcp, icmp]}\n" \
        "  - {from: [b, beijing], to: people}\n"

#define REORDERED_RULES \
        "policy:\n" \
        "  - {to: people, from: [beijing, b]}\n" \
        "  - {from: e, to: beijing, ports: [icmp, 50-150/tcp]}\n" \
        "  - {from: developers, to: [shenzhen, beijing], ports: [443/tcp, 1-99/tcp]}\n"

/* Reads a file with the lock of another one. */
static void read_with_lock(struct test_office *office, const char *yaml, struct tl_lock *lock)
{
        static const uint8_t random[5];
        uint32_t changes;

        memset(office, 0, sizeof(*office));
        assert_true(tl_network_parse(&office->network, yaml, strlen(yaml), &office->findings));
        assert_true(tl_derive(lock, &office->network, random, &changes, &office->findings));
        assert_true(tl_model_build(&office->model, &office->network, lock, &office->findings));
}

static void test_order(void **unused)
{
        static const char *const nodes[] = {"z", "a", "c", "e/laptop"};
        static char dumps[2][DUMP_SIZE];
        struct test_office offices[2];

        (void)unused;
        test_office_init(&offices[0], TEST_OFFICE_SAMPLE RULES);
        read_with_lock(&offices[1], REORDERED REORDERED_RULES, &offices[0].lock);
        for (unsigned int i = 0; i < WG_ARRAY_SIZE(nodes); i++) {
                struct tl_nodeplan plans[2];

                for (unsigned int j = 0; j < 2; j++) {
                        make(&plans[j], &offices[j], nodes[i], NULL);
                        nodeplan_dump(dumps[j], DUMP_SIZE, &plans[j], &offices[j].model);
                }
                assert_string_equal(dumps[0], dumps[1]);
                assert_string_equal(plans[0].nft, plans[1].nft);
                for (unsigned int j = 0; j < 2; j++)
                        tl_nodeplan_done(&plans[j]);
        }
        for (unsigned int j = 2; j-- > 0;)
                test_office_done(&offices[j]);
}

/* ---- random networks: what the plans do together ---- */

/* All plans of a network. */
struct world {
        struct test_office office;
        struct tl_policy policy;
        struct tl_nodeplan *plans; /* per node */
        const char *file;
};

static void make_world(struct world *w, const char *file)
{
        w->file = file;
        test_office_init(&w->office, file);
        assert_true(tl_policy_build(&w->policy, &w->office.model, &w->office.findings));
        w->plans = calloc(w->office.model.node_count, sizeof(*w->plans));
        assert_non_null(w->plans);
        for (uint32_t i = 0; i < w->office.model.node_count; i++)
                assert_true(tl_nodeplan_make(&w->plans[i], &w->office.model, &w->policy, i, NULL,
                                             &w->office.findings));
}

static void drop_world(struct world *w)
{
        for (uint32_t i = 0; i < w->office.model.node_count; i++)
                tl_nodeplan_done(&w->plans[i]);
        free(w->plans);
        tl_policy_done(&w->policy);
        test_office_done(&w->office);
}

/* The node that a node's allowed IPs give an address to; TL_MODEL_NONE: none. */
static uint32_t find_peer(const struct world *w, uint32_t node, const struct wg_ip *ip)
{
        const struct tl_change *device = &w->plans[node].device;
        const struct tl_change_peer *best = NULL;
        int longest = -1;

        for (uint32_t i = 0; i < device->peer_count; i++) {
                const struct tl_change_peer *peer = tl_change_peer_at(device, i);

                for (uint32_t j = 0; j < peer->allowed_ip_count; j++) {
                        const struct wg_prefix *prefix =
                                &tl_change_peer_allowed_ip(device, peer, j)->prefix;

                        if (prefix->cidr > longest && wg_prefix_contains(prefix, ip)) {
                                longest = prefix->cidr;
                                best = peer;
                        }
                }
        }
        return best ? tl_model_find_key(&w->office.model, best->public_key) : TL_MODEL_NONE;
}

/* The longest route for an address; NULL: there is none. */
static const struct tl_planned_route *find_route(const struct world *w, uint32_t node,
                                                 const struct wg_ip *ip)
{
        const struct tl_nodeplan *plan = &w->plans[node];
        const struct tl_planned_route *best = NULL;

        for (uint32_t i = 0; i < plan->route_count; i++) {
                const struct tl_planned_route *route = &plan->routes[i];

                if (route->table == TL_PLANNED_MAIN && wg_prefix_contains(&route->prefix, ip) &&
                    (!best || route->prefix.cidr > best->prefix.cidr ||
                     (route->prefix.cidr == best->prefix.cidr && route->metric < best->metric)))
                        best = route;
        }
        return best;
}

static bool is_routed(const struct world *w, uint32_t node, const struct wg_ip *ip)
{
        const struct tl_planned_route *route = find_route(w, node, ip);

        return route && route->kind == TL_PLANNED_LINK;
}

/* Whether an address is the node's own, or in a LAN of its site. */
static bool is_at(const struct world *w, uint32_t node, const struct wg_ip *ip)
{
        const struct tl_model *model = &w->office.model;
        const struct tl_node *self = &model->nodes[node];

        for (uint32_t i = 0; i < model->lan_count && self->site != TL_MODEL_NONE; i++)
                if (model->lans[i].site == self->site &&
                    wg_prefix_contains(&model->lans[i].prefix, ip))
                        return true;
        return wg_ip_equal(&self->ip4, ip) || wg_ip_equal(&self->ip6, ip);
}

/* Whether all nodes on the way have keys, which they need to be peers. */
static bool has_keys(const struct tl_model *model, uint32_t from, uint32_t to)
{
        for (; from != to; from = tl_model_next(model, from, to))
                if (!model->nodes[from].in_file->key_at.line)
                        return false;
        return model->nodes[to].in_file->key_at.line > 0;
}

/* Carries a packet as the plans say. Returns the node where it arrives; TL_MODEL_NONE: it does not.
 */
static uint32_t carry(const struct world *w, uint32_t at, const struct wg_ip *from,
                      const struct wg_ip *to)
{
        for (unsigned int hops = 0; hops < 4 && !is_at(w, at, to); hops++) {
                uint32_t next = is_routed(w, at, to) ? find_peer(w, at, to) : TL_MODEL_NONE;

                if (next == TL_MODEL_NONE || find_peer(w, next, from) != at)
                        return TL_MODEL_NONE;
                at = next;
        }
        return is_at(w, at, to) ? at : TL_MODEL_NONE;
}

/* An address at a node, of a family: its own, or in a LAN. */
static struct wg_ip address_at(const struct tl_model *model, uint32_t node, uint8_t family,
                               uint64_t *state)
{
        const struct tl_node *self = &model->nodes[node];
        uint32_t lan = (uint32_t)(tool_random(state) % model->lan_count);
        struct wg_ip ip = model->lans[lan].prefix.ip;

        if (model->lans[lan].site != self->site || ip.family != family)
                return family == WG_FAMILY_IPV4 ? self->ip4 : self->ip6;
        ip.bytes[wg_ip_bits(&ip) / 8 - 1] = 99;
        return ip;
}

/* Compares the MTU of a route with what the uplinks of all nodes on the way take, once a packet is
 * padded to 16 bytes, at most to the MTU of the link. */
static void check_mtu(const struct world *w, uint32_t from, uint32_t node, const struct wg_ip *to)
{
        const struct tl_nodeplan *plan = &w->plans[from];
        uint32_t uplink = UINT32_MAX, mtu = find_route(w, from, to)->mtu, padded;

        for (uint32_t at = from;; at = find_peer(w, at, to)) {
                uint32_t own = w->office.model.nodes[at].in_file->mtu;

                uplink = WG_MIN(uplink, own ? own : 1500);
                if (at == node)
                        break;
        }
        uplink = WG_MAX(uplink, 1280 + 80); /* IPv6 needs it, whatever there is */
        assert_true(mtu < plan->mtu);
        if (w->office.model.nodes[from].is_stock) {
                assert_true(plan->mtu <= uplink - 80);
                return;
        }
        mtu = mtu ? mtu : plan->mtu;
        padded = WG_MIN((mtu + 15) / 16 * 16, plan->mtu);
        if (padded > uplink - 80 || mtu + 16 <= uplink - 80)
                fail_msg("from %s to %s: MTU %u, and the narrowest uplink %u\n%s",
                         w->office.model.nodes[from].name, w->office.model.nodes[node].name, mtu,
                         uplink, w->file);
}

static void check_pair(const struct world *w, uint32_t a, uint32_t b, uint64_t *state)
{
        static const uint8_t families[] = {WG_FAMILY_IPV4, WG_FAMILY_IPV6};
        const struct tl_model *model = &w->office.model;
        bool is_wanted = has_keys(model, a, b) && has_keys(model, b, a);

        for (unsigned int i = 0; i < WG_ARRAY_SIZE(families); i++) {
                struct wg_ip from = address_at(model, a, families[i], state),
                             to = address_at(model, b, families[i], state);
                uint32_t arrived = carry(w, a, &from, &to);

                if (arrived != (is_wanted ? b : TL_MODEL_NONE) &&
                    !(arrived == b && model->nodes[b].in_file->key_at.line == 0))
                        fail_msg("from %s to %s: arrives at %s\n%s", model->nodes[a].name,
                                 model->nodes[b].name,
                                 arrived == TL_MODEL_NONE ? "nothing" : model->nodes[arrived].name,
                                 w->file);
                if (arrived == b)
                        check_mtu(w, a, b, &to);
        }
}

static int compare(const void *a, const void *b)
{
        return tl_prefixes_compare(a, b);
}

/* No two peers have the same prefix, and none has a prefix of the node itself. */
static void check_prefixes(const struct world *w, uint32_t node)
{
        const struct tl_model *model = &w->office.model;
        const struct tl_change *device = &w->plans[node].device;
        struct wg_prefix *all = calloc(device->allowed_ip_count + 1, sizeof(*all));

        assert_non_null(all);
        for (uint32_t i = 0; i < device->allowed_ip_count; i++) {
                all[i] = tl_change_allowed_ip_at(device, i)->prefix;
                for (uint32_t j = 0; j < model->lan_count; j++)
                        assert_false(model->lans[j].site == model->nodes[node].site &&
                                     wg_prefix_overlaps(&all[i], &model->lans[j].prefix));
        }
        qsort(all, device->allowed_ip_count, sizeof(*all), compare);
        for (uint32_t i = 1; i < device->allowed_ip_count; i++)
                if (tl_prefixes_compare(&all[i - 1], &all[i]) == 0)
                        fail_msg("%s: one prefix twice\n%s", model->nodes[node].name, w->file);
        free(all);
}

/* A tunnel between two peers has an endpoint at one end at least, and keepalives only from an end
 * that is not a hub and has none. */
static void check_peers(const struct world *w, uint32_t node)
{
        const struct tl_model *model = &w->office.model;
        const struct tl_node *self = &model->nodes[node];
        bool is_hidden = self->kind != TL_NODE_HUB && !self->in_file->endpoint.host.text;

        for (uint32_t i = 0; i < w->plans[node].device.peer_count; i++) {
                const struct tl_change_peer *peer = tl_change_peer_at(&w->plans[node].device, i);
                uint32_t other = tl_model_find_key(model, peer->public_key);

                assert_true(tl_model_is_peer(model, node, other));
                assert_true(peer->has_endpoint || !is_hidden);
                assert_int_equal(peer->has_endpoint,
                                 model->nodes[other].in_file->endpoint.host.text != NULL);
                assert_int_equal(peer->persistent_keepalive_s, is_hidden ? 25 : 0);
        }
}

static void test_walks(void **unused)
{
        static char file[RANDOM_OFFICE_SIZE];
        uint64_t state = random_office_seed();

        (void)unused;
        for (unsigned int round = 0; round < 60; round++) {
                struct world w;

                random_office_write(file, &state, false, false);
                make_world(&w, file);
                for (uint32_t a = 0; a < w.office.model.node_count; a++) {
                        check_prefixes(&w, a);
                        check_peers(&w, a);
                        for (uint32_t b = 0; b < w.office.model.node_count; b++)
                                if (a != b)
                                        check_pair(&w, a, b, &state);
                }
                drop_world(&w);
        }
}

/* Each allocation in turn is refused, until none is. */
static void starve(const char *yaml, const char *node)
{
        struct test_office office;
        struct tl_policy policy;
        bool is_good = false;

        test_office_init(&office, yaml);
        assert_true(tl_policy_build(&policy, &office.model, &office.findings));
        for (long allocations = 0; !is_good; allocations++) {
                struct tl_findings findings = {0};
                struct tl_nodeplan plan;

                heap_fail_after(allocations);
                is_good = tl_nodeplan_make(&plan, &office.model, &policy,
                                           test_office_node(&office.model, node), NULL, &findings);
                heap_fail_after(-1);
                assert_int_equal(is_good, !tl_findings_has_errors(&findings));
                tl_nodeplan_done(&plan);
                tl_findings_done(&findings);
        }
        tl_policy_done(&policy);
        test_office_done(&office);
}

static void test_memory(void **unused)
{
        (void)unused;
        starve(THREE_HUBS, "z1");
        starve(HARD, "a1");
        starve(HARD, "a2");
        starve(HARD, "p/d");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sample),        cmocka_unit_test(test_three_hubs),
                cmocka_unit_test(test_direct),        cmocka_unit_test(test_hard),
                cmocka_unit_test(test_lacks_ipv6),    cmocka_unit_test(test_advertised_routes),
                cmocka_unit_test(test_drops),         cmocka_unit_test(test_links),
                cmocka_unit_test(test_unknown_links), cmocka_unit_test(test_narrow_uplink),
                cmocka_unit_test(test_missing_key),   cmocka_unit_test(test_same_prefix),
                cmocka_unit_test(test_order),         cmocka_unit_test(test_walks),
                cmocka_unit_test(test_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
