/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_survey.c - node/survey.h, on machines that this test makes. */
#define _GNU_SOURCE /* unshare */
#include "node/survey.h"

#include <string.h>
#include <unistd.h>

#include "conf/address.h"
#include "node/obstacles.h"
#include "test/lib/cmocka.h"
#include "test/lib/memfile.h"
#include "test/lib/netns.h"
#include "test/lib/office.h"

enum { HUB = 0, NODE_A = 1, NODE_C = 2, LAPTOP = 3 }; /* nodes, in the order of the model */

/* A machine in LAN 192.168.200.0/24 whose Internet is there, too. */
static void enter_machine(void)
{
        enter_netns();
        run("ip link add eth0 type veth peer name peer0 && ip link set peer0 up && "
            "ip link set eth0 up && ip addr add 192.168.200.2/24 dev eth0 && "
            "ip route add default via 192.168.200.1");
}

static void load(const char *command, const char *file)
{
        char text[512];

        /* The words of a command have no blanks, but a directory may. */
        assert_non_null(getenv("TL_TABLES"));
        assert_int_equal(chdir(getenv("TL_TABLES")), 0);
        snprintf(text, sizeof(text), "%s %s", command, file);
        run(text);
}

/* The facts as text, one per line. */
static char *show(const struct tl_local *local, char *out, size_t size)
{
        char prefix[TL_ADDRESS_PREFIX_SIZE];
        FILE *file = test_memfile(out, size);

        for (uint32_t i = 0; i < local->net_count; i++) {
                struct wg_prefix net = {local->nets[i].ip, local->nets[i].cidr};

                if (net.ip.family != WG_FAMILY_IPV4)
                        continue; /* link-local addresses that may not be there yet */
                tl_address_format_prefix(prefix, &net);
                fprintf(file, "net %s %s\n", local->nets[i].link, prefix);
        }
        for (uint32_t i = 0; i < local->route_count; i++) {
                const struct tl_local_route *route = &local->routes[i];

                tl_address_format_prefix(prefix, &route->prefix);
                fprintf(file, "route %s dev %s table %u%s\n", prefix, route->link, route->table,
                        route->comes_first ? " first" : "");
        }
        for (uint32_t i = 0; i < local->rule_count; i++)
                fprintf(file, "rule %s\n", local->rules[i].text);
        for (uint32_t i = 0; i < local->drop_count; i++)
                fprintf(file, "drop %s: %s\n", local->drops[i].table, local->drops[i].packets);
        for (uint32_t i = 0; i < local->unknown_count; i++)
                fprintf(file, "unknown %s\n", local->unknowns[i].fact);
        if (local->has_other_forwarder)
                fprintf(file, "forwarder %s\n", local->other_forwarder);
        fputc('\0', file);
        fclose(file);
        return out;
}

static void expect_facts(uint32_t node, const char *expected)
{
        struct test_office office;
        struct tl_local local;
        char text[4096];

        test_office_init(&office, TEST_OFFICE_SAMPLE);
        assert_true(tl_survey_gather(&local, &office.model, node));
        assert_string_equal(show(&local, text, sizeof(text)), expected);
        tl_survey_release(&local);
        tl_survey_release(&local); /* harmless */
        test_office_done(&office);
}

#define USUAL \
        "net lo 127.0.0.1/8\n" \
        "net eth0 192.168.200.2/24\n"
#define UPLINK "route 0.0.0.0/0 dev eth0 table 254\n"

static void test_plain_machine(void **state WG_UNUSED)
{
        enter_machine();
        expect_facts(NODE_C, USUAL UPLINK);
}

