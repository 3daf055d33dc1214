/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#define _GNU_SOURCE /* unshare */
#include "io/netset.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "test/lib/cmocka.h"
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
                changes[i].is_removal = true;
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
        changes[0].is_removal = changes[1].is_removal = true;
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
                {.is_address = true, .address = {{WG_FAMILY_IPV4, {10, 70, 0, 2}}, 32, 0}},
                {.is_address = true, .address = {{WG_FAMILY_IPV6, {0xfd, 1, [15] = 2}}, 128, 0}},
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
                changes[0].is_removal = changes[1].is_removal = true;
                assert_int_equal(tl_netset_change(changes, 2), 0);
        }
        assert_int_equal(tl_netset_list_addresses(tunnel, &addresses, &count), 0);
        assert_int_equal(count, 0);
        free(addresses);
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
                cmocka_unit_test(test_routes), cmocka_unit_test(test_others),
                cmocka_unit_test(test_errors), cmocka_unit_test(test_addresses),
                cmocka_unit_test(test_many),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
