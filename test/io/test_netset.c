/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#define _GNU_SOURCE /* unshare */
#include "io/netset.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "test/lib/cmocka.h"
#include "test/lib/ip.h"
#include "test/lib/netns.h"

enum { OURS = 109, MANY = 3000 };

static const struct wg_prefix inside4 = {{WG_FAMILY_IPV4, {192, 168, 200}}, 24};
static const struct wg_prefix inside6 = {{WG_FAMILY_IPV6, {0xfd, 0x12}}, 48};
static const struct wg_prefix everything4 = {{WG_FAMILY_IPV4, {0}}, 0};

static uint32_t tunnel;

static void begin(void)
{
        enter_netns();
        run("ip link add tun0 type veth peer name tun1 && ip link set tun1 up && "
            "ip link set tun0 addrgenmode none && ip link set tun0 up");
        tunnel = if_nametoindex("tun0");
}

static struct tl_netset_change add_route(struct wg_prefix prefix, uint32_t ifindex, uint32_t metric)
{
        return (struct tl_netset_change){.route = {
                                                 .prefix = prefix,
                                                 .ifindex = ifindex,
                                                 .metric = metric,
                                                 .protocol = OURS,
                                                 .is_unreachable = !ifindex,
                                         }};
}

static void expect_output(const char *command, const char *wanted)
{
        char text[256] = "";
        FILE *out = popen(command, "r");
        size_t len = out ? fread(text, 1, sizeof(text) - 1, out) : 0;

        assert_non_null(out);
        assert_int_equal(pclose(out), 0);
        while (len && (text[len - 1] == '\n' || text[len - 1] == ' '))
                text[--len] = '\0';
        assert_string_equal(text, wanted);
}

/* What ip(8) shows of the routes that we made, and that the list has the same. */
static void test_routes(void **state)
{
        struct tl_netset_change changes[] = {
                add_route(inside4, 0, 0),
                add_route(inside6, 0, 0x7f000000),
                add_route(inside6, 0, 0),
                add_route(everything4, 0, 7),
        };
        struct tl_netset_route *routes;
        size_t count;

        (void)state;
        begin();
        changes[0] = add_route(inside4, tunnel, 0);
        changes[2] = add_route(inside6, tunnel, 0);
        assert_int_equal(tl_netset_change(changes, WG_ARRAY_SIZE(changes)), 0);
        expect_output("ip -4 route show proto 109 table all",
                      "unreachable default metric 7 \n192.168.200.0/24 dev tun0 scope link");
        expect_output("ip -6 route show proto 109 table all",
                      "fd12::/48 dev tun0 metric 1024 pref medium\n"
                      "unreachable fd12::/48 dev lo metric 2130706432 pref medium");
        assert_int_equal(tl_netset_list_routes(OURS, &routes, &count), 0);
        assert_int_equal(count, 4);
        assert_true(routes[0].is_unreachable && routes[0].metric == 7 && !routes[0].ifindex);
        assert_int_equal(routes[0].prefix.cidr, 0);
        assert_memory_equal(&routes[1].prefix, &inside4, sizeof(inside4));
        assert_true(routes[1].ifindex == tunnel && routes[1].table == TL_NETSET_MAIN);
        assert_int_equal(routes[2].metric, TL_NETSET_IPV6_METRIC);
        assert_true(routes[3].is_unreachable && !routes[3].ifindex);
        free(routes);
        for (size_t i = 0; i < WG_ARRAY_SIZE(changes); i++)
                changes[i].verb = TL_NETSET_REMOVE;
        for (int turn = 0; turn < 2; turn++) /* removing what is gone does no harm */
                assert_int_equal(tl_netset_change(changes, WG_ARRAY_SIZE(changes)), 0);
        assert_int_equal(tl_netset_list_routes(OURS, &routes, &count), 0);
        assert_int_equal(count, 0);
        free(routes);
}

/* Routes of others are neither listed, nor replaced, nor removed. */
static void test_others(void **state)
{
        struct tl_netset_change changes[2];
        struct tl_netset_route *routes;
        size_t count;

        (void)state;
        begin();
        run("ip route add 192.168.200.0/24 dev tun0 proto static");
        run("ip -6 route add fd12::/48 dev tun0 proto static");
        run("ip route add blackhole 10.0.0.0/8 table 7 proto 109");
        changes[0] = add_route(inside4, tunnel, 0);
        changes[1] = add_route(inside6, tunnel, 0);
        assert_int_equal(tl_netset_change(changes, 2), -EEXIST);
        assert_int_equal(changes[0].error, -EEXIST);
        assert_int_equal(changes[1].error, -EEXIST);
        changes[0].verb = changes[1].verb = TL_NETSET_REMOVE;
        assert_int_equal(tl_netset_change(changes, 2), 0);
        expect_output("ip route show 192.168.200.0/24",
                      "192.168.200.0/24 dev tun0 proto static scope link");
        expect_output("ip -6 route show fd12::/48",
                      "fd12::/48 dev tun0 proto static metric 1024 pref medium");
        assert_int_equal(tl_netset_list_routes(OURS, &routes, &count), 0);
        assert_true(count == 1 && routes[0].is_other && routes[0].table == 7);
        free(routes);
}