/* Routes of others that matter, and some that do not. */
static void test_routes(void **state WG_UNUSED)
{
        enter_machine();
        run("ip route add 192.168.201.128/25 via 192.168.200.1");
        run("ip route add 172.16.0.0/12 via 192.168.200.1");
        run("ip route add unreachable 10.70.0.0/16");
        run("ip route add 192.168.0.0/16 via 192.168.200.1 table 7");
        run("ip route add 192.168.201.0/24 via 192.168.200.1 table 8");
        run("ip route add default via 192.168.200.1 table 6");
        run("ip rule add priority 99 table 6 suppress_prefixlength 0");
        run("ip rule add priority 100 table 7");
        run("ip rule add priority 101 from 192.168.200.2 table 8");
        run("ip rule add priority 102 fwmark 7 table 8");
        run("ip rule add priority 103 from 192.168.200.2 table 9");
        run("ip rule add priority 104 from 198.51.100.7 table 8");
        run("ip rule add priority 105 not to 198.51.100.0/24 table 8");
        expect_facts(NODE_C, USUAL "route 192.168.0.0/16 dev eth0 table 7 first\n" UPLINK
                                   "route 10.70.0.0/16 dev  table 254\n"
                                   "route 192.168.201.128/25 dev eth0 table 254\n"
                                   "rule 100: from all lookup 7\n"
                                   "rule 101: from 192.168.200.2 lookup 8\n"
                                   "rule 105: not from all to 198.51.100.0/24 lookup 8\n");
}

/* The network's own link and routes are no facts about others. */
static void test_own_link(void **state WG_UNUSED)
{
        enter_machine();
        run("ip link add acme type veth peer name peer1 && ip link set acme up && "
            "ip addr add 10.70.0.3/32 dev acme && "
            "ip route add 192.168.201.0/24 dev acme proto 109 && "
            "ip route add unreachable 192.168.201.0/24 metric 2130706432 proto 109");
        expect_facts(NODE_C, USUAL UPLINK);
        /* Rules of networks, and the tables that they lead to. */
        run("ip rule add priority 1090 from 192.168.200.0/24 table 77 protocol 109 && "
            "ip rule add priority 1091 iif acme table 78 protocol 109 && "
            "ip route add 192.168.201.0/24 dev acme table 77 proto 109 && "
            "ip route add 192.168.200.0/24 via 192.168.200.1 table 78 proto 109");
        expect_facts(NODE_C, USUAL UPLINK);
        run("ip rule add priority 1092 from 192.168.200.0/24 table 77");
        expect_facts(NODE_C, USUAL UPLINK "rule 1092: from 192.168.200.0/24 lookup 77\n");
}

/* The whole pool of mapped prefixes is routed into the tunnel. */
static void test_mapped_lans(void **state WG_UNUSED)
{
        enter_machine();
        run("ip route add 10.200.0.128/25 via 192.168.200.1");
        run("ip route add 10.200.200.0/24 via 192.168.200.1");
        run("ip route add 10.201.0.0/24 via 192.168.200.1");
        expect_facts(NODE_C, USUAL UPLINK "route 10.200.0.128/25 dev eth0 table 254\n"
                                          "route 10.200.200.0/24 dev eth0 table 254\n");
}

static void test_tailscale(void **state WG_UNUSED)
{
        enter_machine();
        load("iptables-restore", "tailscale.rules");
        run("ip link add tailscale0 type veth peer name peer1 && ip link set tailscale0 up && "
            "ip rule add priority 5210 fwmark 0x80000/0xff0000 table main && "
            "ip rule add priority 5230 fwmark 0x80000/0xff0000 table default && "
            "ip rule add priority 5250 fwmark 0x80000/0xff0000 unreachable && "
            "ip rule add priority 5270 table 52 && "
            "ip route add 100.100.100.100 dev tailscale0 table 52");
        expect_facts(NODE_C, USUAL UPLINK);
        run("ip route add 192.168.201.0/24 dev tailscale0 table 52");
        expect_facts(NODE_C, USUAL "route 192.168.201.0/24 dev tailscale0 table 52 first\n" UPLINK
                                   "rule 5270: from all lookup 52\n");
}

/* wg-quick(8) with a default route leaves the routes of the main table alone. */
static void test_wg_quick(void **state WG_UNUSED)
{
        enter_machine();
        run("ip link add wg0 type veth peer name peer1 && ip link set wg0 up && "
            "ip addr add 10.99.0.2/32 dev wg0 && "
            "ip route add default dev wg0 table 51820 && "
            "ip rule add not fwmark 51820 table 51820 && "
            "ip rule add table main suppress_prefixlength 0");
        expect_facts(NODE_C, USUAL "net wg0 10.99.0.2/32\n" UPLINK);
        run("iptables -A FORWARD -i wg0 -j ACCEPT");
        expect_facts(NODE_C, USUAL "net wg0 10.99.0.2/32\n" UPLINK "forwarder WireGuard (wg0)\n");
}

