/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_topology.c - lab/topology.h and lab/script.h: machines as scripts, what must hold of every
 * network, and no memory. */
#include "lab/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/address.h"
#include "lab/dial.h"
#include "lab/presence.h"
#include "lab/script.h"
#include "lab/topology_make.h"
#include "test/lib/cmocka.h"
#include "test/lib/heap.h"
#include "test/lib/ip.h"
#include "test/lib/office.h"

#define HEAD \
        "network: n\naddresses: 10.70.0.0/24\n" \
        "hubs: {z: {endpoint: hub.example, key: " TEST_KEY_1 "}}\n"
#define SITE(gateway) \
        HEAD "sites:\n" \
             "  s: {lan: 192.168.201.0/24, node: a, gateway: " gateway ", devices: {b: " \
             "192.168.201.55}}\n" \
             "  t: {lan: 192.168.200.0/24, node: c, gateway: self}\n"

/* Two offices have one LAN, as has the home of e. */
#define TWINS \
        HEAD "sites:\n" \
             "  s: {lan: 192.168.1.0/24, node: a, devices: {b: 192.168.1.55}}\n" \
             "  t: {lan: 192.168.1.0/24, node: c, devices: {d: 192.168.1.55}}\n" \
             "people: {e: {devices: {laptop: {}, tablet: {}}}}\n" \
             "lab:\n" \
             "  homes: {e: {lan: 192.168.1.0/24}, e/tablet: {lan: 10.70.0.0/25}}\n" \
             "  networks: {e/laptop: [172.17.0.0/16, 172.18.0.0/16]}\n"

