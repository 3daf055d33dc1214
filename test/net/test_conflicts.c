/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_conflicts.c - net/conflicts.h: each class as text, then random LANs against a twin that
 * compares all pairs. */
#include "net/conflicts.h"

#include <stdlib.h>

#include "test/lib/cmocka.h"
#include "test/lib/env.h"
#include "test/lib/ip.h"
#include "test/lib/memfile.h"
#include "test/lib/office.h"

#define HEAD "network: n\naddresses: 10.70.0.0/24\nhubs: {z: {endpoint: z.example}}\n" /* 3 lines */

/* ---- within the file ---- */

static const struct {
        int number;
        const char *yaml, *findings;
} files[] = {
        {1, TEST_OFFICE_SAMPLE, ""},
        {2, HEAD "sites:\n  s: {lan: 192.168.1.0/24}\n  t: {lan: 192.168.1.0/24}\n",
         "6:12: LAN 192.168.1.0/24 of site \"t\" overlaps LAN 192.168.1.0/24 of site \"s\" [5:12]; "
         "renumber one of the two LANs\n"},
        {3, HEAD "sites:\n  s: {lan: 192.168.1.128/25}\n  t: {lan: 192.168.0.0/23}\n",
         "6:12: LAN 192.168.1.128/25 of site \"s\" overlaps LAN 192.168.0.0/23 of site \"t\" "
         "[5:12]; renumber one of the two LANs\n"},
        {4, HEAD "sites:\n  s: {lan: 192.168.1.0/25}\n  t: {lan: 192.168.1.128/25}\n", ""},
        {5,
         HEAD "sites:\n  s: {lan: [\"2001:db8::/48\", 192.168.1.0/24]}\n"
              "  t: {lan: \"2001:db8:0:7::/64\"}\n",
         "6:12: LAN 2001:db8:0:7::/64 of site \"t\" overlaps LAN 2001:db8::/48 of site \"s\" "
         "[5:13]; renumber one of the two LANs\n"},
        {6, HEAD "sites:\n  s: {lan: [192.168.0.0/23, 192.168.1.0/24]}\n",
         "5:29: LAN 192.168.1.0/24 of site \"s\" overlaps LAN 192.168.0.0/23 of site \"s\" [5:13]; "
         "remove one of the two, or correct its prefix length\n"},
        {7, HEAD "sites:\n  s: {lan: 10.70.0.0/28}\n",
         "5:12: LAN 10.70.0.0/28 of site \"s\" overlaps the address pool 10.70.0.0/24 "
         "[2:12]; give `addresses:` a prefix that no LAN overlaps, or renumber the LAN\n"},
        {8, HEAD "sites:\n  s: {lan: \"fd01:203:405::/48\"}\n",
         "5:12: the address pool fd01:203:405::/64 overlaps LAN fd01:203:405::/48 of "
         "site \"s\" [2:12]; give `addresses:` a prefix that no LAN overlaps, or renumber the "
         "LAN\n"},
        {9, HEAD "sites:\n  s: {lan: \"fd01:203:405:1::/64\"}\n", ""},
        {10, HEAD "sites:\n  s: {lan: 10.200.7.0/24}\n",
         "5:12: LAN 10.200.7.0/24 of site \"s\" overlaps the pool of mapped prefixes "
         "10.200.0.0/16; give "
         "`mapped:` a prefix that no LAN overlaps\n"},
        {11, HEAD "mapped: 10.0.0.0/8\nsites:\n  s: {lan: 192.168.1.0/24}\n",
         "4:9: the address pool 10.70.0.0/24 overlaps the pool of mapped prefixes 10.0.0.0/8 "
         "[2:12]; give `mapped:` another prefix\n"},
        {12, HEAD "sites:\n  s: {lan: 0.0.0.0/0}\n  t: {lan: \"::/0\"}\n",
         "5:12: LAN 0.0.0.0/0 of site \"s\": it covers the whole Internet; list the prefixes that "
         "are in use there\n"
         "6:12: LAN ::/0 of site \"t\": it covers the whole Internet; list the prefixes that are "
         "in use there\n"},
        {13,
         HEAD "mapped: 10.192.0.0/10\nsites:\n  s: {lan: [127.0.0.0/24, 169.254.7.0/24, "
              "224.0.0.0/24, \"fe80::/64\"]}\n",
         "6:13: LAN 127.0.0.0/24 of site \"s\": this range is reserved for loopback; use a private "
         "prefix, such as 192.168.77.0/24\n"
         "6:27: LAN 169.254.7.0/24 of site \"s\": this range is reserved for link-local addresses; "
         "use a private prefix, such as 192.168.77.0/24\n"
         "6:43: LAN 224.0.0.0/24 of site \"s\": this range is reserved for multicast; use a "
         "private prefix, such as 192.168.77.0/24\n"
         "6:57: LAN fe80::/64 of site \"s\": this range is reserved for link-local addresses; use "
         "a private prefix, such as 192.168.77.0/24\n"},
        {14,
         "network: n\naddresses: 10.70.0.0/24\nhubs:\n"
         "  z: {endpoint: 192.168.1.4}\n"
         "  y: {endpoint: \"10.70.0.9:5\"}\n"
         "  x: {endpoint: \"[2001:db8::1]:5\"}\n"
         "sites:\n  s: {lan: [192.168.1.0/24, \"2001:db8::/64\"]}\n",
         "5:17: the endpoint 10.70.0.9 of \"y\" lies in the address pool 10.70.0.0/24, "
         "which is routed into the tunnel [2:12]; give the public address of the machine, or of "
         "the NAT in front of it\n"
         "8:13: the endpoint 192.168.1.4 of \"z\" lies in LAN 192.168.1.0/24 of site \"s\", which "
         "is routed into the tunnel [4:17]; give the public address of the machine, or of the NAT "
         "in front of it\n"
         "8:29: the endpoint 2001:db8::1 of \"x\" lies in LAN 2001:db8::/64 of site \"s\", which "
         "is "
         "routed into the tunnel [6:17]; give the public address of the machine, or of the NAT in "
         "front of it\n"},
        {15,
         "network: n\naddresses: 10.70.0.0/24\nhubs:\n"
         "  z: {endpoint: \"z.example:5\"}\n"
         "  y: {endpoint: \"z.example:6\"}\n"
         "  x: {endpoint: \"z.example:5\"}\n",
         "6:17: two nodes have the endpoint z.example, port 5 [4:17]; give one of them another "
         "address or port\n"},
        {22,
         "network: n\naddresses: 10.70.0.0/24\nhubs:\n"
         "  z: {endpoint: \"[2001:db8::1]:5\"}\n"
         "  y: {endpoint: \"[2001:DB8:0::1]:5\"}\n"
         "  x: {endpoint: \"hub.example:5\"}\n"
         "  w: {endpoint: \"Hub.Example:5\"}\n",
         "5:17: two nodes have the endpoint 2001:DB8:0::1, port 5 [4:17]; give one of them "
         "another address or port\n"
         "7:17: two nodes have the endpoint Hub.Example, port 5 [6:17]; give one of them "
         "another address or port\n"},
        {16,
         "network: n\naddresses: 10.70.0.0/24\nhubs:\n"
         "  z: {endpoint: z.example, address: 10.70.0.9}\n"
         "  y: {endpoint: y.example, address: 10.70.0.9}\n",
         "5:37: \"z\" and \"y\" both have 10.70.0.9 [4:37]; give one of them another address\n"},
        {17,
         HEAD "sites:\n"
              "  s:\n"
              "    lan: [192.168.1.0/24, \"2001:db8::/64\"]\n"
              "    node: {name: a, at: 192.168.1.2}\n"
              "    gateway: {kind: static-routes, at: 192.168.1.1}\n"
              "    devices:\n"
              "      p: 192.168.1.1\n"
              "      q: 192.168.1.2\n"
              "      r: [192.168.1.4, \"2001:db8::4\"]\n"
              "      t: \"2001:db8::4\"\n",
         "10:7: the router of \"s\" and \"p\" both have 192.168.1.1 [8:40]; give one of them "
         "another address\n"
         "11:7: \"a\" and \"q\" both have 192.168.1.2 [7:25]; give one of them another address\n"
         "13:7: \"r\" and \"t\" both have 2001:db8::4 [12:7]; give one of them another address\n"},
        {18, HEAD "sites: {s: {lan: 192.168.1.0/24, gateway: {kind: self, at: 192.168.1.1}}}\n",
         ""},
        {19,
         HEAD "sites:\n  s: {lan: 192.168.1.0/24, devices: {d: 192.168.1.9}}\n"
              "  t: {lan: 192.168.1.0/24, devices: {p: 192.168.1.9}}\n",
         "6:12: LAN 192.168.1.0/24 of site \"t\" overlaps LAN 192.168.1.0/24 of site \"s\" [5:12]; "
         "renumber one of the two LANs\n"},
        {21,
         HEAD "sites:\n"
              "  s: {lan: 192.168.1.0/24, gateway: {kind: static-routes, routes: [192.168.2.0/24, "
              "192.168.0.0/16, 10.70.0.0/24]}}\n"
              "  t: {lan: 192.168.3.0/24, gateway: {kind: untouchable, routes: []}}\n",
         "5:68: a route to 192.168.2.0/24 leads to nothing in the network\n"
         "6:65: routes have no effect with this kind of gateway; remove `routes:`, or make it "
         "`kind: static-routes`\n"},
        /* Of three prefixes in each other, each pair of neighbours is reported. */
        {20,
         HEAD
         "mapped: 10.192.0.0/10\nsites:\n  s: {lan: 192.168.0.0/16}\n  t: {lan: 192.168.0.0/20}\n"
         "  u: {lan: 192.168.1.0/24}\n",
         "7:12: LAN 192.168.0.0/20 of site \"t\" overlaps LAN 192.168.0.0/16 of site \"s\" [6:12]; "
         "renumber one of the two LANs\n"
         "8:12: LAN 192.168.1.0/24 of site \"u\" overlaps LAN 192.168.0.0/20 of site \"t\" [7:12]; "
         "renumber one of the two LANs\n"},
};

