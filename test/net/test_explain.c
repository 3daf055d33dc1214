/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_explain.c - net/explain.h: every cause, in networks as people describe and break them. */
#include "net/explain.h"

#include <stdio.h>
#include <string.h>

#include "conf/address.h"
#include "test/lib/cmocka.h"
#include "test/lib/ip.h"
#include "test/lib/planned.h"

/* Lines 1 to 4; sites are lines 6 and 7. */
#define HEAD \
        "network: acme\n" \
        "addresses: 10.70.0.0/24\n" \
        "hubs:\n" \
        "  z: {endpoint: \"203.0.113.10:51820\", key: " TEST_KEY_1 "}\n" \
        "sites:\n"
#define LAN1 "lan: 192.168.201.0/24"
#define LAN2 "lan: 192.168.200.0/24"
#define NODE1 ", node: {name: a, at: 192.168.201.2}, key: " TEST_KEY_2
#define NODE2 ", node: {name: c, at: 192.168.200.2}, key: " TEST_KEY_3
#define B ", devices: {b: 192.168.201.55}"
#define D ", devices: {d: 192.168.200.244}"
#define SITE1 "  shenzhen: {" LAN1 NODE1 B
#define SITE2 "  beijing: {" LAN2 NODE2 D
#define PEOPLE \
        "people:\n" \
        "  e: {groups: [developers], devices: {laptop: {key: " TEST_KEY_4 "}}}\n" \
        "  f: {groups: [developers], devices: {laptop: {key: " TEST_KEY_5 \
        "}, phone: {key: " TEST_KEY_6 ", stock: true}}}\n"

/* Two offices, with what is added to each. */
#define OFFICES(shenzhen, beijing) HEAD SITE1 shenzhen "}\n" SITE2 beijing "}\n" PEOPLE
#define PLAIN OFFICES("", "")
/* S8: a LAN whose router nobody can change, with virtual addresses. */
#define VIRTUAL(addresses) OFFICES(", gateway: untouchable, virtual: " addresses, "")
/* S10: after PLAIN. */
#define AT_HOME \
        "  g: {devices: {laptop: {lan: 192.168.200.0/24, key: " \
        "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=}}}\n"
/* S11: two sites with one prefix. */
#define TWINS \
        HEAD SITE1 "}\n  beijing: {" LAN1 ", node: {name: c, at: 192.168.201.3}, key: " TEST_KEY_3 \
                   ", devices: {d: 192.168.201.244}}\n"
#define SERVICE \
        "services:\n  git: {at: d, ports: [443/tcp, 22/tcp, 60000-60010/udp]}\n" /* 11, 12 */
#define POLICY "policy:\n" /* line 11, or 13 after SERVICE */

/* What is expected: the cause, "@" and the line that decides, "in" and the broken hop, ";" and the
 * fix. Of a connection that works: "none", and what is special. */
struct row {
        int number;
        const char *yaml, *flow, *result;
};