/* One machine of a network, in the words of ip(8). */
static const struct {
        int number;
        const char *yaml, *machine, *script;
} machines[] = {
        {1, TEST_OFFICE_SAMPLE, "z",
         "link set lo up\n"
         "addr add 203.0.113.10/32 dev eth0\n"
         "link set eth0 up\n"
         "route add 198.18.0.1/32 dev eth0\n"
         "route add 0.0.0.0/0 via 198.18.0.1 dev eth0\n"},
        {2, SITE("static-routes"), "a",
         "link set lo up\n"
         "addr add 192.168.201.2/24 dev eth0\n"
         "link set eth0 up\n"
         "route add 0.0.0.0/0 via 192.168.201.1 dev eth0\n"},
        {3, SITE("static-routes"), "router.s",
         "link set lo up\n"
         "addr add 100.64.0.2/30 dev eth0\n"
         "link set eth0 up\n"
         "addr add 192.168.201.1/24 dev eth1\n"
         "link set eth1 up\n"
         "route add 0.0.0.0/0 via 100.64.0.1 dev eth0\n"
         "route add 192.168.200.0/24 via 192.168.201.2 dev eth1\n"
         "route add 10.70.0.0/24 via 192.168.201.2 dev eth1\n"},
        {4, SITE("{kind: static-routes, at: 192.168.201.254, routes: [192.168.200.0/24]}"),
         "router.s",
         "link set lo up\n"
         "addr add 100.64.0.2/30 dev eth0\n"
         "link set eth0 up\n"
         "addr add 192.168.201.254/24 dev eth1\n"
         "link set eth1 up\n"
         "route add 0.0.0.0/0 via 100.64.0.1 dev eth0\n"
         "route add 192.168.200.0/24 via 192.168.201.1 dev eth1\n"},
        {5, SITE("untouchable"), "router.s",
         "link set lo up\n"
         "addr add 100.64.0.2/30 dev eth0\n"
         "link set eth0 up\n"
         "addr add 192.168.201.1/24 dev eth1\n"
         "link set eth1 up\n"
         "route add 0.0.0.0/0 via 100.64.0.1 dev eth0\n"},
        {6, SITE("dhcp-121"), "b",
         "link set lo up\n"
         "addr add 192.168.201.55/24 dev eth0\n"
         "link set eth0 up\n"
         "route add 0.0.0.0/0 via 192.168.201.1 dev eth0\n"
         "route add 192.168.200.0/24 via 192.168.201.2 dev eth0\n"
         "route add 10.70.0.0/24 via 192.168.201.2 dev eth0\n"},
        {7, SITE("untouchable"), "b",
         "link set lo up\n"
         "addr add 192.168.201.55/24 dev eth0\n"
         "link set eth0 up\n"
         "route add 0.0.0.0/0 via 192.168.201.1 dev eth0\n"},
        {8, SITE("self"), "a",
         "link set lo up\n"
         "addr add 100.64.0.2/30 dev eth0\n"
         "link set eth0 up\n"
         "addr add 192.168.201.1/24 dev eth1\n"
         "link set eth1 up\n"
         "route add 0.0.0.0/0 via 100.64.0.1 dev eth0\n"},
        /* The file names no device in t. */
        {9, SITE("self"), "device.t",
         "link set lo up\n"
         "addr add 192.168.200.2/24 dev eth0\n"
         "link set eth0 up\n"
         "route add 0.0.0.0/0 via 192.168.200.1 dev eth0\n"},
        {10, TEST_OFFICE_SAMPLE, "e",
         "link set lo up\n"
         "addr add 192.168.1.2/24 dev eth0\n"
         "link set eth0 up\n"
         "route add 0.0.0.0/0 via 192.168.1.1 dev eth0\n"},
        /* A home is nowhere near the offices, whatever they use. */
        {11,
         HEAD "sites:\n  s: {lan: 192.168.0.0/23}\npeople: {e: {devices: {laptop: {key: " TEST_KEY_2
              "}}}}\n",
         "e/laptop",
         "link set lo up\n"
         "addr add 192.168.2.2/24 dev eth0\n"
         "link set eth0 up\n"
         "route add 0.0.0.0/0 via 192.168.2.1 dev eth0\n"},
        {12,
         HEAD "sites:\n  s: {lan: 192.168.0.0/23}\n"
              "people: {e: {devices: {laptop: {}, tablet: {}}}}\n"
              "lab: {homes: {e: {lan: 10.9.0.0/29}, e/tablet: {nat: none}}}\n",
         "e/laptop",
         "link set lo up\n"
         "addr add 10.9.0.2/29 dev eth0\n"
         "link set eth0 up\n"
         "route add 0.0.0.0/0 via 10.9.0.1 dev eth0\n"},
        {13,
         HEAD "people: {e: {devices: {laptop: {}, tablet: {}}}}\n"
              "lab: {homes: {e/tablet: {nat: none}}}\n",
         "e/tablet",
         "link set lo up\n"
         "addr add 198.18.0.5/32 dev eth0\n"
         "link set eth0 up\n"
         "route add 198.18.0.1/32 dev eth0\n"
         "route add 0.0.0.0/0 via 198.18.0.1 dev eth0\n"},
        {14,
         HEAD "sites:\n  s: {lan: [192.168.201.0/24, \"2001:db8:201::/64\"], gateway: self, "
              "devices: {b: [192.168.201.9, \"2001:db8:201::9\"]}}\n",
         "b",
         "link set lo up\n"
         "addr add 192.168.201.9/24 dev eth0\n"
         "addr add 2001:db8:201::9/64 dev eth0 nodad\n"
         "link set eth0 up\n"
         "route add 0.0.0.0/0 via 192.168.201.1 dev eth0\n"
         "route add ::/0 via 2001:db8:201::1 dev eth0\n"},
        /* The Internet carries IPv6 only if an endpoint needs it. */
        {15,
         "network: n\naddresses: 10.70.0.0/24\n"
         "hubs: {z: {endpoint: \"[2001:db8::10]:51820\"}}\n"
         "sites: {s: {lan: 192.168.201.0/24, gateway: self, node: a}}\n",
         "a",
         "link set lo up\n"
         "addr add 100.64.0.2/30 dev eth0\n"
         "addr add 2001:2:0:8000::2/64 dev eth0 nodad\n"
         "link set eth0 up\n"
         "addr add 192.168.201.1/24 dev eth1\n"
         "link set eth1 up\n"
         "route add 0.0.0.0/0 via 100.64.0.1 dev eth0\n"
         "route add ::/0 via 2001:2:0:8000::1 dev eth0\n"},
        /* An address that only a service has. */
        {16,
         HEAD "sites: {s: {lan: 192.168.201.0/24, gateway: self}}\n"
              "services: {git: {at: 192.168.201.80, ports: 443/tcp}}\n",
         "git",
         "link set lo up\n"
         "addr add 192.168.201.80/24 dev eth0\n"
         "link set eth0 up\n"
         "route add 0.0.0.0/0 via 192.168.201.1 dev eth0\n"},
        {17,
         HEAD "sites: {s: {lan: 192.168.201.0/24, gateway: self}}\n"
              "lab: {devices: {s: {extra: 192.168.201.81}}}\n",
         "extra",
         "link set lo up\n"
         "addr add 192.168.201.81/24 dev eth0\n"
         "link set eth0 up\n"
         "route add 0.0.0.0/0 via 192.168.201.1 dev eth0\n"},
        /* a LAN of two families, with a device of one */
        {18,
         HEAD "sites:\n"
              "  s: {lan: [192.168.201.0/24, \"fd00:1::/64\"], gateway: dhcp-121, devices: {b: "
              "192.168.201.55}}\n"
              "  t: {lan: [192.168.200.0/24, \"fd00:2::/64\"], gateway: self}\n",
         "b",
         "link set lo up\n"
         "addr add 192.168.201.55/24 dev eth0\n"
         "link set eth0 up\n"
         "route add 0.0.0.0/0 via 192.168.201.1 dev eth0\n"
         "route add 192.168.200.0/24 via 192.168.201.2 dev eth0\n"
         "route add 10.70.0.0/24 via 192.168.201.2 dev eth0\n"},
        /* a site with two LANs, whose router is in both */
        {19,
         HEAD "sites: {s: {lan: [10.4.0.0/24, 10.4.1.0/24], node: {name: a, at: [10.4.0.2, "
              "10.4.1.2]}}}\n",
         "a",
         "link set lo up\n"
         "addr add 10.4.0.2/24 dev eth0\n"
         "addr add 10.4.1.2/24 dev eth0\n"
         "link set eth0 up\n"
         "route add 0.0.0.0/0 via 10.4.0.1 dev eth0\n"},
        /* Two sites have one LAN: each has its own machines in it. */
        {20, TWINS, "router.t",
         "link set lo up\n"
         "addr add 100.64.0.6/30 dev eth0\n"
         "link set eth0 up\n"
         "addr add 192.168.1.1/24 dev eth1\n"
         "link set eth1 up\n"
         "route add 0.0.0.0/0 via 100.64.0.5 dev eth0\n"
         "route add 10.200.0.0/24 via 192.168.1.2 dev eth1\n"
         "route add 10.70.0.0/24 via 192.168.1.2 dev eth1\n"},
        {21, TWINS, "d",
         "link set lo up\n"
         "addr add 192.168.1.55/24 dev eth0\n"
         "link set eth0 up\n"
         "route add 0.0.0.0/0 via 192.168.1.1 dev eth0\n"},
        /* The home of a person, and that of one of their devices, have the LANs of offices. */
        {22, TWINS, "e/laptop",
         "link set lo up\n"
         "addr add 192.168.1.2/24 dev eth0\n"
         "link set eth0 up\n"
         "addr add 172.17.0.1/16 dev docker0\n"
         "link set docker0 up\n"
         "addr add 172.18.0.1/16 dev docker1\n"
         "link set docker1 up\n"
         "route add 0.0.0.0/0 via 192.168.1.1 dev eth0\n"},
        {23, TWINS, "container1.e/laptop",
         "link set lo up\n"
         "addr add 172.18.0.2/16 dev eth0\n"
         "link set eth0 up\n"
         "route add 0.0.0.0/0 via 172.18.0.1 dev eth0\n"},
        {24, TWINS, "e/tablet",
         "link set lo up\n"
         "addr add 10.70.0.2/25 dev eth0\n"
         "link set eth0 up\n"
         "route add 0.0.0.0/0 via 10.70.0.1 dev eth0\n"},
};