static void test_files(void **state WG_UNUSED)
{
        for (size_t i = 0; i < WG_ARRAY_SIZE(files); i++) {
                struct test_office office;
                char findings[4096];
                bool is_ok;

                test_office_init(&office, files[i].yaml);
                is_ok = tl_conflicts_find(&office.model, &office.findings);
                test_office_findings(&office, findings, sizeof(findings));
                if (strcmp(findings, files[i].findings) != 0 ||
                    is_ok != (office.findings.errors == 0))
                        fail_msg("file %d:\n%sexpected:\n%s", files[i].number, findings,
                                 files[i].findings);
                test_office_done(&office);
        }
}

/* ---- on a machine ---- */

enum { FACTS_MAX = 4 };

struct fact_net {
        const char *link, *address; /* ADDRESS/BITS */
};

struct fact_route {
        const char *prefix, *link;
        bool comes_first;
};

/* Nodes of the sample: 0 z, 1 a in 192.168.201.0/24, 2 c in 192.168.200.0/24, 3 e/laptop. */
static const struct {
        int number;
        uint32_t node;
        struct fact_net nets[FACTS_MAX];
        struct fact_route routes[FACTS_MAX];
        const char *findings;
} machines[] = {
        {1, 3, {{0}}, {{0}}, ""},
        {2,
         3,
         {{"lo", "127.0.0.1/8"}, {"eth0", "192.168.7.9/24"}, {"eth0", "fe80::1/64"}},
         {{"0.0.0.0/0", "eth0", false}, {"10.0.0.0/8", "eth0", false}},
         ""},
        {3,
         3,
         {{"eth0", "192.168.200.9/24"}},
         {{"0.0.0.0/0", "eth0", false}},
         "7:18: LAN 192.168.200.0/24 of site \"beijing\" overlaps the LAN that this machine, "
         "\"e/laptop\", is in, 192.168.200.0/24 (eth0); use the tunnel from another network, or "
         "renumber one of the "
         "two\n"},
        {4,
         3,
         {{"docker0", "192.168.0.1/16"}},
         {{0}},
         "7:18: LAN 192.168.200.0/24 of site \"beijing\" overlaps a network of this machine, "
         "192.168.0.0/16 (docker0); give that network of this machine another prefix\n"},
        {5,
         0,
         {{"docker0", "10.70.0.1/25"}},
         {{0}},
         "2:12: the address pool 10.70.0.0/24 overlaps a network of this machine, "
         "10.70.0.0/25 (docker0); give that network of this machine another prefix\n"},
        {6, 0, {{"acme", "10.70.0.1/32"}}, {{"192.168.200.0/24", "acme", false}}, ""},
        /* A site's node is in its own LAN, but not in the other site's. */
        {7, 2, {{"eth0", "192.168.200.2/24"}}, {{"0.0.0.0/0", "eth0", false}}, ""},
        {8,
         2,
         {{"eth0", "192.168.201.2/24"}},
         {{"0.0.0.0/0", "eth0", false}},
         "6:19: LAN 192.168.201.0/24 of site \"shenzhen\" overlaps the LAN that this machine, "
         "\"c\", is in, 192.168.201.0/24 (eth0); if another machine's key is on this one, replace "
         "it by its own; else renumber one of the two\n"},
        {9,
         2,
         {{"docker0", "192.168.200.1/24"}, {"eth0", "192.168.200.2/24"}},
         {{"0.0.0.0/0", "eth0", false}},
         "7:18: this site's LAN 192.168.200.0/24 is on eth0, but 192.168.200.0/24 of docker0 "
         "overlaps it; give that network of this machine another prefix\n"},
        /* Longer routes win, and equal ones may; shorter ones only if they are looked up first. */
        {10,
         3,
         {{0}},
         {{"192.168.200.128/25", "vpn", false}},
         "7:18: another program's route to 192.168.200.128/25 (dev vpn, table 254) takes packets "
         "for LAN 192.168.200.0/24 of site \"beijing\"; remove that route, or renumber one of the "
         "two networks\n"},
        {11,
         3,
         {{0}},
         {{"192.168.200.0/24", "", false}},
         "7:18: another program's route to 192.168.200.0/24 (unreachable, table 254) takes packets "
         "for LAN 192.168.200.0/24 of site \"beijing\"; remove that route, or renumber one of the "
         "two networks\n"},
        {12, 3, {{0}}, {{"192.168.0.0/16", "vpn", false}}, ""},
        {13,
         3,
         {{0}},
         {{"192.168.0.0/16", "vpn", true}},
         "7:18: another program's route to 192.168.0.0/16 (dev vpn, table 254) takes packets for "
         "LAN 192.168.200.0/24 of site \"beijing\"; remove that route, or renumber one of the two "
         "networks\n"},
        {14, 2, {{0}}, {{"192.168.200.128/25", "eth1", false}}, ""},
        {15,
         3,
         {{0}},
         {{"::/0", "vpn", true}},
         "2:12: another program's route to ::/0 (dev vpn, table 254) takes packets for the "
         "address pool fd01:203:405::/64; remove that route, or renumber one of the two "
         "networks\n"},
};