static void test_docker(void **state WG_UNUSED)
{
        enter_machine();
        load("iptables-restore", "docker.rules");
        run("ip link add docker0 type veth peer name peer1 && ip link set docker0 up && "
            "ip addr add 172.17.0.1/16 dev docker0");
        expect_facts(NODE_C,
                     USUAL "net docker0 172.17.0.1/16\n" UPLINK
                           "drop ip filter FORWARD (Docker): connections from acme to eth0\n"
                           "forwarder Docker (docker0)\n");
        expect_facts(HUB, USUAL "net docker0 172.17.0.1/16\n" UPLINK
                                "drop ip filter FORWARD (Docker): connections from acme to acme\n"
                                "forwarder Docker (docker0)\n");
        expect_facts(LAPTOP,
                     USUAL "net docker0 172.17.0.1/16\n" UPLINK "forwarder Docker (docker0)\n");
        /* Half of the command is not enough. */
        run("iptables -I DOCKER-USER -i acme -j ACCEPT");
        expect_facts(NODE_C,
                     USUAL "net docker0 172.17.0.1/16\n" UPLINK
                           "drop ip filter FORWARD (Docker): connections from eth0 to acme\n"
                           "forwarder Docker (docker0)\n");
        run("iptables -I DOCKER-USER -o acme -j ACCEPT");
        expect_facts(NODE_C,
                     USUAL "net docker0 172.17.0.1/16\n" UPLINK "forwarder Docker (docker0)\n");
}

static void test_ufw(void **state WG_UNUSED)
{
        enter_machine();
        load("iptables-restore", "ufw.rules");
        load("ip6tables-restore", "ufw6.rules");
        expect_facts(NODE_C,
                     USUAL UPLINK "drop ip filter FORWARD (ufw): connections from acme to eth0\n");
        expect_facts(HUB,
                     USUAL UPLINK "drop ip filter INPUT (ufw): UDP packets to port 51820\n"
                                  "drop ip filter FORWARD (ufw): connections from acme to acme\n");
}

/* Rules that let through what the network needs, and no more. */
static void test_exact_rules(void **state WG_UNUSED)
{
        enter_machine();
        run("nft 'table ip router { chain f { type filter hook forward priority 0; policy drop; "
            "ip saddr { 10.70.0.0/24, 192.168.201.0/24 } ip daddr 192.168.200.0/24 accept; "
            "ip saddr 192.168.200.0/24 ip daddr { 10.70.0.0/24, 192.168.201.0/24 } accept; }; }'");
        expect_facts(NODE_C, USUAL UPLINK);
        expect_facts(NODE_A, USUAL UPLINK "drop ip router f: connections from acme to a LAN\n");
}

/* People may pass, but the other office may not. */
static void test_inexact_rules(void **state WG_UNUSED)
{
        enter_machine();
        run("nft 'table ip router { chain f { type filter hook forward priority 0; policy drop; "
            "ip saddr 10.70.0.0/24 accept; ip daddr 10.70.0.0/24 accept; }; }'");
        expect_facts(NODE_C, USUAL UPLINK "drop ip router f: connections from acme to eth0\n");
}

static void test_unknown(void **state WG_UNUSED)
{
        const char *path = getenv("PATH");
        char *copy = strdup(path);

        assert_non_null(copy);
        enter_machine();
        setenv("PATH", "/nonexistent", 1);
        expect_facts(NODE_C, USUAL UPLINK "unknown what other programs drop\n");
        setenv("PATH", copy, 1);
        free(copy);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_plain_machine), cmocka_unit_test(test_routes),
                cmocka_unit_test(test_own_link),      cmocka_unit_test(test_tailscale),
                cmocka_unit_test(test_wg_quick),      cmocka_unit_test(test_mapped_lans),
                cmocka_unit_test(test_docker),        cmocka_unit_test(test_ufw),
                cmocka_unit_test(test_exact_rules),   cmocka_unit_test(test_inexact_rules),
                cmocka_unit_test(test_unknown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