static const struct row works[] = {
        /* S2, S3: offices to each other. */
        {1, PLAIN, "b -> d", "none: seen 192.168.201.55"},
        {2, PLAIN, "d -> b:8080", "none: seen 192.168.200.244"},
        {3, PLAIN, "d -> b:53/udp", "none: seen 192.168.200.244"},
        {4, OFFICES(", gateway: self", ", gateway: dhcp-121"), "b -> d:1",
         "none: seen 192.168.201.55"},
        {5, OFFICES(", gateway: self", ", gateway: dhcp-121"), "d -> b:1",
         "none: seen 192.168.200.244"},
        /* The node of the own site, at its address in the tunnel. */
        {6, PLAIN POLICY "  - {from: e, to: d}\n", "b -> a:22", "none: seen 192.168.201.55"},
        /* S4, S5: people. */
        {10, PLAIN, "e -> d:443", "none: seen 10.70.0.4"},
        {11, PLAIN, "d -> e:22", "none: seen 192.168.200.244"},
        {12, PLAIN, "e -> f", "none: seen 10.70.0.4"},
        {13, PLAIN, "e/laptop -> f/phone:80", "none: seen 10.70.0.4"},
        {14, PLAIN, "f/phone -> b:80", "none: seen 10.70.0.6"},
        {15, PLAIN, "developers -> beijing", "none: seen 10.70.0.4"},
        /* S6: a printer, of which the file only has the LAN. */
        {20, PLAIN, "e -> 192.168.200.9:631", "none: seen 10.70.0.4"},
        {21, HEAD "  shenzhen: {" LAN1 NODE1 "}\n" SITE2 "}\n", "shenzhen -> beijing",
         "none: seen 192.168.201.100"},
        /* S7: SNAT by the node. */
        {30, OFFICES("", ", gateway: untouchable"), "e -> d:443", "none: seen 192.168.200.2"},
        {31, OFFICES("", ", gateway: untouchable"), "b -> d:443", "none: seen 192.168.200.2"},
        {32, OFFICES("", ", gateway: untouchable"), "c -> b:443", "none: seen 10.70.0.3"},
        /* Hubs and nodes as ends. */
        {40, PLAIN, "b -> z:22", "none: seen 192.168.201.55"},
        {41, PLAIN, "z -> d:22", "none: seen 10.70.0.1"},
        {42, PLAIN, "a -> d:22", "none: seen 10.70.0.2"},
        {43, PLAIN, "e -> 192.168.200.2:22", "none: seen 10.70.0.4"},
        {44, PLAIN, "e -> c:22", "none: seen 10.70.0.4"},
        /* S9: a stateful router sees both directions of each connection. */
        {50, OFFICES(", gateway: drops-invalid", ""), "b -> d:443", "none: seen 192.168.201.55"},
        {51, OFFICES(", gateway: drops-invalid", ""), "b -> d", "none: seen 192.168.201.55"},
        {52, OFFICES("", ", gateway: drops-invalid"), "b -> d:443", "none: seen 192.168.201.55"},
        {53, OFFICES("", ", gateway: drops-invalid"), "e -> d", "none: seen 10.70.0.4"},
        {54, OFFICES(", gateway: drops-invalid", ""), "b -> a:22", "none: seen 192.168.201.55"},
        /* Services. */
        {60, PLAIN SERVICE, "e -> git", "none: seen 10.70.0.4"},
        {61, PLAIN SERVICE, "e -> git:60003/udp", "none: seen 10.70.0.4"},
        {62, PLAIN SERVICE POLICY "  - {from: developers, to: git}\n", "f -> git:22",
         "none: seen 10.70.0.5"},
        /* Policy: replies need no rule; a site has its node. */
        {70, PLAIN POLICY "  - {from: shenzhen, to: beijing, ports: [443/tcp]}\n", "b -> d:443",
         "none: seen 192.168.201.55"},
        {71, PLAIN POLICY "  - {from: people, to: sites}\n", "f/phone -> c:443",
         "none: seen 10.70.0.6"},
        {72, PLAIN POLICY "  - {from: e, to: d, ports: [icmp]}\n", "e -> d",
         "none: seen 10.70.0.4"},
        /* Several hubs; sites with public addresses. */
        {80,
         "network: acme\naddresses: 10.70.0.0/24\nhubs:\n  z1: {endpoint: \"203.0.113.1\", "
         "key: " TEST_KEY_1 "}\n"
         "  z2: {endpoint: \"203.0.113.2\", key: " TEST_KEY_4 "}\nsites:\n" SITE1
         ", hub: z1}\n" SITE2 ", hub: z2}\n",
         "b -> d:443", "none: seen 192.168.201.55"},
        {81,
         "network: acme\naddresses: 10.70.0.0/24\nsites:\n" SITE1
         ", endpoint: \"203.0.113.1\"}\n" SITE2 ", endpoint: \"203.0.113.2\"}\n",
         "b -> d:443", "none: seen 192.168.201.55"},
        /* S8: addresses of the LAN that stand for machines elsewhere, one by one or as a block. */
        {110, VIRTUAL("192.168.201.192/27"), "b -> d:443", "none: seen 192.168.201.55"},
        {111, VIRTUAL("192.168.201.192/27"), "b -> e:443", "none: seen 192.168.201.55"},
        {112, VIRTUAL("{192.168.201.240: d}"), "b -> 192.168.201.240:443",
         "none: seen 192.168.201.55"},
        {113, VIRTUAL("{192.168.201.128/26: 192.168.200.0/26}"), "b -> 192.168.201.137:443",
         "none: seen 192.168.201.55"},
        {114, VIRTUAL("{192.168.201.128/26: 192.168.200.0/26}"), "b -> 192.168.200.9:443",
         "gateway_untouchable @6 in shenzhen's router; use 192.168.201.137: it is 192.168.200.9 "
         "for b"},
        {115, VIRTUAL("192.168.201.192/27"), "d -> b:443", "none: seen 192.168.201.2"},
        {116,
         HEAD SITE1 ", gateway: untouchable, virtual: 192.168.201.192/27}\n  beijing: {" LAN1
                    ", node: c, key: " TEST_KEY_3 ", devices: {d: 192.168.201.244}}\n",
         "b -> d:443", "none: seen 10.200.0.55"},
        /* S10: a home LAN with an office's prefix. */
        {117, PLAIN AT_HOME, "g -> d:443", "none: seen 10.70.0.7"},
        {118, PLAIN AT_HOME, "d -> g:22", "none: seen 10.200.1.244"},
        {119, PLAIN AT_HOME, "g -> 10.200.1.9:443", "none: seen 10.70.0.7"},
        {120, PLAIN AT_HOME, "g -> b:443", "none: seen 10.70.0.7"},
        {121, PLAIN, "e -> 10.200.1.244", "none: seen 10.70.0.4"},
        /* S19: an uplink that is narrower than the file says; small packets pass. */
        {122, PLAIN "lab: {homes: {f: {mtu: 1380}}}\n", "d -> f:22",
         "mtu @10; add `mtu: 1380` to f/laptop, line 10"},
        {123, PLAIN "lab: {homes: {f/phone: {mtu: 1380}}}\n", "d -> f:22",
         "none: seen 192.168.200.244"},
        {124, PLAIN "lab: {homes: {beijing: {mtu: 1400}}}\n", "b -> d:22",
         "mtu @7; add `mtu: 1400` to c, line 7"},
        {125, OFFICES("", ", mtu: 1400") "lab: {homes: {beijing: {mtu: 1400}}}\n", "b -> d:22",
         "none: seen 192.168.201.55"},
        {128, PLAIN "lab: {homes: {f: {mtu: 1380}, f/laptop: {mtu: 1400}}}\n", "d -> f:22",
         "mtu @10; add `mtu: 1400` to f/laptop, line 10"},
        {129, PLAIN "lab: {homes: {f: {mtu: 1380}, f/laptop: {nat: none}}}\n", "d -> f:22",
         "none: seen 192.168.200.244"},
        /* S11: one prefix twice, a LAN in another one, and a LAN in the pool. */
        {83, TWINS, "b -> d:443", "none: seen 10.200.0.55"},
        {84, TWINS, "d -> b:443", "none: seen 10.200.1.244"},
        {85, TWINS PEOPLE, "e -> d:443", "none: seen 10.70.0.4"},
        {86, TWINS PEOPLE, "d -> e:443", "none: seen 10.200.1.244"},
        {87, TWINS PEOPLE, "e -> 10.200.1.244:443", "none: seen 10.70.0.4"},
        {88,
         HEAD "  shenzhen: {lan: 192.168.128.0/17, node: a, key: " TEST_KEY_2
              ", devices: {b: 192.168.201.55}}\n" SITE2 "}\n",
         "b -> d:443", "none: seen 10.200.73.55"},
        {89,
         HEAD "  shenzhen: {lan: 10.70.0.128/25, node: a, key: " TEST_KEY_2
              ", devices: {b: 10.70.0.155}}\n" SITE2 "}\n",
         "d -> b:443", "none: seen 192.168.200.244"},
        /* IPv6. */
        {90, PLAIN, "fd01:203:405::4 -> fd01:203:405::5", "none: seen fd01:203:405::4"},
        {91,
         HEAD "  shenzhen: {lan: [192.168.201.0/24, \"fd77:1::/64\"], node: a, key: " TEST_KEY_2
              ", devices: {b: [192.168.201.55, \"fd77:1::55\"]}}\n"
              "  beijing: {lan: \"fd77:2::/64\", node: c, key: " TEST_KEY_3
              ", devices: {d: \"fd77:2::244\"}}\n" PEOPLE,
         "b -> d:443", "none: seen fd77:1::55"},
        {92,
         HEAD "  shenzhen: {lan: [192.168.201.0/24, \"fd77:1::/64\"], node: a, key: " TEST_KEY_2
              ", devices: {b: [192.168.201.55, \"fd77:1::55\"]}}\n"
              "  beijing: {lan: \"fd77:2::/64\", node: c, key: " TEST_KEY_3 "}\n" PEOPLE,
         "beijing -> b:443", "none: seen fd77:2::64"},
        {93,
         HEAD "  beijing: {lan: \"fd77:2::/64\", gateway: untouchable, node: {name: c, at: "
              "\"fd77:2::2\"}, key: " TEST_KEY_3 "}\n" PEOPLE,
         "e -> beijing", "none: seen fd77:2::2"},
};