static void test_machines(void **state WG_UNUSED)
{
        for (size_t i = 0; i < WG_ARRAY_SIZE(machines); i++) {
                struct tl_local_net nets[FACTS_MAX];
                struct tl_local_route routes[FACTS_MAX];
                struct tl_local local = {.nets = nets, .routes = routes};
                struct test_office office;
                char findings[4096];
                bool is_ok;

                memset(nets, 0, sizeof(nets));
                memset(routes, 0, sizeof(routes));
                for (int j = 0; j < FACTS_MAX && machines[i].nets[j].link; j++) {
                        struct wg_prefix prefix = test_prefix(machines[i].nets[j].address);
                        struct tl_local_net *net = &nets[local.net_count++];

                        strcpy(net->link, machines[i].nets[j].link);
                        net->ip = prefix.ip;
                        net->cidr = prefix.cidr;
                }
                for (int j = 0; j < FACTS_MAX && machines[i].routes[j].prefix; j++) {
                        struct tl_local_route *route = &routes[local.route_count++];

                        strcpy(route->link, machines[i].routes[j].link);
                        route->prefix = test_prefix(machines[i].routes[j].prefix);
                        route->comes_first = machines[i].routes[j].comes_first;
                        route->table = 254;
                }
                test_office_init(&office, TEST_OFFICE_SAMPLE);
                is_ok = tl_conflicts_find_local(&office.model, machines[i].node, &local,
                                                &office.findings);
                test_office_findings(&office, findings, sizeof(findings));
                if (strcmp(findings, machines[i].findings) != 0 || is_ok != (findings[0] == '\0'))
                        fail_msg("machine %d:\n%sexpected:\n%s", machines[i].number, findings,
                                 machines[i].findings);
                test_office_done(&office);
        }
}