/* Each change is independent of the others, and each error is told. */
static void test_errors(void **state)
{
        struct tl_netset_change changes[4];

        (void)state;
        begin();
        changes[0] = add_route(inside4, 4711, 0); /* no such link */
        changes[1] = add_route(inside4, tunnel, 0);
        changes[2] = add_route(inside4, tunnel, 0);
        changes[3] = add_route(inside6, tunnel, 0);
        assert_int_equal(tl_netset_change(changes, 4), -ENODEV);
        assert_int_equal(changes[0].error, -ENODEV);
        assert_int_equal(changes[1].error, 0);
        assert_int_equal(changes[2].error, -EEXIST);
        assert_int_equal(changes[3].error, 0);
}

static void test_addresses(void **state)
{
        struct tl_netset_change changes[] = {
                {.kind = TL_NETSET_ADDRESS, .address = {{WG_FAMILY_IPV4, {10, 70, 0, 2}}, 32, 0}},
                {.kind = TL_NETSET_ADDRESS,
                 .address = {{WG_FAMILY_IPV6, {0xfd, 1, [15] = 2}}, 128, 0}},
        };
        struct tl_netset_address *addresses;
        size_t count;

        (void)state;
        begin();
        run("ip -6 addr flush dev tun0");
        changes[0].address.ifindex = changes[1].address.ifindex = tunnel;
        for (int turn = 0; turn < 2; turn++)
                assert_int_equal(tl_netset_change(changes, 2), 0);
        assert_int_equal(tl_netset_list_addresses(tunnel, &addresses, &count), 0);
        assert_int_equal(count, 2);
        for (size_t i = 0; i < 2; i++)
                assert_memory_equal(&addresses[i], &changes[i].address, sizeof(addresses[i]));
        free(addresses);
        assert_int_equal(tl_netset_list_addresses(0, &addresses, &count), 0);
        assert_true(count >= 4); /* with those of other links */
        free(addresses);
        expect_output("ip -6 route show dev tun0 | grep -v fe80 | wc -l", "0");
        for (int turn = 0; turn < 2; turn++) {
                changes[0].verb = changes[1].verb = TL_NETSET_REMOVE;
                assert_int_equal(tl_netset_change(changes, 2), 0);
        }
        assert_int_equal(tl_netset_list_addresses(tunnel, &addresses, &count), 0);
        assert_int_equal(count, 0);
        free(addresses);
}

/* Routes of other tables, through a router, and with an MTU. */
static void test_route_attributes(void **state)
{
        struct tl_netset_change changes[4];
        struct tl_netset_route *routes;
        size_t count;

        (void)state;
        begin();
        run("ip addr add 192.0.2.1/24 dev tun0 && ip addr add 2001:db8::1/64 dev tun0 nodad");
        changes[0] = add_route(inside4, tunnel, 0);
        changes[0].route.via = test_ip("192.0.2.9");
        changes[0].route.table = 0x6d123459;
        changes[1] = add_route(inside6, tunnel, 7);
        changes[1].route.via = test_ip("2001:db8::9");
        changes[1].route.table = 77;
        changes[1].route.mtu = 1300;
        changes[2] = add_route(inside4, tunnel, 0);
        changes[2].route.mtu = 1200;
        changes[3] = add_route(inside6, tunnel, 0);
        changes[3].route.mtu = 1290;
        assert_int_equal(tl_netset_change(changes, 4), 0);
        expect_output("ip -4 route show proto 109 table all",
                      "192.168.200.0/24 via 192.0.2.9 dev tun0 table 1829909593 \n"
                      "192.168.200.0/24 dev tun0 scope link mtu 1200");
        expect_output("ip -6 route show proto 109 table all",
                      "fd12::/48 via 2001:db8::9 dev tun0 table 77 metric 7 mtu 1300 pref medium\n"
                      "fd12::/48 dev tun0 metric 1024 mtu 1290 pref medium");
        assert_int_equal(tl_netset_list_routes(OURS, &routes, &count), 0);
        assert_int_equal(count, 4);
        for (size_t i = 0; i < count; i++) {
                const struct tl_netset_route *route = &routes[i], *made = NULL;

                for (size_t k = 0; k < count; k++)
                        if (wg_ip_equal(&changes[k].route.prefix.ip, &route->prefix.ip) &&
                            changes[k].route.mtu == route->mtu)
                                made = &changes[k].route;
                assert_non_null(made);
                assert_true(wg_ip_equal(&route->via, &made->via));
                assert_int_equal(route->table, made->table ? made->table : TL_NETSET_MAIN);
                assert_int_equal(route->ifindex, tunnel);
        }
        free(routes);
        for (size_t i = 0; i < WG_ARRAY_SIZE(changes); i++)
                changes[i].verb = TL_NETSET_REMOVE;
        assert_int_equal(tl_netset_change(changes, 4), 0);
        assert_int_equal(tl_netset_list_routes(OURS, &routes, &count), 0);
        assert_int_equal(count, 0);
        free(routes);
}