/* No tunnel is needed. */
static const struct row trivial[] = {
        {100, PLAIN, "a -> a:22", "same"},
        {101, PLAIN, "e -> e/laptop", "same"},
        {102, PLAIN, "a -> 192.168.201.2", "same"},
        {103, PLAIN, "b -> 192.168.201.56:631", "same_lan"},
        {104, PLAIN, "a -> b", "same_lan"},
        {126, TWINS, "a -> 192.168.201.55:22", "same_lan"}, /* in its own LAN, it is unique */
        {105, PLAIN POLICY "  - {from: e, to: d}\n", "b -> 192.168.201.2:22", "same_lan"},
};

/* The file has the line that decides, and a fix that mends it. */
static const struct row breaks[] = {
        /* Nobody has told a router about the tunnel: the most common fault. */
        {200, OFFICES(", gateway: {kind: static-routes, routes: [10.70.0.0/24]}", ""), "b -> d:443",
         "gateway_route @6 in shenzhen's router; on shenzhen's router, add: route 192.168.200.0/24 "
         "via 192.168.201.2; then add 192.168.200.0/24 to its `routes`, line 6"},
        {201, OFFICES("", ", gateway: {kind: static-routes, routes: [10.70.0.0/24]}"), "b -> d:443",
         "return_route @7 in beijing's router; on beijing's router, add: route 192.168.201.0/24 "
         "via "
         "192.168.200.2; then add 192.168.201.0/24 to its `routes`, line 7"},
        /* Offices work, but people do not: the pool has been forgotten. */
        {202, OFFICES("", ", gateway: {kind: static-routes, routes: [192.168.0.0/16]}"),
         "e -> d:443",
         "return_route @7 in beijing's router; on beijing's router, add: route 10.70.0.0/24 via "
         "192.168.200.2; then add 10.70.0.0/24 to its `routes`, line 7"},
        {203, OFFICES(", gateway: {kind: static-routes, routes: [192.168.0.0/16]}", ""),
         "b -> e:22",
         "gateway_route @6 in shenzhen's router; on shenzhen's router, add: route 10.70.0.0/24 via "
         "192.168.201.2; then add 10.70.0.0/24 to its `routes`, line 6"},
        {204,
         HEAD "  shenzhen: {" LAN1 ", node: a, key: " TEST_KEY_2 B
              ", gateway: {kind: static-routes, routes: []}}\n" SITE2 "}\n",
         "b -> d",
         "gateway_route @6 in shenzhen's router; on shenzhen's router, add: route 192.168.200.0/24 "
         "via the address of a in the LAN; then add 192.168.200.0/24 to its `routes`, line 6"},
        /* S8, and the callback from behind such a router. */
        {210, OFFICES(", gateway: untouchable", ""), "b -> d:443",
         "gateway_untouchable @6 in shenzhen's router; add `virtual: 192.168.201.192/27` to "
         "shenzhen, line 6, and keep DHCP from handing it out: a then answers there for machines "
         "elsewhere; or let DHCP give the LAN's devices the routes (gateway: dhcp-121), or on b "
         "alone, add: route 192.168.200.0/24 via 192.168.201.2"},
        {209, OFFICES(", gateway: untouchable", ""), "b -> a:22",
         "gateway_untouchable @6 in shenzhen's router; use the address of a in the LAN, "
         "192.168.201.2"},
        {211, OFFICES(", gateway: untouchable", ""), "b -> e:443",
         "gateway_untouchable @6 in shenzhen's router; add `virtual: 192.168.201.192/27` to "
         "shenzhen, line 6, and keep DHCP from handing it out: a then answers there for machines "
         "elsewhere; or let DHCP give the LAN's devices the routes (gateway: dhcp-121), or on b "
         "alone, add: route 10.70.0.0/24 via 192.168.201.2"},

        /* A rule with other ports. */
        {300, PLAIN POLICY "  - {from: developers, to: beijing, ports: [22/tcp]}\n", "e -> d:443",
         "policy @12 in z; add `443/tcp` to the ports of the rule, line 12"},
        {301, PLAIN POLICY "  - {from: developers, to: beijing, ports: [22/tcp]}\n", "e -> d",
         "policy @12 in z; add `icmp` to the ports of the rule, line 12"},
        {302, PLAIN POLICY "  - {from: developers, to: beijing, ports: [53/udp]}\n", "e -> d:53",
         "policy @12 in z; add `53/tcp` to the ports of the rule, line 12"},
        /* A rule for a service: the machine has other ports. */
        {303, PLAIN SERVICE POLICY "  - {from: developers, to: git}\n", "e -> d:8080",
         "policy @12 in z; add `8080/tcp` to the ports of service git, line 12"},
        {304, PLAIN SERVICE POLICY "  - {from: developers, to: git, ports: [443/tcp]}\n",
         "e -> git:22", "policy @14 in z; add `22/tcp` to the ports of the rule, line 14"},
        {305, PLAIN SERVICE POLICY "  - {from: developers, to: git, ports: [443/tcp]}\n",
         "e -> d:99",
         "policy @12 in z; add `99/tcp` to the ports of service git, line 12, and of the rule, "
         "line 14"},
        {306, PLAIN SERVICE, "e -> git:8443",
         "service_port @12; add `8443/tcp` to the ports of service git, line 12"},
        {307, PLAIN SERVICE, "e -> git:443/udp",
         "service_port @12; add `443/udp` to the ports of service git, line 12"},
        /* A rule in one direction: the callback. */
        {310, PLAIN POLICY "  - {from: developers, to: beijing}\n", "d -> e:8080",
         "policy @11 in z; add to `policy`: - {from: d, to: e, ports: [8080/tcp]}"},
        {311, PLAIN POLICY "  - {from: developers, to: beijing}\n", "beijing -> developers:8080",
         "policy @11 in z; add to `policy`: - {from: beijing, to: developers, ports: [8080/tcp]}"},
        /* S5: people are kept apart. */
        {312, PLAIN POLICY "  - {from: developers, to: sites}\n", "e -> f:22",
         "policy @11 in z; add to `policy`: - {from: e, to: f, ports: [22/tcp]}"},
        {313, PLAIN POLICY "  - {from: developers, to: sites}\n", "b -> 192.168.200.9:22",
         "policy @11 in z; add to `policy`: - {from: b, to: beijing, ports: [22/tcp]}"},
        {314, PLAIN SERVICE POLICY "  - {from: e, to: b}\n", "f -> git",
         "policy @13 in z; add to `policy`: - {from: f, to: git}"},
        {315, PLAIN POLICY "  []\n", "e -> z:22",
         "policy @11 in z; add to `policy`: - {from: e, to: z, ports: [22/tcp]}"},
        /* Sites that talk directly: the node of the destination decides. */
        {316,
         "network: acme\naddresses: 10.70.0.0/24\nsites:\n" SITE1
         ", endpoint: \"203.0.113.1\"}\n" SITE2
         ", endpoint: \"203.0.113.2\"}\npolicy:\n  - {from: shenzhen, to: beijing}\n",
         "d -> b:443", "policy @6 in a; add to `policy`: - {from: d, to: b, ports: [443/tcp]}"},
        /* A device of the lab has no name in rules. */
        {317,
         PLAIN POLICY "  - {from: e, to: d}\n"
                      "lab: {devices: {beijing: {p: 192.168.200.7}}}\n",
         "e -> p:9100",
         "policy @11 in z; add to `policy`: - {from: e, to: beijing, ports: [9100/tcp]}"},

        /* Keys are added one by one. */
        {400, HEAD "  shenzhen: {" LAN1 ", node: a" B "}\n" SITE2 "}\n" PEOPLE, "b -> d:443",
         "no_key @6 in a; run `tieline key acme` on a, and add the key that it prints to a, line "
         "6"},
        {401, HEAD SITE1 "}\n  beijing: {" LAN2 ", node: c" D "}\n" PEOPLE, "b -> d:443",
         "no_key @7 in c; run `tieline key acme` on c, and add the key that it prints to c, line "
         "7"},
        {402,
         "network: acme\naddresses: 10.70.0.0/24\nhubs:\n  z: {endpoint: "
         "\"203.0.113.10\"}\nsites:\n" SITE1 "}\n" SITE2 "}\n",
         "b -> d:443",
         "no_key @4 in z; run `tieline key acme` on z, and add the key that it prints to z, line "
         "4"},
        {403, HEAD SITE1 "}\npeople:\n  e: {devices: {laptop: {}}}\n", "e -> b",
         "no_key @8 in e/laptop; run `tieline key acme` on e/laptop, and add the key that it "
         "prints "
         "to e/laptop, line 8"},
        {404, HEAD SITE1 "}\npeople:\n  e: {groups: [developers]}\n", "e -> b",
         "no_device @8; add one to e: devices: {laptop: {key: ...}}"},

        /* Addresses that are nowhere. */
        {500, PLAIN, "b -> 192.0.2.1:443",
         "not_in_network @1; add its prefix to the `lan` of the site where it is"},
        {501, PLAIN, "192.168.1.7 -> d:443",
         "not_in_network @1; add its prefix to the `lan` of the site where it is"},
        {502, PLAIN, "b -> 10.70.0.99",
         "not_in_network @2; use the name of the node: `tieline show` has all addresses"},

        /* Families. */
        {600,
         HEAD SITE1 "}\n  beijing: {lan: \"fd77:2::/64\", node: c, key: " TEST_KEY_3
                    ", devices: {d: \"fd77:2::244\"}}\n",
         "b -> d:443", "no_family @7; give d an address of the other family as well"},
        {601,
         HEAD SITE1 "}\n  beijing: {lan: \"fd77:2::/64\", node: c, key: " TEST_KEY_3
                    ", devices: {d: \"fd77:2::244\"}}\n",
         "d -> b:443", "no_family @7; give d an address of the other family as well"},
        {602, PLAIN, "fd01:203:405::4 -> d",
         "no_family @9; give fd01:203:405::4 an address of the other family as well"},

        /* S10: the own router's network is looked in first. */
        {690, PLAIN AT_HOME, "g -> 192.168.200.244:443",
         "overlap @11 in g/laptop; use 10.200.1.244: it is d for g/laptop"},
        /* S8: the other addresses of machines do not help. */
        {691, VIRTUAL("{192.168.201.240: d}"), "b -> 192.168.200.244:443",
         "gateway_untouchable @6 in shenzhen's router; use 192.168.201.240: it is d for b"},
        {692, VIRTUAL("{192.168.201.240: d}"), "e -> 192.168.201.240:443",
         "not_in_network @6; use 192.168.200.244"},
        {697, VIRTUAL("{192.168.201.240: d}"), "192.168.201.240 -> e:443",
         "not_in_network @6; use 192.168.200.244"},
        {693, VIRTUAL("{192.168.201.240: d}"), "b -> e:22",
         "gateway_untouchable @6 in shenzhen's router; add `192.168.201.100: e/laptop` to "
         "`virtual` of shenzhen, line 6; or let DHCP give the LAN's devices the routes (gateway: "
         "dhcp-121), or on b alone, add: route 10.70.0.0/24 via 192.168.201.2"},
        {695, OFFICES(", gateway: untouchable", ""), "b -> 192.168.200.9:22",
         "gateway_untouchable @6 in shenzhen's router; add `virtual: 192.168.201.192/27` to "
         "shenzhen, line 6, and keep DHCP from handing it out: a then answers there for machines "
         "elsewhere; and give 192.168.200.9 a name under `devices` of beijing, line 7; or let DHCP "
         "give the LAN's devices the routes (gateway: dhcp-121), or on b alone, add: route "
         "192.168.200.0/24 via 192.168.201.2"},
        {696, VIRTUAL("192.168.201.192/27"), "b -> 192.168.200.9:22",
         "gateway_untouchable @6 in shenzhen's router; give 192.168.200.9 a name under `devices` "
         "of beijing, line 7; or let DHCP give the LAN's devices the routes (gateway: dhcp-121), "
         "or on b alone, add: route 192.168.200.0/24 via 192.168.201.2"},
        {694, PLAIN, "b -> 10.200.1.244:443",
         "gateway_route @6 in shenzhen's router; use 192.168.200.244: it is d for b"},
        /* What a node sends comes back to it: its kernel drops what has its own source. */
        {697, PLAIN, "a -> 10.200.0.55", "allowed_ips @6 in a"},
        {698,
         "network: acme\naddresses: 10.70.0.0/24\n\n\nsites:\n" SITE1
         ", endpoint: 203.0.113.1}\n" SITE2 ", endpoint: 203.0.113.2}\n",
         "a -> 10.200.0.55", "allowed_ips @6 in a"},
        /* S11: addresses that are not unique. */
        {700, TWINS PEOPLE, "e -> 192.168.201.244:443",
         "overlap @6; use 10.200.0.244 (shenzhen) or 10.200.1.244 (d in beijing)"},
        {701, TWINS PEOPLE, "192.168.201.55 -> e:443",
         "overlap @6; use 10.200.0.55 (b in shenzhen) or 10.200.1.55 (beijing)"},
};