static void make(struct test_office *office, const char *yaml, struct tl_topology *topology)
{
        test_office_init(office, yaml);
        if (!tl_topology_make(topology, &office->model, NULL, 0, true, &office->findings)) {
                tl_findings_write(&office->findings, "file", stderr);
                fail_msg("no topology");
        }
}

static void test_scripts(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(machines); i++) {
                struct test_office office;
                struct tl_topology topology;
                const struct tl_lab_machine *machine;
                const char *script;

                make(&office, machines[i].yaml, &topology);
                machine = tl_topology_find(&topology, machines[i].machine);
                if (!machine)
                        fail_msg("case %d: no machine %s", machines[i].number, machines[i].machine);
                script = tl_script_machine(&topology.arena, machine);
                assert_non_null(script);
                if (strcmp(script, machines[i].script) != 0)
                        fail_msg("case %d:\n%sexpected:\n%s", machines[i].number, script,
                                 machines[i].script);
                tl_topology_done(&topology);
                test_office_done(&office);
        }
}

/* ---- rules and settings ---- */

static const struct {
        int number;
        const char *yaml, *machine;
        const char *nft[3]; /* parts of its script */
        const char *absent;
        const char *setting; /* "path=value"; NULL: not asked */
} rules[] = {
        {1, SITE("static-routes"), "isp.s", {"masquerade\n", "ct state new drop"}, "random", NULL},
        {2,
         SITE("static-routes") "lab: {homes: {s: {nat: symmetric, nat-timeout: 30}}}\n",
         "isp.s",
         {"masquerade fully-random\n"},
         "invalid",
         "net/netfilter/nf_conntrack_udp_timeout_stream=30"},
        {3,
         SITE("drops-invalid"),
         "router.s",
         {"ct state invalid drop"},
         NULL,
         "net/netfilter/nf_conntrack_tcp_loose=0"},
        {7,
         SITE("drops-invalid"),
         "router.s",
         {"masquerade\n"},
         NULL,
         "net/ipv4/conf/eth1/send_redirects=0"},
        {8,
         SITE("drops-invalid") "lab: {homes: {s: {redirects: true}}}\n",
         "router.s",
         {"masquerade\n"},
         NULL,
         "net/ipv4/conf/eth1/send_redirects=1"},
        {4,
         SITE("static-routes"),
         "router.s",
         {"masquerade\n"},
         "invalid",
         "net/ipv4/ip_forward=1"},
        {5, SITE("self"), "a", {"masquerade\n"}, "drop", "net/ipv4/ip_forward=1"},
        {6,
         HEAD "sites: {s: {lan: 192.168.201.0/24, node: a, endpoint: 198.51.100.7:999}}\n",
         "router.s",
         {"udp dport 999 dnat ip to 192.168.201.2\n"},
         NULL,
         NULL},
};