static void replace_often(struct tl_netset_change *change)
{
        change->verb = TL_NETSET_REPLACE;
        for (uint32_t turn = 0; turn < 500; turn++) {
                change->route.mtu = turn % 2 ? 1300 + turn : 0;
                if (tl_netset_change(change, 1) != 0)
                        _exit(1);
        }
        _exit(0);
}

/* While a route is replaced, every packet finds one. */
static void expect_no_gap(struct wg_prefix prefix)
{
        struct sockaddr_storage to = {.ss_family = AF_INET};
        struct tl_netset_change change = add_route(prefix, tunnel, 0);
        bool is_ipv4 = prefix.ip.family == WG_FAMILY_IPV4;
        int fd, status;
        pid_t child;

        assert_int_equal(tl_netset_change(&change, 1), 0);
        if (is_ipv4) {
                memcpy(&((struct sockaddr_in *)&to)->sin_addr, prefix.ip.bytes, 4);
                ((struct sockaddr_in *)&to)->sin_port = htons(9);
        } else {
                to.ss_family = AF_INET6;
                memcpy(&((struct sockaddr_in6 *)&to)->sin6_addr, prefix.ip.bytes, 16);
                ((struct sockaddr_in6 *)&to)->sin6_port = htons(9);
        }
        fd = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_true(fd >= 0);
        child = fork();
        assert_true(child >= 0);
        if (child == 0)
                replace_often(&change);
        do {
                if (sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)) < 0 &&
                    errno != EAGAIN && errno != ENOBUFS)
                        fail_msg("a packet found no route: %s", strerror(errno));
        } while (waitpid(child, &status, WNOHANG) == 0);
        assert_int_equal(status, 0);
        close(fd);
}

static void test_replaces_without_gap(void **state)
{
        (void)state;
        begin();
        run("ip addr add 192.0.2.1/32 dev tun0 && ip addr add 2001:db8::1/128 dev tun0 nodad");
        expect_no_gap(inside4);
        expect_no_gap(inside6);
        expect_output("ip -4 route show proto 109",
                      "192.168.200.0/24 dev tun0 scope link mtu 1799");
        expect_output("ip -6 route show proto 109",
                      "fd12::/48 dev tun0 metric 1024 mtu 1799 pref medium");
}

static struct tl_netset_change add_rule(const char *from, const char *to, const char *iif)
{
        struct tl_netset_change change = {
                .kind = TL_NETSET_RULE,
                .rule = {.priority = 1090, .table = 0x6d123459, .protocol = OURS},
        };

        if (from)
                change.rule.from = test_prefix(from);
        if (to)
                change.rule.to = test_prefix(to);
        change.rule.family = from ? change.rule.from.ip.family : change.rule.to.ip.family;
        snprintf(change.rule.iif, sizeof(change.rule.iif), "%s", iif);
        return change;
}

static void test_rules(void **state)
{
        struct tl_netset_change changes[] = {
                add_rule("10.70.0.4/32", "192.168.200.0/24", ""),
                add_rule(NULL, "192.168.200.0/24", "tun0"),
                add_rule("fd01::/64", NULL, "a-link-not-here"),
                add_rule("fd01::4/128", "fd12::/48", "longest-a-name"),
        };
        struct tl_rule *rules;
        size_t count;

        (void)state;
        begin();
        run("ip rule add priority 1090 from 10.70.0.4 to 192.168.200.0/24 table 1829909593");
        for (int turn = 0; turn < 2; turn++) /* adding what is there does no harm */
                assert_int_equal(tl_netset_change(changes, 4), 0);
        expect_output("ip rule | grep 109",
                      "1090:\tfrom 10.70.0.4 to 192.168.200.0/24 lookup 1829909593\n"
                      "1090:\tfrom 10.70.0.4 to 192.168.200.0/24 lookup 1829909593 proto 109\n"
                      "1090:\tfrom all to 192.168.200.0/24 iif tun0 lookup 1829909593 proto 109");
        expect_output("ip -6 rule | grep 109",
                      "1090:\tfrom fd01::/64 iif a-link-not-here [detached] lookup 1829909593 "
                      "proto 109\n"
                      "1090:\tfrom fd01::4 to fd12::/48 iif longest-a-name [detached] lookup "
                      "1829909593 proto 109");
        assert_int_equal(tl_rule_read(WG_FAMILY_IPV6, &rules, &count), 0);
        assert_int_equal(count, 4);
        assert_string_equal(rules[1].iif, "a-link-not-here");
        assert_true(!rules[1].has_more && rules[1].is_selective);
        assert_memory_equal(&rules[2].from, &changes[3].rule.from, sizeof(rules[2].from));
        assert_memory_equal(&rules[2].to, &changes[3].rule.to, sizeof(rules[2].to));
        free(rules);
        for (size_t i = 0; i < WG_ARRAY_SIZE(changes); i++)
                changes[i].verb = TL_NETSET_REMOVE;
        for (int turn = 0; turn < 2; turn++)
                assert_int_equal(tl_netset_change(changes, 4), 0);
        expect_output("ip rule | grep 1090; ip -6 rule | grep -c 1090; true",
                      "1090:\tfrom 10.70.0.4 to 192.168.200.0/24 lookup 1829909593\n0");
}