/* ---- carrying out a fix ---- */

/* A text with a change; a text without the place of the change stays the same. */
struct edit {
        char text[4096];
};

static char *line_at(struct edit *edit, unsigned int number)
{
        char *line = edit->text;

        while (line && --number > 0) {
                line = strchr(line, '\n');
                line = line ? line + 1 : NULL;
        }
        assert_non_null(line);
        return line;
}

static void insert(struct edit *edit, char *at, const char *text)
{
        size_t len = strlen(text);

        assert_true(strlen(edit->text) + len < sizeof(edit->text));
        memmove(at + len, at, strlen(at) + 1);
        memcpy(at, text, len);
}

/* Adds an item to the list that is the value of a key in a line. */
static void add_item(struct edit *edit, unsigned int number, const char *key, const char *item)
{
        char begin[32], text[64];
        char *at;

        snprintf(begin, sizeof(begin), "%s: [", key);
        at = strstr(line_at(edit, number), begin);
        assert_non_null(at);
        at += strlen(begin);
        snprintf(text, sizeof(text), "%s%s", item, *at == ']' ? "" : ", ");
        insert(edit, at, text);
}

static void set_gateway(struct edit *edit, unsigned int number, const char *kind)
{
        char *at = strstr(line_at(edit, number), "gateway: ");

        assert_non_null(at);
        at += strlen("gateway: ");
        memmove(at, at + strcspn(at, ",}"), strlen(at + strcspn(at, ",}")) + 1);
        insert(edit, at, kind);
}