static bool has_setting(const struct tl_lab_machine *machine, const char *wanted)
{
        char line[256];

        for (uint32_t i = 0; i < machine->setting_count; i++) {
                snprintf(line, sizeof(line), "%s=%s", machine->settings[i].path,
                         machine->settings[i].value);
                if (strcmp(line, wanted) == 0)
                        return true;
        }
        return false;
}

static void test_rules(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(rules); i++) {
                struct test_office office;
                struct tl_topology topology;
                const struct tl_lab_machine *machine;

                make(&office, rules[i].yaml, &topology);
                machine = tl_topology_find(&topology, rules[i].machine);
                if (!machine || !machine->nft)
                        fail_msg("case %d: %s has no rules", rules[i].number, rules[i].machine);
                for (size_t k = 0; k < WG_ARRAY_SIZE(rules[i].nft) && rules[i].nft[k]; k++)
                        if (!strstr(machine->nft, rules[i].nft[k]))
                                fail_msg("case %d: no `%s' in\n%s", rules[i].number,
                                         rules[i].nft[k], machine->nft);
                if (rules[i].absent && strstr(machine->nft, rules[i].absent))
                        fail_msg("case %d: `%s' in\n%s", rules[i].number, rules[i].absent,
                                 machine->nft);
                if (rules[i].setting && !has_setting(machine, rules[i].setting))
                        fail_msg("case %d: lacks %s", rules[i].number, rules[i].setting);
                tl_topology_done(&topology);
                test_office_done(&office);
        }
}

/* ---- what holds of every network ---- */

/* Two interfaces of one segment, and an address of each. */
static bool is_neighbour(const struct tl_topology *topology, uint32_t segment,
                         const struct wg_ip *ip)
{
        for (uint32_t m = 0; m < topology->machine_count; m++)
                for (uint32_t n = 0; n < topology->machines[m].nic_count; n++) {
                        const struct tl_nic *nic = &topology->machines[m].nics[n];

                        for (uint32_t i = 0; nic->segment == segment && i < nic->count; i++)
                                if (wg_ip_equal(&nic->addresses[i].ip, ip))
                                        return true;
                }
        return false;
}