static void test_proxies(void **state)
{
        struct tl_netset_change changes[] = {
                {.kind = TL_NETSET_PROXY, .proxy = {test_ip("192.0.2.7"), 0, OURS}},
                {.kind = TL_NETSET_PROXY, .proxy = {test_ip("2001:db8::7"), 0, OURS}},
        };
        struct tl_netset_proxy *proxies;
        size_t count;

        (void)state;
        begin();
        run("ip neigh add proxy 192.0.2.8 dev tun0");
        run("ip neigh add 192.0.2.9 lladdr 02:00:00:00:00:01 dev tun0 protocol 109");
        changes[0].proxy.ifindex = changes[1].proxy.ifindex = tunnel;
        for (int turn = 0; turn < 2; turn++)
                assert_int_equal(tl_netset_change(changes, 2), 0);
        expect_output("ip neigh show proxy | sed 's/ *$//' | sort",
                      "192.0.2.7 dev tun0 proxy proto 109\n"
                      "192.0.2.8 dev tun0 proxy\n"
                      "2001:db8::7 dev tun0 proxy proto 109");
        assert_int_equal(tl_netset_list_proxies(&proxies, &count), 0);
        assert_int_equal(count, 3);
        for (size_t i = 0; i < count; i++) {
                struct tl_netset_proxy other = {test_ip("192.0.2.8"), tunnel, 0};
                const struct tl_netset_proxy *wanted = proxies[i].ip.family == WG_FAMILY_IPV6
                                                               ? &changes[1].proxy
                                                       : proxies[i].protocol ? &changes[0].proxy
                                                                             : &other;

                assert_true(wg_ip_equal(&proxies[i].ip, &wanted->ip));
                assert_int_equal(proxies[i].ifindex, wanted->ifindex);
                assert_int_equal(proxies[i].protocol, wanted->protocol);
        }
        free(proxies);
        changes[0].verb = changes[1].verb = TL_NETSET_REMOVE;
        for (int turn = 0; turn < 2; turn++)
                assert_int_equal(tl_netset_change(changes, 2), 0);
        assert_int_equal(tl_netset_list_proxies(&proxies, &count), 0);
        assert_int_equal(count, 1);
        free(proxies);
        changes[0].verb = TL_NETSET_ADD;
        changes[0].proxy.ifindex = 4711;
        assert_int_equal(tl_netset_change(changes, 1), -ENODEV);
}

/* More than fit into one message, an answer, or a receive buffer. */
static void test_many(void **state)
{
        struct tl_netset_change *changes = calloc(MANY, sizeof(*changes));
        struct tl_netset_route *routes;
        size_t count;

        (void)state;
        assert_non_null(changes);
        begin();
        for (uint32_t i = 0; i < MANY; i++) {
                struct wg_prefix prefix = {{WG_FAMILY_IPV4, {10, (uint8_t)(i >> 8), (uint8_t)i}},
                                           24};

                changes[i] = add_route(prefix, i % 2 ? tunnel : 0, 0);
        }
        assert_int_equal(tl_netset_change(changes, MANY), 0);
        assert_int_equal(tl_netset_list_routes(OURS, &routes, &count), 0);
        assert_int_equal(count, MANY);
        free(routes);
        free(changes);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_routes),
                cmocka_unit_test(test_others),
                cmocka_unit_test(test_errors),
                cmocka_unit_test(test_addresses),
                cmocka_unit_test(test_many),
                cmocka_unit_test(test_route_attributes),
                cmocka_unit_test(test_rules),
                cmocka_unit_test(test_proxies),
                cmocka_unit_test(test_replaces_without_gap),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