/* Adds a key to the last entry of a line, or to the hub. */
static void add_key(struct edit *edit, unsigned int number)
{
        char *line = line_at(edit, number), *end = line + strcspn(line, "\n");
        char *at = strstr(line, "laptop: {");

        if (at && at < end) {
                insert(edit, at + strlen("laptop: {"), "key: " TEST_KEY_4);
                return;
        }
        insert(edit, line + strcspn(line, "{") + 1,
               "key: BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=, ");
}

/* Gives a device a name, if a fix says so. */
static void name_device(struct edit *edit, const char *fix)
{
        const char *give = strstr(fix, "give ");
        char item[64], text[80], *at;
        unsigned int line;

        if (!give ||
            sscanf(give, "give %63s a name under `devices` of beijing, line %u", item, &line) != 2)
                return;
        at = strstr(line_at(edit, line), "devices: {");
        assert_non_null(at);
        snprintf(text, sizeof(text), "m: %s, ", item);
        insert(edit, at + strlen("devices: {"), text);
}

/* Does what a fix says, word by word. Returns whether it is a change of the file that this function
 * knows. */
static bool mend(struct edit *edit, const struct tl_explanation *explanation)
{
        const char *fix = explanation->fix;
        char item[64], text[512], *at;
        unsigned int line, second;

        if (sscanf(fix, "add `%63[^`]` to the ports of the rule, line %u", item, &line) == 2) {
                add_item(edit, line, "ports", item);
                return true;
        }
        if (sscanf(fix,
                   "add `%63[^`]` to the ports of service git, line %u, and of the rule, line %u",
                   item, &line, &second) >= 2) {
                add_item(edit, line, "ports", item);
                if (strstr(fix, "and of the rule"))
                        add_item(edit, second, "ports", item);
                return true;
        }
        if (sscanf(fix, "add to `policy`: %511[^\n]", text) == 1) {
                at = strstr(edit->text, "policy:\n") + strlen("policy:\n");
                if (strncmp(at, "  []\n", 5) == 0)
                        memmove(at, at + 5, strlen(at + 5) + 1);
                insert(edit, at, "\n");
                insert(edit, at, text);
                insert(edit, at, "  ");
                return true;
        }
        at = strstr(fix, "; then add ");
        if (at && sscanf(at, "; then add %63s to its `routes`, line %u", item, &line) == 2) {
                add_item(edit, line, "routes", item);
                return true;
        }
        if (sscanf(fix, "add `virtual: %63[^`]` to shenzhen, line %u", item, &line) == 2) {
                snprintf(text, sizeof(text), "virtual: %s, ", item);
                insert(edit, strstr(line_at(edit, line), "gateway: "), text);
                name_device(edit, fix);
                return true;
        }
        if (strncmp(fix, "give ", 5) == 0 && strstr(fix, " a name under `devices`")) {
                name_device(edit, fix);
                return true;
        }
        if (strstr(fix, "(gateway: dhcp-121)")) {
                set_gateway(edit, explanation->at.line, "dhcp-121");
                return true;
        }
        if (strstr(fix, "run `tieline key acme`")) {
                add_key(edit, explanation->at.line);
                return true;
        }
        return false;
}

