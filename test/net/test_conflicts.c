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

/* What is said of site `a`, whose LAN others reach by `mapped`. */
#define MAPPED(lan, a, other, mapped, place) \
        "LAN " lan " of site \"" a "\" overlaps " other ": others reach the LAN of \"" a \
        "\" as " mapped " [" place "]; use these addresses, or renumber one of the two\n"
#define LAN_OF(lan, site) "LAN " lan " of site \"" site "\""
#define POOL "the address pool 10.70.0.0/24"
#define FROM_THERE(site, mapped, place) \
        ": from there, the LAN of \"" site "\" is reached as " mapped " [" place \
        "]; use these addresses, or renumber one of the two\n"

static const struct {
        int number;
        const char *yaml, *findings;
} files[] = {
        {1, TEST_OFFICE_SAMPLE, ""},
        /* All LANs with one prefix are mapped, whatever their order. */
        {2, HEAD "sites:\n  s: {lan: 192.168.1.0/24}\n  t: {lan: 192.168.1.0/24}\n",
         "5:12: " MAPPED("192.168.1.0/24", "s", LAN_OF("192.168.1.0/24", "t"), "10.200.0.0/24",
                         "6:12") /* all of them */
         "6:12: " MAPPED("192.168.1.0/24", "t", LAN_OF("192.168.1.0/24", "s"), "10.200.1.0/24",
                         "5:12")},
        {3, HEAD "sites:\n  s: {lan: 192.168.1.128/25}\n  t: {lan: 192.168.0.0/23}\n",
         "5:12: " MAPPED("192.168.1.128/25", "s", LAN_OF("192.168.0.0/23", "t"), "10.200.2.0/25",
                         "6:12") /* the inner one */
         "6:12: " MAPPED("192.168.0.0/23", "t", LAN_OF("192.168.1.128/25", "s"), "10.200.0.0/23",
                         "5:12")},
        {4, HEAD "sites:\n  s: {lan: 192.168.1.0/25}\n  t: {lan: 192.168.1.128/25}\n", ""},
        {5,
         HEAD "sites:\n  s: {lan: [\"2001:db8::/48\", 192.168.1.0/24]}\n"
              "  t: {lan: \"2001:db8:0:7::/64\"}\n",
         "6:12: LAN 2001:db8:0:7::/64 of site \"t\" overlaps LAN 2001:db8::/48 of site \"s\" "
         "[5:13]; renumber one of the two LANs: only IPv4 is mapped\n"},
        {6, HEAD "sites:\n  s: {lan: [192.168.0.0/23, 192.168.1.0/24]}\n",
         "5:29: LAN 192.168.1.0/24 of site \"s\" overlaps LAN 192.168.0.0/23 of site \"s\" [5:13]; "
         "remove one of the two, or correct its prefix length\n"},
        {7, HEAD "sites:\n  s: {lan: 10.70.0.0/28}\n",
         "5:12: " MAPPED("10.70.0.0/28", "s", POOL, "10.200.0.0/28", "2:12")},
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
         "5:12: " MAPPED("192.168.1.0/24", "s", LAN_OF("192.168.1.0/24", "t"), "10.200.0.0/24",
                         "6:12") /* not the two devices */
         "6:12: " MAPPED("192.168.1.0/24", "t", LAN_OF("192.168.1.0/24", "s"), "10.200.1.0/24",
                         "5:12")},
        {21,
         HEAD "sites:\n"
              "  s: {lan: 192.168.1.0/24, gateway: {kind: static-routes, routes: [192.168.2.0/24, "
              "192.168.0.0/16, 10.70.0.0/24]}}\n"
              "  t: {lan: 192.168.3.0/24, gateway: {kind: untouchable, routes: []}}\n"
              "  u: {lan: 192.168.4.0/24, gateway: {kind: drops-invalid, routes: []}}\n",
         "5:68: a route to 192.168.2.0/24 leads to nothing in the network\n"
         "6:65: routes have no effect with this kind of gateway; remove `routes:`, or make it "
         "`kind: static-routes`\n"},
        /* Three prefixes in each other. */
        {20,
         HEAD "mapped: 10.192.0.0/10\nsites:\n  s: {lan: 192.168.0.0/16}\n"
              "  t: {lan: 192.168.0.0/20}\n  u: {lan: 192.168.1.0/24}\n",
         "6:12: " MAPPED("192.168.0.0/16", "s", LAN_OF("192.168.0.0/20", "t"), "10.192.0.0/16",
                         "7:12") /* around both */
         "7:12: " MAPPED("192.168.0.0/20", "t", LAN_OF("192.168.0.0/16", "s"), "10.193.0.0/20",
                         "6:12") /* in the middle */
         "8:12: " MAPPED("192.168.1.0/24", "u", LAN_OF("192.168.0.0/20", "t"), "10.193.16.0/24",
                         "7:12")},
        /* Mapping does not help a LAN around the pool, or one that has all of it. */
        {23, HEAD "sites:\n  s: {lan: 10.70.0.0/16}\n",
         "5:12: the address pool 10.70.0.0/24 overlaps LAN 10.70.0.0/16 of site \"s\" "
         "[2:12]; give `addresses:` a prefix that no LAN overlaps, or renumber the LAN\n"},
        {24, HEAD "sites:\n  s: {lan: 10.70.0.0/24}\n",
         "5:12: the address pool 10.70.0.0/24 overlaps LAN 10.70.0.0/24 of site \"s\" "
         "[2:12]; give `addresses:` a prefix that no LAN overlaps, or renumber the LAN\n"},
        /* Two LANs of one site, with one of another site between them. */
        {25,
         HEAD "mapped: 10.192.0.0/10\nsites:\n  s: {lan: [192.168.0.0/16, 192.168.1.0/24]}\n"
              "  t: {lan: 192.168.0.0/20}\n",
         "6:13: " MAPPED("192.168.0.0/16", "s", LAN_OF("192.168.0.0/20", "t"), "10.192.0.0/16",
                         "7:12") /* and the other one */
         "6:29: " MAPPED("192.168.1.0/24", "s", LAN_OF("192.168.0.0/20", "t"), "10.193.16.0/24",
                         "7:12") /* which are in conflict */
         "6:29: LAN 192.168.1.0/24 of site \"s\" overlaps LAN 192.168.0.0/16 of site \"s\" [6:13]; "
         "remove one of the two, or correct its prefix length\n"
         "7:12: " MAPPED("192.168.0.0/20", "t", LAN_OF("192.168.0.0/16", "s"), "10.193.0.0/20",
                         "6:13")},
        /* An address of the file, in a LAN that lies in the pool. */
        {26,
         "network: n\naddresses: 10.70.0.0/24\n"
         "hubs: {z: {endpoint: z.example, address: 10.70.0.130}}\n"
         "sites:\n  s: {lan: 10.70.0.128/25}\n",
         "5:12: " MAPPED("10.70.0.128/25", "s", POOL, "10.200.0.0/25", "2:12") /* and */
         "5:12: the address 10.70.0.130 of \"z\" is in LAN 10.70.0.128/25 of site \"s\" [3:42]; "
         "give it an address of the pool that is in no LAN\n"},
        /* Endpoints and routes: a mapped LAN is not in the tunnel by its own prefix. */
        {27,
         "network: n\naddresses: 10.70.0.0/24\nhubs: {z: {endpoint: 192.168.1.4}, y: {endpoint: "
         "10.200.9.9}}\n"
         "sites:\n"
         "  s: {lan: 192.168.1.0/24, gateway: {kind: static-routes, routes: [192.168.1.0/24, "
         "10.200.1.0/24]}}\n"
         "  t: {lan: 192.168.1.0/24}\n",
         "3:50: the endpoint 10.200.9.9 of \"y\" lies in the pool of mapped prefixes "
         "10.200.0.0/16, "
         "which is routed into the tunnel; give the public address of the machine, or of the NAT "
         "in front of it\n"
         "5:12: " MAPPED("192.168.1.0/24", "s", LAN_OF("192.168.1.0/24", "t"), "10.200.0.0/24",
                         "6:12") /* so it cannot be a route */
         "5:68: a route to 192.168.1.0/24 leads to nothing in the network\n"
         "6:12: " MAPPED("192.168.1.0/24", "t", LAN_OF("192.168.1.0/24", "s"), "10.200.1.0/24",
                         "5:12") "6:12: the endpoint 192.168.1.4 of \"z\" lies in LAN "
                                 "192.168.1.0/24 of site \"t\", where "
                                 "the site's machines look for it [3:22]; give the public address "
                                 "of the machine, or of "
                                 "the NAT in front of it\n"},
        /* The networks that devices are in. */
        {28,
         HEAD "sites: {s: {lan: [192.168.1.0/24, \"fd77::/64\"]}, t: {lan: 10.9.2.0/24}, u: "
              "{lan: 10.9.2.0/24}}\n" /* line 4 */
              "people:\n"
              "  e: {devices: {a: {lan: 192.168.7.0/24}, b: {lan: [192.168.1.128/25, "
              "192.168.0.0/16]}, c: {lan: 10.9.2.0/24}}}\n",
         "4:59: " MAPPED("10.9.2.0/24", "t", LAN_OF("10.9.2.0/24", "u"), "10.200.1.0/24",
                         "4:82") /* not in the tunnel by their own prefix */
         "4:82: " MAPPED("10.9.2.0/24", "u", LAN_OF("10.9.2.0/24", "t"), "10.200.2.0/24",
                         "4:59") "6:53: 192.168.1.128/25, where \"e/b\" is, overlaps LAN "
                                 "192.168.1.0/24 of site "
                                 "\"s\"" FROM_THERE(
                                         "s", "10.200.0.0/24",
                                         "4:19") "6:71: 192.168.0.0/16, where \"e/b\" is, overlaps "
                                                 "LAN 192.168.1.0/24 of site "
                                                 "\"s\"" FROM_THERE("s", "10.200.0.0/24", "4:19")},
        {29,
         HEAD "sites: {s: {lan: [192.168.1.0/24, \"fd77::/64\"]}}\n"
              "people:\n"
              "  f: {devices: {a: {lan: 10.70.0.0/28}, b: {lan: 0.0.0.0/1}, c: {lan: "
              "\"fd77::/60\"}, d: {lan: 0.0.0.0/0}, g: {lan: 10.200.9.0/24}}}\n",
         "6:26: 10.70.0.0/28, where \"f/a\" is, overlaps the address pool 10.70.0.0/24 [2:12]; use "
         "the tunnel from another network, or renumber one of the two\n"
         "6:50: 0.0.0.0/1, where \"f/b\" is, overlaps the address pool 10.70.0.0/24 [2:12]; use "
         "the "
         "tunnel from another network, or renumber one of the two\n"
         "6:71: fd77::/60, where \"f/c\" is, overlaps LAN fd77::/64 of site \"s\" [4:35]; use the "
         "tunnel from another network, or renumber one of the two\n"
         "6:94: 0.0.0.0/0, where \"f/d\" is: it covers the whole Internet; list the prefixes that "
         "are in use there\n"
         "6:115: 10.200.9.0/24, where \"f/g\" is, overlaps the pool of mapped prefixes "
         "10.200.0.0/16; use the tunnel from another network, or renumber one of the two\n"},
};