static void check_machine(const struct tl_topology *topology, const struct tl_lab_machine *machine)
{
        bool has_default = machine->kind == TL_LAB_INTERNET;

        assert_true(machine->nic_count > 0);
        for (uint32_t i = 0; i < machine->route_count; i++) {
                const struct tl_lab_route *route = &machine->routes[i];

                assert_true(route->nic < machine->nic_count);
                has_default |= route->to.cidr == 0;
                if (route->via.family &&
                    !is_neighbour(topology, machine->nics[route->nic].segment, &route->via))
                        fail_msg("%s has a route to nowhere", machine->name);
        }
        if (!has_default)
                fail_msg("%s has no default route", machine->name);
}

/* No address belongs to two machines of one segment, and no name to two machines. */
static void check_pair(const struct tl_lab_machine *a, const struct tl_lab_machine *b)
{
        if (strcmp(a->name, b->name) == 0)
                fail_msg("two machines are called %s", a->name);
        for (uint32_t n = 0; n < a->nic_count; n++)
                for (uint32_t i = 0; i < a->nics[n].count; i++)
                        for (uint32_t k = 0; k < b->nic_count; k++)
                                for (uint32_t j = 0; j < b->nics[k].count; j++)
                                        if (a->nics[n].segment == b->nics[k].segment &&
                                            wg_ip_equal(&a->nics[n].addresses[i].ip,
                                                        &b->nics[k].addresses[j].ip))
                                                fail_msg("%s and %s have one address", a->name,
                                                         b->name);
}

static void check_topology(const struct tl_topology *topology)
{
        for (uint32_t i = 0; i < topology->machine_count; i++) {
                check_machine(topology, &topology->machines[i]);
                for (uint32_t k = 0; k < i; k++)
                        check_pair(&topology->machines[i], &topology->machines[k]);
        }
}

static void test_all_networks(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(machines) + WG_ARRAY_SIZE(rules); i++) {
                struct test_office office;
                struct tl_topology topology;

                make(&office,
                     i < WG_ARRAY_SIZE(machines) ? machines[i].yaml
                                                 : rules[i - WG_ARRAY_SIZE(machines)].yaml,
                     &topology);
                check_topology(&topology);
                tl_topology_done(&topology);
                test_office_done(&office);
        }
}

static void test_many_homes(void **state)
{
        struct test_office office;
        struct tl_topology topology;
        char *yaml = NULL;
        size_t len;
        FILE *out = open_memstream(&yaml, &len);

        (void)state;
        assert_non_null(out);
        fputs("network: n\naddresses: 10.64.0.0/16\nhubs: {z: {endpoint: hub.example}}\n"
              "sites: {s: {lan: 192.168.0.0/17}}\npeople:\n",
              out);
        for (int i = 0; i < 200; i++)
                fprintf(out, "  p%d: {devices: {x: {}}}\n", i);
        fclose(out);
        test_office_init(&office, yaml);
        /* 192.168.128.0/17 has 128 homes of 256 addresses. */
        assert_false(tl_topology_make(&topology, &office.model, NULL, 0, true, &office.findings));
        assert_non_null(strstr(office.findings.items[0].message, "no free prefix left for homes"));
        tl_topology_done(&topology);
        test_office_done(&office);
        free(yaml);
}

/* ---- what expectations ask for ---- */

static void test_wishes(void **state)
{
        static const struct {
                const char *ip;
                uint8_t protocol;
                uint16_t port;
        } ASKED[] = {
                {"192.168.201.55", WG_PROTOCOL_TCP, 443}, {"192.168.201.55", WG_PROTOCOL_TCP, 443},
                {"192.168.200.77", WG_PROTOCOL_UDP, 53},  {"8.8.8.8", WG_PROTOCOL_ICMP, 0},
                {"10.70.0.1", WG_PROTOCOL_TCP, 22},
        };
        const struct tl_walk_end nobody = {.node = TL_MODEL_NONE, .lan = TL_MODEL_NONE};
        struct tl_topology_wish wishes[WG_ARRAY_SIZE(ASKED)];
        const struct tl_lab_machine *machine;
        struct test_office office;
        struct tl_topology topology;

        (void)state;
        test_office_init(&office, SITE("static-routes"));
        for (size_t i = 0; i < WG_ARRAY_SIZE(ASKED); i++) {
                struct wg_ip ip = test_ip(ASKED[i].ip);

                wishes[i] = (struct tl_topology_wish){tl_course_find(&office.model, NULL, &ip),
                                                      ASKED[i].protocol, ASKED[i].port};
        }
        assert_true(tl_topology_make(&topology, &office.model, wishes, WG_ARRAY_SIZE(wishes), true,
                                     &office.findings));
        check_topology(&topology);
        machine = tl_topology_find(&topology, "b");
        assert_non_null(machine);
        assert_int_equal(machine->listener_count, 1);
        assert_int_equal(machine->listeners[0].port, 443);
        machine = tl_topology_find(&topology, "192.168.200.77");
        assert_non_null(machine);
        assert_int_equal(machine->listener_count, 1);
        assert_int_equal(machine->listeners[0].protocol, WG_PROTOCOL_UDP);
        assert_ptr_equal(machine, tl_dial_find(&topology, &wishes[2].end));
        assert_null(tl_dial_find(&topology, &wishes[3].end));
        assert_ptr_equal(tl_topology_find(&topology, "z"), tl_dial_find(&topology, &wishes[4].end));
        assert_null(tl_dial_find(&topology, &nobody));
        tl_topology_done(&topology);
        test_office_done(&office);
}

