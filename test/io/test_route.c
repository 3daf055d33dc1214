/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#define _GNU_SOURCE /* unshare */
#include "io/route.h"

#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>

#include "test/lib/cmocka.h"
#include "test/lib/ip.h"
#include "test/lib/netns.h"

static struct tl_routes routes;

/* Two links, `one` and `two`, each with an address of both families in its own subnet. */
static void make_links(void)
{
        enter_netns();
        run("ip link add one type veth peer name one_peer");
        run("ip link add two type veth peer name two_peer");
        run("ip addr add 192.0.2.1/24 dev one");
        run("ip addr add 198.51.100.1/24 dev two");
        run("ip addr add 2001:db8:1::1/64 dev one nodad");
        run("ip addr add 2001:db8:2::1/64 dev two nodad");
        run("for l in one one_peer two two_peer; do ip link set $l up; done");
        assert_int_equal(tl_routes_init(&routes), 0);
}

/* The link that a datagram from our port 7000 to port 9 leaves by, or -errno. */
static int ask_as(const struct tl_route_sender *sender, const char *to, const char *from)
{
        struct wg_endpoint e = {.ip = test_ip(to), .port = 9};
        uint32_t ifindex;
        int error;

        if (from)
                e.source = test_ip(from);
        error = tl_routes_ask(&routes, sender, &e, &ifindex);
        return error ? error : (int)ifindex;
}

static int ask(const char *to, const char *from, uint32_t mark)
{
        return ask_as(&(struct tl_route_sender){.fwmark = mark, .port = 7000}, to, from);
}

static void test_asks_for_the_link(void **state WG_UNUSED)
{
        int one, two;

        make_links();
        one = (int)if_nametoindex("one");
        two = (int)if_nametoindex("two");
        assert_int_equal(ask("192.0.2.9", "192.0.2.1", 0), one);
        assert_int_equal(ask("198.51.100.9", NULL, 0), two);
        assert_int_equal(ask("2001:db8:1::9", "2001:db8:1::1", 0), one);
        assert_int_equal(ask("2001:db8:2::9", NULL, 0), two);
        assert_int_equal(ask("203.0.113.1", "192.0.2.1", 0), -ENETUNREACH);
        assert_true(ask("192.0.2.9", "192.0.2.77", 0) < 0);

        run("ip route add 192.0.2.9/32 via 198.51.100.2 dev two");
        assert_int_equal(ask("192.0.2.9", "192.0.2.1", 0), two);
        run("ip rule add fwmark 7 table 100");
        run("ip route add 203.0.113.0/24 dev one table 100");
        assert_int_equal(ask("203.0.113.1", NULL, 0), -ENETUNREACH);
        assert_int_equal(ask("203.0.113.1", NULL, 7), one);
        tl_routes_done(&routes);
}

/* Each rule routes the traffic it selects through link `two`; the main table uses link `one`. */
static void test_asks_with_everything_that_rules_match(void **state WG_UNUSED)
{
        static const struct {
                int number;
                const char *rule;
                struct tl_route_sender sender;
                bool is_selected;
        } cases[] = {
                {1, "sport 7000", {.port = 7000}, true},
                {2, "sport 7000", {.port = 7001}, false},
                {3, "sport 7000", {.port = 0}, false},
                {4, "dport 9", {.port = 7000}, true},
                {5, "dport 10", {.port = 7000}, false},
                {6, "ipproto udp", {.port = 7000}, true},
                {7, "ipproto tcp", {.port = 7000}, false},
                {8, "ipproto udp sport 6999-7000 dport 8-9", {.port = 7000}, true},
                {9, "uidrange 1234-1235", {.uid = 1235}, true},
                {10, "uidrange 1234-1235", {.uid = 0}, false},
                {11, "fwmark 0x10/0xf0", {.fwmark = 0x1f}, true},
                {12, "fwmark 0x10/0xf0", {.fwmark = 0x2f}, false},
                {13, "iif lo", {.port = 7000}, true},
                {14, "iif one", {.port = 7000}, false},
        };
        static const struct {
                const char *ip, *to, *from;
        } families[] = {
                {"ip", "203.0.113.1", "192.0.2.1"},
                {"ip -6", "2001:db8:9::1", "2001:db8:1::1"},
        };

        make_links();
        run("ip route add 203.0.113.0/24 dev one");
        run("ip -6 route add 2001:db8:9::/64 dev one");
        run("ip route add 203.0.113.0/24 dev two table 100");
        run("ip -6 route add 2001:db8:9::/64 dev two table 100");
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases) * WG_ARRAY_SIZE(families); i++) {
                const typeof(*cases) *c = &cases[i / 2];
                const typeof(*families) *f = &families[i % 2];
                char command[128];
                const char *link = c->is_selected ? "two" : "one";

                snprintf(command, sizeof(command), "%s rule add %s lookup 100 pref 9", f->ip,
                         c->rule);
                run(command);
                if (ask_as(&c->sender, f->to, f->from) != (int)if_nametoindex(link))
                        fail_msg("case %d, %s: not by link %s", c->number, f->ip, link);
                snprintf(command, sizeof(command), "%s rule del pref 9", f->ip);
                run(command);
        }
        tl_routes_done(&routes);
}

/* Reads events for half a second, or until there is one. */
static void gather(struct tl_route_changes *changes, const struct tl_route_sender *sender)
{
        struct pollfd fd = {.fd = routes.fd, .events = POLLIN};

        changes->count = 0;
        assert_int_equal(poll(&fd, 1, 5000), 1);
        for (int wait_ms = 30; poll(&fd, 1, wait_ms) == 1;)
                assert_in_range(tl_routes_heed(&routes, sender, changes, 1000), 1, 999);
}