static void test_files(void **state WG_UNUSED)
{
        for (size_t i = 0; i < WG_ARRAY_SIZE(files); i++) {
                struct test_office office;
                char findings[8192];
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

#define FROM_HERE(site, mapped) \
        ": from here, the LAN of \"" site "\" is reached as " mapped \
        "; use these addresses, or renumber one of the two\n"

enum { FACTS_MAX = 4 };

struct fact_net {
        const char *link, *address; /* ADDRESS/BITS */
};

struct fact_route {
        const char *prefix, *link;
        bool comes_first;
};

/* Two offices with one prefix, one in the pool, and one whose prefix is unique. Nodes: 0 z, 1 s,
 * 2 t, 3 u, 4 v, 5 e/laptop, who is at home in 10.9.4.0/24. */
#define HARD \
        "network: acme\n" \
        "addresses: 10.70.0.0/24\n" \
        "hubs: {z: {endpoint: z.example}}\n" \
        "sites:\n" \
        "  s: {lan: 192.168.1.0/24}\n" \
        "  t: {lan: 192.168.1.0/24}\n" \
        "  u: {lan: 10.70.0.128/25}\n" \
        "  v: {lan: [10.9.4.0/24, \"fd77::/64\"]}\n" \
        "people: {e: {devices: {laptop: {lan: 10.9.4.0/24}}}}\n"

/* Nodes of the sample: 0 z, 1 a in 192.168.201.0/24, 2 c in 192.168.200.0/24, 3 e/laptop. */
static const struct {
        int number;
        uint32_t node;
        struct fact_net nets[FACTS_MAX];
        struct fact_route routes[FACTS_MAX];
        const char *findings;
        const char *yaml; /* NULL: the sample */
} machines[] = {
        {1, 3, {{0}}, {{0}}, "", NULL},
        {2,
         3,
         {{"lo", "127.0.0.1/8"}, {"eth0", "192.168.7.9/24"}, {"eth0", "fe80::1/64"}},
         {{"0.0.0.0/0", "eth0", false}, {"10.0.0.0/8", "eth0", false}},
         "",
         NULL},
        {3,
         3,
         {{"eth0", "192.168.200.9/24"}},
         {{"0.0.0.0/0", "eth0", false}},
         "7:18: LAN 192.168.200.0/24 of site \"beijing\" overlaps the LAN that this machine, "
         "\"e/laptop\", is in, 192.168.200.0/24 (eth0)" FROM_HERE("beijing", "10.200.1.0/24"),
         NULL},
        {4,
         3,
         {{"docker0", "192.168.0.1/16"}},
         {{0}},
         "7:18: LAN 192.168.200.0/24 of site \"beijing\" overlaps a network of this machine, "
         "192.168.0.0/16 (docker0)" FROM_HERE("beijing", "10.200.1.0/24"),
         NULL},
        {5,
         0,
         {{"docker0", "10.70.0.1/25"}},
         {{0}},
         "2:12: the address pool 10.70.0.0/24 overlaps a network of this machine, "
         "10.70.0.0/25 (docker0); give that network of this machine another prefix\n",
         NULL},
        {6, 0, {{"acme", "10.70.0.1/32"}}, {{"192.168.200.0/24", "acme", false}}, "", NULL},
        /* A site's node is in its own LAN, but not in the other site's. */
        {7, 2, {{"eth0", "192.168.200.2/24"}}, {{"0.0.0.0/0", "eth0", false}}, "", NULL},
        {8,
         2,
         {{"eth0", "192.168.201.2/24"}},
         {{"0.0.0.0/0", "eth0", false}},
         "6:19: LAN 192.168.201.0/24 of site \"shenzhen\" overlaps the LAN that this machine, "
         "\"c\", is in, 192.168.201.0/24 (eth0); if another machine's key is on this one, replace "
         "it by its own; else renumber one of the two\n",
         NULL},
        {9,
         2,
         {{"docker0", "192.168.200.1/24"}, {"eth0", "192.168.200.2/24"}},
         {{"0.0.0.0/0", "eth0", false}},
         "7:18: this site's LAN 192.168.200.0/24 is on eth0, but 192.168.200.0/24 of docker0 "
         "overlaps it; give that network of this machine another prefix\n",
         NULL},
        /* Longer routes win, and equal ones may; shorter ones only if they are looked up first. */
        {10,
         3,
         {{0}},
         {{"192.168.200.128/25", "vpn", false}},
         "7:18: another program's route to 192.168.200.128/25 (dev vpn, table 254) takes packets "
         "for LAN 192.168.200.0/24 of site \"beijing\"; remove that route, or renumber one of the "
         "two networks\n",
         NULL},
        {11,
         3,
         {{0}},
         {{"192.168.200.0/24", "", false}},
         "7:18: another program's route to 192.168.200.0/24 (unreachable, table 254) takes packets "
         "for LAN 192.168.200.0/24 of site \"beijing\"; remove that route, or renumber one of the "
         "two networks\n",
         NULL},
        {12, 3, {{0}}, {{"192.168.0.0/16", "vpn", false}}, "", NULL},
        {13,
         3,
         {{0}},
         {{"192.168.0.0/16", "vpn", true}},
         "7:18: another program's route to 192.168.0.0/16 (dev vpn, table 254) takes packets for "
         "LAN 192.168.200.0/24 of site \"beijing\"; remove that route, or renumber one of the two "
         "networks\n",
         NULL},
        {14, 2, {{0}}, {{"192.168.200.128/25", "eth1", false}}, "", NULL},
        {15,
         3,
         {{0}},
         {{"::/0", "vpn", true}},
         "2:12: another program's route to ::/0 (dev vpn, table 254) takes packets for the "
         "address pool fd01:203:405::/64; remove that route, or renumber one of the two "
         "networks\n",
         NULL},
        /* docker0 on a hub, and on the node of a site. */
        {16,
         0,
         {{"docker0", "192.168.200.1/25"}},
         {{0}},
         "7:18: LAN 192.168.200.0/24 of site \"beijing\" overlaps a network of this machine, "
         "192.168.200.0/25 (docker0)" FROM_HERE("beijing", "10.200.1.0/24"),
         NULL},
        {17,
         1,
         {{"eth0", "192.168.201.2/24"}, {"docker0", "192.168.200.1/24"}},
         {{"0.0.0.0/0", "eth0", false}},
         "7:18: LAN 192.168.200.0/24 of site \"beijing\" overlaps a network of this machine, "
         "192.168.200.0/24 (docker0)" FROM_HERE("beijing", "10.200.1.0/24"),
         NULL},
        /* The node of a site whose LAN others have, or that lies in the pool. */
        {18, 1, {{"eth0", "192.168.1.2/24"}}, {{"0.0.0.0/0", "eth0", false}}, "", HARD},
        {19,
         3,
         {{"eth0", "10.70.0.130/25"}},
         {{"0.0.0.0/0", "eth0", false}, {"10.70.0.192/26", "eth0", false}},
         "",
         HARD},
        {20,
         3,
         {{"eth0", "10.70.0.130/24"}},
         {{"0.0.0.0/0", "eth0", false}},
         "2:12: the address pool 10.70.0.0/24 overlaps the LAN that this machine, \"u-node\", is "
         "in, "
         "10.70.0.0/24 (eth0); use the tunnel from another network, or renumber one of the two\n",
         HARD},
        /* A LAN that is mapped everywhere is not in the way. */
        {21,
         5,
         {{"eth0", "192.168.1.2/24"}, {"docker0", "10.70.0.1/28"}},
         {{"0.0.0.0/0", "eth0", false}},
         "2:12: the address pool 10.70.0.0/24 overlaps a network of this machine, 10.70.0.0/28 "
         "(docker0); give that network of this machine another prefix\n",
         HARD},
        /* At home: the file has said so. */
        {22, 5, {{"eth0", "10.9.4.2/24"}}, {{"0.0.0.0/0", "eth0", false}}, "", HARD},
        /* Only IPv4 is mapped, and nothing is mapped twice. */
        {23,
         5,
         {{"eth0", "fd77::9/64"}, {"docker0", "10.200.3.1/24"}},
         {{"::/0", "eth0", false}},
         "0:0: the pool of mapped prefixes 10.200.0.0/16 overlaps a network of this machine, "
         "10.200.3.0/24 (docker0); give that network of this machine another prefix\n"
         "8:26: LAN fd77::/64 of site \"v\" overlaps the LAN that this machine, \"e/laptop\", is "
         "in, "
         "fd77::/64 (eth0); use the tunnel from another network, or renumber one of the two\n",
         HARD},
};

static void test_machines(void **state WG_UNUSED)
{
        for (size_t i = 0; i < WG_ARRAY_SIZE(machines); i++) {
                struct tl_local_net nets[FACTS_MAX];
                struct tl_local_route routes[FACTS_MAX];
                struct tl_local local = {.nets = nets, .routes = routes};
                struct test_office office;
                char findings[8192];
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
                test_office_init(&office, machines[i].yaml ? machines[i].yaml : TEST_OFFICE_SAMPLE);
                is_ok = tl_conflicts_find_local(&office.model, machines[i].node, &local,
                                                &office.findings);
                test_office_findings(&office, findings, sizeof(findings));
                if (strcmp(findings, machines[i].findings) != 0 ||
                    is_ok != (office.findings.errors == 0))
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

/* The number of warnings about a LAN. */
static uint32_t count_warnings(const struct test_office *office, const struct tl_lan *lan)
{
        uint32_t count = 0;

        for (uint32_t i = 0; i < office->findings.count; i++) {
                const struct tl_finding *finding = &office->findings.items[i];

                count += finding->level == TL_FINDING_WARNING && finding->at.line == lan->at.line &&
                         finding->at.column == lan->at.column;
        }
        return count;
}

/* Each LAN that overlaps another one, or lies in the pool, has a warning. A LAN that has all of the
 * pool is an error. */
static void check_twin(struct test_office *office)
{
        const struct tl_model *model = &office->model;
        bool has_error = false;

        for (uint32_t i = 0; i < model->lan_count; i++) {
                const struct tl_lan *lan = &model->lans[i];
                bool covers_pool = wg_prefix_covers(&lan->prefix, &model->pool4);
                bool overlaps = !covers_pool && wg_prefix_covers(&model->pool4, &lan->prefix);

                for (uint32_t j = 0; j < model->lan_count; j++)
                        overlaps |= i != j &&
                                    wg_prefix_overlaps(&lan->prefix, &model->lans[j].prefix);
                assert_int_equal(count_warnings(office, lan), overlaps);
                has_error |= covers_pool;
        }
        assert_int_equal(office->findings.errors > 0, has_error);
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
                assert_int_equal(is_ok, office.findings.errors == 0);
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