/* ---- checks ---- */

static void describe(const struct tl_explanation *e, char *out, size_t size)
{
        const struct tl_hop *last = e->hop_count ? &e->hops[e->hop_count - 1] : NULL;
        char ip[TL_ADDRESS_IP_SIZE] = "";
        int len;

        if (e->seen.family != WG_FAMILY_NONE)
                tl_address_format_ip(ip, &e->seen);
        if (e->cause == TL_CAUSE_NONE)
                snprintf(out, size, "none: seen %s", ip);
        else if (e->cause == TL_CAUSE_MTU)
                snprintf(out, size, "mtu @%u; %s", (unsigned int)e->at.line, e->fix);
        else if (e->is_reachable)
                snprintf(out, size, "%s", tl_cause_name(e->cause));
        if (e->is_reachable)
                return;
        len = snprintf(out, size, "%s @%u", tl_cause_name(e->cause), (unsigned int)e->at.line);
        if (last)
                len += snprintf(out + len, size - (size_t)len, " in %s", last->where);
        if (e->fix)
                snprintf(out + len, size - (size_t)len, "; %s", e->fix);
}

static void explain(struct test_planned *planned, const char *yaml, const char *text,
                    struct tl_explanation *explanation)
{
        struct tl_flow flow;
        size_t offset;