/* ---- cables and names ---- */

static void test_cables(void **state)
{
        static const char EXPECTED[] =
                "link add eth0 mtu 1500 netns 1 type veth peer name eth0 mtu 1500 netns 2\n"
                "link add lan1 up type bridge\n"
                "link add lan1p0 up mtu 1500 master lan1 type veth peer name eth1 mtu 1500 netns "
                "3\n"
                "link add lan1p1 up mtu 1500 master lan1 type veth peer name eth0 mtu 1500 netns "
                "5\n"
                "link add lan1p2 up mtu 1500 master lan1 type veth peer name eth0 mtu 1500 netns "
                "6\n"
                "link add eth1 mtu 1500 netns 1 type veth peer name eth0 mtu 1500 netns 4\n"
                "link add eth0 mtu 1492 netns 3 type veth peer name eth1 mtu 1492 netns 4\n";
        static const char HOSTS[] = "127.0.0.1 localhost\n"
                                    "::1 localhost ip6-localhost ip6-loopback\n"
                                    "198.18.0.2 hub.example\n"
                                    "10.70.0.1 z\n"
                                    "fd01:203:405::1 z\n"
                                    "10.70.0.2 a\n"
                                    "fd01:203:405::2 a\n"
                                    "192.168.201.5 b\n"
                                    "192.168.201.6 d\n";
        const pid_t pids[] = {1, 2, 3, 4, 5, 6};
        struct test_office office;
        struct tl_topology topology;

        (void)state;
        make(&office,
             HEAD "sites: {s: {lan: 192.168.201.0/24, gateway: self, node: a, mtu: 1492, devices: "
                  "{b: 192.168.201.5, d: 192.168.201.6}}}\n",
             &topology);
        assert_int_equal(topology.machine_count, WG_ARRAY_SIZE(pids));
        assert_string_equal(tl_script_cables(&topology.arena, &topology, pids), EXPECTED);
        assert_string_equal(
                tl_script_hosts(&topology.arena, &topology, tl_topology_find(&topology, "z")),
                HOSTS);
        tl_topology_done(&topology);
        test_office_done(&office);
}

/* How e knows machines whose addresses are also in its home. */
static const struct {
        int number;
        const char *from, *to, *ip;
        bool is_direct;
} dials[] = {
        {1, "b", "d", "10.200.1.55", false},        {2, "d", "b", "10.200.0.55", false},
        {3, "e/laptop", "b", "10.200.0.55", false}, {4, "e/tablet", "d", "10.200.1.55", false},
        {5, "b", "a", "192.168.1.2", true},         {6, "a", "b", "192.168.1.55", true},
        {7, "router.t", "d", "192.168.1.55", true}, {8, "router.t", "b", "10.200.0.55", false},
        {9, "internet", "d", "10.200.1.55", false}, {10, "b", "b", "192.168.1.55", true},
        {11, "d", "z", "10.70.0.1", false},         {12, "z", "router.t", "none", false},
};

