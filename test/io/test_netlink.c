/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#define _GNU_SOURCE /* unshare */
#include "io/netlink.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "test/lib/cmocka.h"
#include "test/lib/netns.h"

static struct tl_netlink_monitor monitor;

static uint32_t make_link(const char *name)
{
        char command[128];

        snprintf(command, sizeof(command), "ip link add %s type veth peer name %s_peer", name,
                 name);
        run(command);
        return if_nametoindex(name);
}

static void test_a_link_is_read_and_changed(void **state WG_UNUSED)
{
        struct tl_link link, before;
        uint32_t ifindex;

        enter_netns();
        ifindex = make_link("one");
        assert_int_equal(tl_netlink_get_link(ifindex, &link), 0);
        assert_int_equal(link.ifindex, ifindex);
        assert_int_equal(link.mtu, 1500);
        assert_false(link.is_up);
        assert_string_equal(link.name, "one");

        assert_int_equal(tl_netlink_set_mtu(ifindex, 1420), 0);
        assert_int_equal(tl_netlink_set_up(ifindex, true), 0);
        assert_int_equal(tl_netlink_get_link(ifindex, &link), 0);
        assert_int_equal(link.mtu, 1420);
        assert_true(link.is_up);
        assert_int_equal(tl_netlink_set_up(ifindex, false), 0);
        assert_int_equal(tl_netlink_get_link(ifindex, &link), 0);
        assert_false(link.is_up);

        before = link;
        assert_int_equal(tl_netlink_get_link(9999, &link), -ENODEV);
        assert_memory_equal(&link, &before, sizeof(link));
        assert_int_equal(tl_netlink_set_mtu(9999, 1420), -ENODEV);
        assert_int_equal(tl_netlink_set_mtu(ifindex, 1), -EINVAL);
        assert_int_equal(tl_netlink_set_mtu(ifindex, 100000), -EINVAL);
        assert_int_equal(tl_netlink_set_no_autoaddress(9999), -ENODEV);
}

/* Takes the next event and compares it. */
static void expect(uint32_t expected)
{
        uint32_t changes;

        assert_int_equal(poll(&(struct pollfd){.fd = monitor.fd, .events = POLLIN}, 1, 1000), 1);
        assert_int_equal(tl_netlink_monitor_next(&monitor, &changes), 1);
        assert_int_equal(changes, expected);
}

static void expect_nothing(void)
{
        uint32_t changes;

        assert_int_equal(tl_netlink_monitor_next(&monitor, &changes), 0);
        assert_int_equal(changes, 0);
}

static void test_changes_come_as_events_in_order(void **state WG_UNUSED)
{
        uint32_t ifindex, other;

        enter_netns();
        ifindex = make_link("one");
        other = make_link("two");
        assert_int_equal(tl_netlink_monitor_init(&monitor, ifindex), 0);
        assert_string_equal(monitor.link.name, "one");
        expect_nothing();

        assert_int_equal(tl_netlink_set_up(other, true), 0);
        assert_int_equal(tl_netlink_set_mtu(other, 1300), 0);
        expect_nothing();

        assert_int_equal(tl_netlink_set_up(ifindex, true), 0);
        assert_int_equal(tl_netlink_set_up(ifindex, false), 0);
        assert_int_equal(tl_netlink_set_up(ifindex, true), 0);
        expect(TL_LINK_CHANGED_STATE);
        assert_true(monitor.link.is_up);
        expect(TL_LINK_CHANGED_STATE);
        assert_false(monitor.link.is_up);
        expect(TL_LINK_CHANGED_STATE);
        assert_true(monitor.link.is_up);

        assert_int_equal(tl_netlink_set_mtu(ifindex, 1280), 0);
        expect(TL_LINK_CHANGED_MTU);
        assert_int_equal(monitor.link.mtu, 1280);
        run("ip link set one down");
        expect(TL_LINK_CHANGED_STATE);
        run("ip link set one name renamed");
        expect(TL_LINK_CHANGED_NAME);
        assert_string_equal(monitor.link.name, "renamed");
        expect_nothing();

        run("ip link del renamed");
        expect(TL_LINK_GONE);
        expect_nothing();
        tl_netlink_monitor_done(&monitor);
        assert_int_equal(tl_netlink_monitor_init(&monitor, ifindex), -ENODEV);
        tl_netlink_monitor_done(&monitor);
        tl_netlink_monitor_done(NULL);
}