        test_planned_init(planned, yaml);
        assert_null(tl_flow_parse((struct tl_text){text, strlen(text)}, &flow, &offset));
        assert_true(tl_explain(explanation, &planned->plans, &flow, (struct tl_place){0},
                               &planned->office.findings));
}

static const struct wg_ip *source_of(const struct tl_explanation *explanation)
{
        return explanation->course.from.family == WG_FAMILY_NONE ? &explanation->from
                                                                 : &explanation->course.from;
}

static const struct wg_ip *dialled(const struct tl_explanation *explanation)
{
        return explanation->course.dial.family == WG_FAMILY_NONE ? &explanation->to
                                                                 : &explanation->course.dial;
}

/* The matrix agrees with the explanation. */
static void check_reaches(struct test_planned *planned, const struct tl_explanation *explanation)
{
        enum tl_cause cause;

        if (explanation->from.family == WG_FAMILY_NONE ||
            explanation->to.family == WG_FAMILY_NONE ||
            explanation->cause == TL_CAUSE_SERVICE_PORT || explanation->cause == TL_CAUSE_OVERLAP)
                return;
        assert_int_equal(tl_explain_reaches(&planned->plans, source_of(explanation),
                                            dialled(explanation), explanation->protocol,
                                            explanation->port, &cause),
                         explanation->is_reachable);
        assert_int_equal(cause, explanation->cause);
}