static void test_dials(void **state)
{
        struct test_office office;
        struct tl_topology topology;

        (void)state;
        test_office_init(&office, TWINS);
        assert_true(tl_presence_add(&office.model));
        assert_int_equal(office.model.presence_count, 4);
        assert_true(tl_presence_add(&office.model)); /* they are known by now */
        assert_int_equal(office.model.presence_count, 4);
        assert_true(tl_topology_make(&topology, &office.model, NULL, 0, true, &office.findings));
        for (size_t i = 0; i < WG_ARRAY_SIZE(dials); i++) {
                const struct tl_lab_machine *from = tl_topology_find(&topology, dials[i].from);
                const struct tl_lab_machine *to = tl_topology_find(&topology, dials[i].to);
                char text[TL_ADDRESS_IP_SIZE] = "none";
                struct tl_dial dial;

                tl_dial(&dial, &topology, from, to, WG_FAMILY_IPV4);
                if (dial.ip.family != WG_FAMILY_NONE)
                        tl_address_format_ip(text, &dial.ip);
                if (strcmp(text, dials[i].ip) != 0 || dial.is_direct != dials[i].is_direct)
                        fail_msg("case %d: %s", dials[i].number, text);
                if (dial.ip.family != WG_FAMILY_NONE)
                        assert_ptr_equal(tl_dial_find(&topology, &dial.to), to);
        }
        tl_topology_done(&topology);
        test_office_done(&office);
}

/* A stock device in a home with an office's LAN must say so in the file. */
static void test_presence(void **state)
{
        static const char *const HOMES[] = {
                "phone: {stock: true}", "phone: {stock: true, lan: 192.168.201.0/24}", "phone: {}"};

        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(HOMES); i++) {
                struct test_office office;
                char yaml[1024];

                snprintf(yaml, sizeof(yaml),
                         SITE("self") "people: {e: {devices: {%s}}}\n"
                                      "lab: {homes: {e: {lan: 192.168.201.0/24}}}\n",
                         HOMES[i]);
                test_office_init(&office, yaml);
                assert_true(tl_presence_add(&office.model));
                assert_int_equal(office.model.presence_count, 1);
                tl_presence_check(&office.model, &office.findings);
                assert_int_equal(office.findings.errors, i == 0);
                test_office_done(&office);
        }
}

static void test_shared_address(void **state)
{
        struct test_office office;
        struct tl_topology topology;

        (void)state;
        test_office_init(&office, "network: n\naddresses: 10.70.0.0/24\n"
                                  "hubs: {y: {endpoint: 203.0.113.1:1}, z: {endpoint: "
                                  "203.0.113.1:2}}\n");
        assert_false(tl_topology_make(&topology, &office.model, NULL, 0, true, &office.findings));
        assert_string_equal(office.findings.items[0].message, "two nodes share one public address");
        tl_topology_done(&topology);
        test_office_done(&office);
}

static void test_stock(void **state)
{
        const struct tl_lab_machine *machine;
        struct test_office office;
        struct tl_topology topology;

        (void)state;
        make(&office, TEST_OFFICE_SAMPLE, &topology);
        machine = tl_topology_find(&topology, "f/phone");
        assert_non_null(machine);
        assert_true(machine->is_stock);
        assert_false(tl_topology_find(&topology, "f/laptop")->is_stock);
        tl_topology_done(&topology);
        assert_true(tl_topology_make(&topology, &office.model, NULL, 0, false, &office.findings));
        assert_null(tl_topology_find(&topology, "f/phone"));
        assert_non_null(tl_topology_find(&topology, "f/laptop"));
        tl_topology_done(&topology);
        test_office_done(&office);
}

static void test_no_memory(void **state)
{
        struct test_office office;
        bool has_failed = true;

        (void)state;
        test_office_init(&office, TEST_OFFICE_SAMPLE);
        for (long allocations = 0; has_failed; allocations++) {
                struct tl_findings findings = {.items = NULL};
                struct tl_topology topology;

                heap_fail_after(allocations);
                has_failed = !tl_topology_make(&topology, &office.model, NULL, 0, true, &findings);
                heap_fail_after(-1);
                assert_int_equal(has_failed, tl_findings_has_errors(&findings));
                tl_topology_done(&topology);
                tl_findings_done(&findings);
        }
        test_office_done(&office);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_scripts),        cmocka_unit_test(test_rules),
                cmocka_unit_test(test_presence),       cmocka_unit_test(test_dials),
                cmocka_unit_test(test_all_networks),   cmocka_unit_test(test_many_homes),
                cmocka_unit_test(test_wishes),         cmocka_unit_test(test_cables),
                cmocka_unit_test(test_shared_address), cmocka_unit_test(test_no_memory),
                cmocka_unit_test(test_stock),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
