/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#define _GNU_SOURCE /* unshare */
#include "host/facts.h"

#include "test/lib/cmocka.h"
#include "test/lib/netns.h"

/* Two links, with an address of both families each. */
static void make_links(void)
{
        enter_netns();
        run("ip link add one mtu 1400 type veth peer name one_peer");
        run("ip link add two mtu 1300 type veth peer name two_peer");
        run("ip addr add 192.0.2.1/24 dev one");
        run("ip addr add 198.51.100.1/24 dev two");
        run("for l in one one_peer two two_peer; do ip link set $l up; done");
}

static void add_peer(struct tl_change *change, uint8_t last, const char *zone)
{
        struct tl_change_peer *peer = tl_change_add_peer(change, (uint8_t[TL_CONF_KEY_LEN]){last});

        assert_non_null(peer);
        peer->has_endpoint = true;
        peer->endpoint = (struct wg_endpoint){.ip = {WG_FAMILY_IPV4, {192, 0, 2, last}}};
        snprintf(peer->zone, sizeof(peer->zone), "%s", zone);
}

static uint32_t path_mtu(struct tl_change *change)
{
        uint32_t mtu = tl_facts_path_mtu(change);

        tl_change_done(change);
        tl_change_init(change);
        return mtu;
}

static void test_mtus(void **state)
{
        struct tl_change change;

        (void)state;
        make_links();
        assert_int_equal(tl_facts_link_mtu("one"), 1400);
        assert_int_equal(tl_facts_link_mtu("three"), 0);
        tl_change_init(&change);
        assert_int_equal(path_mtu(&change), 0);
        add_peer(&change, 7, "");
        assert_int_equal(path_mtu(&change), 1400);
        /* The route's own MTU, and the greatest of several. */
        run("ip route add 192.0.2.7/32 dev one mtu 1234");
        run("ip route add 192.0.2.8/32 via 198.51.100.9");
        add_peer(&change, 7, "");
        assert_int_equal(path_mtu(&change), 1234);
        add_peer(&change, 7, "");
        add_peer(&change, 8, "");
        assert_int_equal(path_mtu(&change), 1300);
        add_peer(&change, 7, "one");
        assert_int_equal(path_mtu(&change), 1400);
        /* The mark of outer packets. */
        run("ip rule add fwmark 5 table 100");
        run("ip route add default dev one mtu lock 1111 table 100");
        add_peer(&change, 7, "");
        change.fwmark = 5;
        assert_int_equal(path_mtu(&change), 1111);
        /* Nothing follows from a path to this machine. */
        run("ip route add local 192.0.2.9 dev lo");
        add_peer(&change, 9, "");
        assert_int_equal(path_mtu(&change), 0);
        run("ip route add default via 198.51.100.9");
        assert_int_equal(path_mtu(&change), 1300);
}

static void test_tables(void **state)
{
        (void)state;
        make_links();
        assert_true(tl_facts_is_table_free(100));
        run("ip route add 203.0.113.0/24 dev one table 100");
        assert_false(tl_facts_is_table_free(100));
        assert_true(tl_facts_is_table_free(101));
}

static void test_filters(void **state)
{
        (void)state;
        make_links();
        run("for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 >$f; done");
        assert_false(tl_facts_filters_strictly("two"));
        run("echo 1 >/proc/sys/net/ipv4/conf/two/rp_filter");
        assert_false(tl_facts_filters_strictly("two"));
        assert_true(tl_facts_filters_strictly("one"));
        /* Loose filtering on all links overrides the strict one. */
        run("echo 2 >/proc/sys/net/ipv4/conf/all/rp_filter");
        assert_false(tl_facts_filters_strictly("one"));
        run("echo 0 >/proc/sys/net/ipv4/conf/two/rp_filter");
        run("echo 1 >/proc/sys/net/ipv4/conf/all/rp_filter");
        assert_true(tl_facts_filters_strictly("two"));
}

static void test_ipv6(void **state)
{
        (void)state;
        make_links();
        if (access("/proc/sys/net/ipv6", F_OK) != 0) {
                fprintf(stderr, "SKIPPED: this kernel has no IPv6\n");
                skip();
        }
        run("echo 0 >/proc/sys/net/ipv6/conf/default/disable_ipv6");
        run("echo 0 >/proc/sys/net/ipv6/conf/one/disable_ipv6");
        assert_false(tl_facts_lacks_ipv6("one"));
        assert_false(tl_facts_lacks_ipv6("three"));
        run("echo 1 >/proc/sys/net/ipv6/conf/one/disable_ipv6");
        assert_true(tl_facts_lacks_ipv6("one"));
        assert_false(tl_facts_lacks_ipv6("three"));
        run("echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6");
        assert_true(tl_facts_lacks_ipv6("three"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_mtus),
                cmocka_unit_test(test_tables),
                cmocka_unit_test(test_filters),
                cmocka_unit_test(test_ipv6),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