/* Whether the machine is reached at another address than the one that was asked for. */
static bool has_another_address(const struct tl_explanation *explanation)
{
        return explanation->fix && strncmp(explanation->fix, "use ", 4) == 0;
}

/* After its fix, a connection works, or breaks for another reason. */
static void check_fix(const struct row *row, const struct tl_explanation *before)
{
        struct test_planned planned;
        struct tl_explanation after;
        struct edit edit;

        snprintf(edit.text, sizeof(edit.text), "%s", row->yaml);
        if (!before->fix || !mend(&edit, before))
                return;
        explain(&planned, edit.text, row->flow, &after);
        if (after.cause != TL_CAUSE_NONE && !has_another_address(&after))
                fail_msg("%d: %s\n\"%s\" does not mend it: %s", row->number, row->flow, before->fix,
                         after.message);
        tl_explain_done(&after);
        test_planned_done(&planned);
}

static void check(const struct row *row)
{
        struct test_planned planned;
        struct tl_explanation explanation;
        char result[1024];

        explain(&planned, row->yaml, row->flow, &explanation);
        describe(&explanation, result, sizeof(result));
        if (strcmp(result, row->result) != 0)
                fail_msg("%d: %s:\n\"%s\"\ninstead of\n\"%s\"", row->number, row->flow, result,
                         row->result);
        assert_true(*explanation.message);
        for (uint32_t i = 0; i < explanation.hop_count; i++)
                assert_int_equal(explanation.hops[i].is_broken,
                                 !explanation.is_reachable && i + 1 == explanation.hop_count);
        check_reaches(&planned, &explanation);
        check_fix(row, &explanation);
        tl_explain_done(&explanation);
        test_planned_done(&planned);
}

static void test_works(void **state WG_UNUSED)
{
        for (size_t i = 0; i < WG_ARRAY_SIZE(works); i++)
                check(&works[i]);
}

static void test_trivial(void **state WG_UNUSED)
{
        for (size_t i = 0; i < WG_ARRAY_SIZE(trivial); i++)
                check(&trivial[i]);
}

static void test_breaks(void **state WG_UNUSED)
{
        for (size_t i = 0; i < WG_ARRAY_SIZE(breaks); i++)
                check(&breaks[i]);
}

/* S22: what a node claims with an address of another machine. "": a mistake. */
static const struct {
        unsigned int number;
        const char *yaml, *text, *as, *result;
} claims[] = {
        {1, PLAIN, "c -> z", "192.168.201.55", "z drops it: 192.168.201.55 does not belong to c"},
        {2, PLAIN, "c -> b", "192.168.201.1", "z drops it: 192.168.201.1 does not belong to c"},
        {3, PLAIN, "e -> d:443", "10.70.0.2", "z drops it: 10.70.0.2 does not belong to e/laptop"},
        {4, PLAIN, "c -> z", "198.51.100.7", "z drops it: 198.51.100.7 does not belong to c"},
        {5, PLAIN, "c -> z", "fd00::1", "z drops it: fd00::1 does not belong to c"},
        {6, PLAIN, "c -> b", "fd00::1", "c has IPv4 and IPv6, but b has IPv4"},
        {7, PLAIN, "b -> d", "198.51.100.7", ""},  /* no node */
        {8, PLAIN, "c -> z", "192.168.200.9", ""}, /* in its own LAN */
        {9, PLAIN, "c -> z", "10.70.0.3", ""},
};

static void test_claims(void **state WG_UNUSED)
{
        for (size_t i = 0; i < WG_ARRAY_SIZE(claims); i++) {
                struct tl_explanation explanation;
                struct test_planned planned;
                struct tl_flow flow;
                size_t offset;
                bool is_good;

                test_planned_init(&planned, claims[i].yaml);
                assert_null(tl_flow_parse((struct tl_text){claims[i].text, strlen(claims[i].text)},
                                          &flow, &offset));
                assert_true(tl_address_parse_ip(
                        (struct tl_text){claims[i].as, strlen(claims[i].as)}, &flow.as));
                is_good = tl_explain(&explanation, &planned.plans, &flow, (struct tl_place){0},
                                     &planned.office.findings);
                if (is_good != (*claims[i].result != '\0') ||
                    (is_good && strcmp(explanation.message, claims[i].result) != 0))
                        fail_msg("%u: %s", claims[i].number,
                                 is_good ? explanation.message : "refused");
                tl_explain_done(&explanation);
                test_planned_done(&planned);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_works),
                cmocka_unit_test(test_trivial),
                cmocka_unit_test(test_breaks),
                cmocka_unit_test(test_claims),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
