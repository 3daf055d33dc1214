/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#define _GNU_SOURCE /* unshare */
#include "io/route.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test/netns.h"

static struct tl_routes routes;

/* Two links, `one` and `two`, each with an address of both families in a network of its own. */
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

static struct wg_ip ip(const char *text)
{
        struct wg_ip result = {.family = WG_FAMILY_IPV4};

        if (inet_pton(AF_INET, text, result.bytes) == 1)
                return result;
        result.family = WG_FAMILY_IPV6;
        assert_int_equal(inet_pton(AF_INET6, text, result.bytes), 1);
        return result;
}

/* By which link a datagram leaves, or -errno. */
static int ask(const char *to, const char *from, uint32_t mark)
{
        struct wg_endpoint e = {.ip = ip(to), .port = 9};
        uint32_t ifindex;
        int error;

        if (from)
                e.source = ip(from);
        error = tl_routes_ask(&routes, &e, mark, &ifindex);
        return error ? error : (int)ifindex;
}

static void test_asks_by_which_link(void **state WG_UNUSED)
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

/* Whether something is told within a second. */
static bool hears(void)
{
        struct pollfd fd = {.fd = routes.fd, .events = POLLIN};

        return poll(&fd, 1, 1000) == 1 && tl_routes_have_changed(&routes);
}

static void test_hears_of_every_change(void **state WG_UNUSED)
{
        static const char *const CHANGES[] = {
                "ip route add 203.0.113.0/24 dev one",
                "ip -6 route add 2001:db8:3::/64 dev one",
                "ip rule add fwmark 7 table 100",
                "ip -6 rule add fwmark 7 table 100",
                "ip addr add 192.0.2.5/24 dev one",
                "ip addr del 192.0.2.5/24 dev one",
                "ip link set two down",
        };

        make_links();
        for (size_t i = 0; i < WG_ARRAY_SIZE(CHANGES); i++) {
                /* What the change before set off may still be trickling in. */
                usleep(50000);
                (void)!tl_routes_have_changed(&routes);
                assert_false(tl_routes_have_changed(&routes));
                run(CHANGES[i]);
                if (!hears())
                        fail_msg("case %zu: not told of: %s", i, CHANGES[i]);
        }
        tl_routes_done(&routes);
        tl_routes_done(&routes);
        tl_routes_done(NULL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_asks_by_which_link),
                cmocka_unit_test(test_hears_of_every_change),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