static bool touches(const struct tl_route_changes *changes, const char *to, const char *from)
{
        const struct wg_endpoint e = {.ip = test_ip(to), .source = test_ip(from)};

        return tl_route_changes_touch(changes, &e);
}

static void test_reports_the_flows_a_change_affects(void **state WG_UNUSED)
{
        enum { HERE4 = 1, THERE4 = 2, HERE6 = 4, THERE6 = 8, ALL4 = 3, ALL6 = 12, ALL = 15 };
        static const struct {
                const char *to, *from;
        } flows[] = {
                {"203.0.113.5", "192.0.2.1"},
                {"198.18.0.1", "198.51.100.1"},
                {"2001:db8:9::5", "2001:db8:1::1"},
                {"2001:db8:a::1", "2001:db8:2::1"},
        };
        static const struct {
                int number;
                const char *command;
                unsigned int touched;
        } cases[] = {
                {1, "ip route add 203.0.113.0/24 dev one", HERE4},
                {2, "ip route change 203.0.113.0/24 dev two", HERE4},
                {3, "ip route del 203.0.113.0/24", HERE4},
                {4, "ip route add 203.0.113.4/32 dev one table 99", 0},
                {5, "ip route add default dev one", ALL4},
                {6, "ip -6 route add 2001:db8:9::/64 dev one", HERE6},
                {7, "ip -6 route add 2001:db8:8::/45 from 2001:db8:2::/64 dev two", THERE6},
                {8, "ip -6 route add default dev one", ALL6},
                {9, "ip rule add fwmark 7 lookup 100", ALL4},
                {10, "ip rule add fwmark 8 lookup 100", 0},
                {11, "ip rule del fwmark 8 lookup 100", 0},
                {12, "ip rule add not fwmark 7 lookup 100", ALL4},
                {13, "ip rule add from 192.0.2.0/24 lookup 100", HERE4},
                {14, "ip rule add to 198.18.0.0/15 lookup 100", THERE4},
                {15, "ip rule add ipproto tcp lookup 100", 0},
                {16, "ip rule add ipproto udp sport 7000 lookup 100", ALL4},
                {17, "ip rule add ipproto udp sport 7001-7009 lookup 100", 0},
                {18, "ip rule add ipproto udp dport 9 lookup 100", ALL4},
                {19, "ip rule add uidrange 0-0 lookup 100", ALL4},
                {20, "ip rule add uidrange 1-9 lookup 100", 0},
                {21, "ip rule add iif one lookup 100", 0},
                {22, "ip rule add iif lo lookup 100", ALL4},
                {23, "ip rule add suppress_prefixlength 0 lookup main", ALL4},
                {24, "ip -6 rule add from 2001:db8:2::1 fwmark 7 lookup 100", THERE6},
                {25, "ip addr add 192.0.2.5/24 dev one", ALL4},
                {26, "ip addr del 192.0.2.5/24 dev one", ALL4},
                {27, "ip addr del 2001:db8:2::1/64 dev two", THERE6},
                {28, "ip link add three type veth peer name four", 0},
                {29, "ip link set three mtu 1400", 0},
                {30, "ip link set three addrgenmode none up", ALL},
                {31, "ip link set three mtu 1300", 0},
                {32, "ip link set three group 5", ALL},
                {33, "ip link set three mtu 1280", 0},
                {34, "ip link set three down", ALL},
                {35, "ip link del three", 0},
                {36, "ip nexthop add id 1 dev one", ALL},
                {37, "ip link del two", ALL},
        };
        const struct tl_route_sender sender = {.fwmark = 7, .port = 7000};
        struct tl_route_changes changes = {0};

        make_links();
        usleep(200000); /* wait for late events of their creation */
        while (tl_routes_heed(&routes, &sender, &changes, 1))
                changes.count = 0;
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                unsigned int touched = 0;

                run(cases[i].command);
                gather(&changes, &sender);
                for (unsigned int f = 0; f < WG_ARRAY_SIZE(flows); f++)
                        touched |= (unsigned int)touches(&changes, flows[f].to, flows[f].from) << f;
                if (touched != cases[i].touched)
                        fail_msg("case %d: touches flows %#x: %s", cases[i].number, touched,
                                 cases[i].command);
        }
        tl_routes_done(&routes);
        tl_routes_done(&routes);
        tl_routes_done(NULL);
}

/* More events than the kernel keeps: then any flow may be affected, which is reported once. */
static void test_lost_events_affect_everything(void **state WG_UNUSED)
{
        const struct tl_route_sender sender = {.port = 7000};
        struct tl_route_changes changes = {0};
        int little = 4096;

        make_links();
        setsockopt(routes.fd, SOL_SOCKET, SO_RCVBUF, &little, sizeof(little));
        run("for i in $(seq 99); do echo route add 203.0.113.$i dev one; done | ip -batch -");
        gather(&changes, &sender);
        assert_true(touches(&changes, "198.18.0.1", "198.51.100.1"));
        assert_true(touches(&changes, "2001:db8:a::1", "2001:db8:2::1"));
        assert_int_equal(tl_routes_heed(&routes, &sender, &changes, 1000), 0);
        run("ip route del 203.0.113.1");
        gather(&changes, &sender);
        assert_false(touches(&changes, "198.18.0.1", "198.51.100.1"));
        tl_routes_done(&routes);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_asks_for_the_link),
                cmocka_unit_test(test_asks_with_everything_that_rules_match),
                cmocka_unit_test(test_reports_the_flows_a_change_affects),
                cmocka_unit_test(test_lost_events_affect_everything),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