/* A rule is not known to do harm. */
static void test_rule(void **state WG_UNUSED)
{
        struct tl_local_rule rule = {4, 101, "101: from 192.168.200.2 lookup 8"};
        struct tl_local local = {.rules = &rule, .rule_count = 1};
        struct test_office office;
        char findings[1024];

        test_office_init(&office, TEST_OFFICE_SAMPLE);
        assert_true(tl_conflicts_find_local(&office.model, 2, &local, &office.findings));
        assert_string_equal(
                test_office_findings(&office, findings, sizeof(findings)),
                "7:42: a rule of another program may take packets for this network elsewhere: "
                "ip -4 rule 101: from 192.168.200.2 lookup 8; unless it is meant to, give the rule "
                "a condition that spares the prefixes of this network, or remove it\n");
        test_office_done(&office);
}

/* A hub whose name resolves to an address in an office, as with DNS that differs inside. */
static void test_resolved(void **state WG_UNUSED)
{
        static const char yaml[] = "network: n\naddresses: 10.70.0.0/24\n"
                                   "hubs: {z: {endpoint: z.example, key: " TEST_KEY_1 "}}\n"
                                   "sites: {s: {lan: 192.168.1.0/24, key: " TEST_KEY_2 "}}\n"
                                   "people: {e: {devices: {laptop: {key: " TEST_KEY_3 "}}}}\n";
        static const struct {
                uint32_t node;
                const char *ip;
                bool is_ok;
        } cases[] = {
                {2, "192.0.2.1", true},
                {2, "192.168.1.4", false},
                {2, "10.70.0.9", false},
                {1, "192.168.1.4", true}}; /* in the LAN of its own site, which is not routed */
        struct test_office office;

        test_office_init(&office, yaml);
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                struct tl_change device;
                struct tl_change_peer *peer;

                tl_change_init(&device);
                peer = tl_change_add_peer(&device, office.network.hubs[0].node.key);
                assert_non_null(peer);
                peer->has_endpoint = true;
                peer->endpoint.ip = test_ip(cases[i].ip);
                assert_int_equal(tl_conflicts_find_resolved(&office.model, cases[i].node, &device,
                                                            &office.findings),
                                 cases[i].is_ok);
                tl_change_done(&device);
        }
        assert_string_equal(office.findings.items[0].message,
                            "the endpoint z.example (here 192.168.1.4) of \"z\" lies in LAN "
                            "192.168.1.0/24 of site \"s\", which is routed into the tunnel");
        test_office_done(&office);
}