/* On a host where other links come and go all the time, they must not wake the reader. */
static void test_other_links_do_not_wake_the_reader(void **state WG_UNUSED)
{
        struct pollfd fd = {.events = POLLIN};
        uint32_t changes;

        enter_netns();
        assert_int_equal(tl_netlink_monitor_init(&monitor, make_link("one")), 0);
        fd.fd = monitor.fd;
        while (poll(&fd, 1, 50) > 0)
                assert_int_equal(tl_netlink_monitor_next(&monitor, &changes), 0);
        make_link("two");
        run("ip link set two up && ip link set two mtu 1400 && ip link del two");
        assert_int_equal(poll(&fd, 1, 100), 0);
        run("ip link set one up");
        expect(TL_LINK_CHANGED_STATE);
        run("ip link del one");
        expect(TL_LINK_CHANGED_STATE);
        expect(TL_LINK_GONE);
        tl_netlink_monitor_done(&monitor);
}

static void test_leaving_a_bridge_is_no_deletion(void **state WG_UNUSED)
{
        enter_netns();
        assert_int_equal(tl_netlink_monitor_init(&monitor, make_link("one")), 0);
        if (system("ip link add name bridge type bridge 2>/dev/null") != 0) {
                fprintf(stderr, "SKIPPED: this kernel has no bridges\n");
                tl_netlink_monitor_done(&monitor);
                skip();
        }
        run("ip link set one master bridge");
        run("ip link set one nomaster");
        expect_nothing();
        tl_netlink_monitor_done(&monitor);
}

static void test_a_move_to_another_namespace_is_gone_too(void **state WG_UNUSED)
{
        enter_netns();
        assert_int_equal(tl_netlink_monitor_init(&monitor, make_link("one")), 0);
        run("unshare -n sh -c 'nsenter -t $PPID -n ip link set one netns $$'");
        expect(TL_LINK_GONE);
        tl_netlink_monitor_done(&monitor);
}

/* Makes the kernel drop events by not reading them. */
static void flood(uint32_t ifindex)
{
        int small = 1;

        setsockopt(monitor.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
        for (uint32_t i = 0; i < 200; i++)
                assert_int_equal(tl_netlink_set_mtu(ifindex, 1280 + i), 0);
}

/* Takes all events; returns the union of their changes. */
static uint32_t drain(void)
{
        uint32_t changes, all = 0;
        int result;

        while ((result = tl_netlink_monitor_next(&monitor, &changes)) > 0)
                all |= changes;
        assert_int_equal(result, 0);
        return all;
}

static void test_the_state_is_right_after_events_were_lost(void **state WG_UNUSED)
{
        uint32_t ifindex;

        enter_netns();
        ifindex = make_link("one");
        assert_int_equal(tl_netlink_monitor_init(&monitor, ifindex), 0);
        flood(ifindex);
        run("ip link set one up");
        assert_int_equal(drain(), TL_LINK_CHANGED_MTU | TL_LINK_CHANGED_STATE);
        assert_int_equal(monitor.link.mtu, 1280 + 199);
        assert_true(monitor.link.is_up);

        run("ip link set one down");
        expect(TL_LINK_CHANGED_STATE);
        expect_nothing();

        flood(ifindex);
        run("ip link del one");
        assert_true(drain() & TL_LINK_GONE);
        tl_netlink_monitor_done(&monitor);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_link_is_read_and_changed),
                cmocka_unit_test(test_changes_come_as_events_in_order),
                cmocka_unit_test(test_other_links_do_not_wake_the_reader),
                cmocka_unit_test(test_leaving_a_bridge_is_no_deletion),
                cmocka_unit_test(test_a_move_to_another_namespace_is_gone_too),
                cmocka_unit_test(test_the_state_is_right_after_events_were_lost),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