/* ---- the twin ---- */

enum { SITES = 12, YAML_SIZE = 2048 };

static void random_network(struct test_env *t, char *out)
{
        FILE *file = test_memfile(out, YAML_SIZE);

        fprintf(file, "network: n\naddresses: 10.0.%u.0/24\nmapped: 10.192.0.0/10\n",
                test_env_below(t, 64));
        fprintf(file, "hubs: {z: {endpoint: z.example}}\nsites:\n");
        for (uint32_t i = test_env_below(t, SITES + 1); i > 0; i--) {
                uint32_t bits = 19 + test_env_below(t, 7);
                uint32_t at = test_env_below(t, 64) << 8 | 128 * test_env_below(t, 2);

                at &= ~((1u << (32 - bits)) - 1);
                fprintf(file, "  s%u: {lan: 10.0.%u.%u/%u}\n", i, at >> 8, at & 255, bits);
        }
        fclose(file);
}

/* Each prefix that overlaps another one is in a finding, and no other is. */
static void check_twin(struct test_office *office)
{
        const struct tl_model *model = &office->model;
        struct wg_prefix prefixes[SITES + 1];
        char text[SITES + 1][64], findings[16384];
        uint32_t count = model->lan_count;

        for (uint32_t i = 0; i <= count; i++) {
                prefixes[i] = i < count ? model->lans[i].prefix : model->pool4;
                if (i < count)
                        snprintf(text[i], sizeof(text[i]), "of site \"%s\"",
                                 model->sites[model->lans[i].site].name);
                else
                        strcpy(text[i], "address pool 10.");
        }
        test_office_findings(office, findings, sizeof(findings));
        for (uint32_t i = 0; i <= count; i++) {
                bool overlaps = false;

                for (uint32_t j = 0; j <= count; j++)
                        overlaps |= i != j && wg_prefix_overlaps(&prefixes[i], &prefixes[j]);
                if ((strstr(findings, text[i]) != NULL) != overlaps)
                        fail_msg("%s, %d:\n%s", text[i], overlaps, findings);
        }
}

static void test_twin(void **state WG_UNUSED)
{
        struct test_env t;
        char yaml[YAML_SIZE];

        test_env_init(&t, test_seed("conflicts"));
        for (int round = 0; round < 1000; round++) {
                struct test_office office;
                bool is_ok;

                random_network(&t, yaml);
                test_office_init(&office, yaml);
                is_ok = tl_conflicts_find(&office.model, &office.findings);
                assert_int_equal(is_ok, office.findings.count == 0);
                check_twin(&office);
                test_office_done(&office);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_files), cmocka_unit_test(test_machines),
                cmocka_unit_test(test_rule),  cmocka_unit_test(test_resolved),
                cmocka_unit_test(test_twin),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
