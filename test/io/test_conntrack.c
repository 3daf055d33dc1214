/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#define _GNU_SOURCE /* unshare */
#include "io/conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "test/lib/cmocka.h"
#include "test/lib/netns.h"

enum { PORT = 4000 };

/* Connections seen by a walk. */
struct seen {
        struct tl_conntrack *conntrack; /* deletes what it sees of `doomed`; NULL: nothing */
        uint16_t doomed;                /* a destination port */
        uint32_t ports[2];              /* how many go to PORT and to the next one */
        uint32_t others;
        uint8_t family;
};

static int see(void *ctx, const struct tl_conntrack_flow *flow)
{
        struct seen *seen = ctx;
        uint32_t index = (uint32_t)flow->to_port - PORT;

        seen->family = flow->from.family;
        if (flow->protocol != WG_PROTOCOL_UDP || index >= WG_ARRAY_SIZE(seen->ports)) {
                seen->others++;
                return 0;
        }
        assert_true(wg_ip_equal(&flow->from, &flow->to)); /* over lo */
        assert_int_not_equal(flow->from_port, 0);
        seen->ports[index]++;
        if (seen->conntrack && flow->to_port == seen->doomed)
                return tl_conntrack_delete(seen->conntrack, flow);
        return 0;
}

static void track(void)
{
        run("nft 'table inet t { chain c { type filter hook input priority 0; ct state new accept; "
            "}; }'");
}

static void send_to(const char *address, uint16_t port)
{
        struct sockaddr_in to4 = {.sin_family = AF_INET, .sin_port = htons(port)};
        struct sockaddr_in6 to6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
        bool is_ipv6 = strchr(address, ':');
        int fd = socket(is_ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        assert_true(fd >= 0);
        if (is_ipv6) {
                assert_int_equal(inet_pton(AF_INET6, address, &to6.sin6_addr), 1);
                assert_int_equal(sendto(fd, "x", 1, 0, (const struct sockaddr *)&to6, sizeof(to6)),
                                 1);
        } else {
                assert_int_equal(inet_pton(AF_INET, address, &to4.sin_addr), 1);
                assert_int_equal(sendto(fd, "x", 1, 0, (const struct sockaddr *)&to4, sizeof(to4)),
                                 1);
        }
        close(fd);
}

static void expect_walk(struct tl_conntrack *conntrack, struct seen *seen, uint32_t first,
                        uint32_t second)
{
        assert_int_equal(tl_conntrack_each(conntrack, see, seen), 0);
        assert_int_equal(seen->ports[0], first);
        assert_int_equal(seen->ports[1], second);
}

static void expect_reads_and_deletes(const char *address, uint8_t family)
{
        struct tl_conntrack conntrack;

        enter_netns();
        track();
        assert_int_equal(tl_conntrack_open(&conntrack), 0);
        expect_walk(&conntrack, &(struct seen){0}, 0, 0);
        send_to(address, PORT);
        send_to(address, PORT + 1);
        send_to(address, PORT + 1);
        expect_walk(&conntrack, &(struct seen){0}, 1, 2);
        expect_walk(&conntrack, &(struct seen){.conntrack = &conntrack, .doomed = PORT + 1}, 1, 2);
        struct seen left = {0};
        expect_walk(&conntrack, &left, 1, 0);
        assert_int_equal(left.family, family);
        tl_conntrack_close(&conntrack);
}

static void test_reads_and_deletes_ipv4(void **state WG_UNUSED)
{
        expect_reads_and_deletes("127.0.0.1", WG_FAMILY_IPV4);
}

static void test_reads_and_deletes_ipv6(void **state WG_UNUSED)
{
        expect_reads_and_deletes("::1", WG_FAMILY_IPV6);
}

static int delete_twice(void *ctx, const struct tl_conntrack_flow *flow)
{
        assert_int_equal(tl_conntrack_delete(ctx, flow), 0);
        return tl_conntrack_delete(ctx, flow);
}

static void test_deletes_what_has_ended(void **state WG_UNUSED)
{
        struct tl_conntrack conntrack;

        enter_netns();
        track();
        send_to("127.0.0.1", PORT);
        assert_int_equal(tl_conntrack_open(&conntrack), 0);
        assert_int_equal(tl_conntrack_each(&conntrack, delete_twice, &conntrack), 0);
        expect_walk(&conntrack, &(struct seen){0}, 0, 0);
        tl_conntrack_close(&conntrack);
}

static int refuse(void *ctx, const struct tl_conntrack_flow *flow WG_UNUSED)
{
        ++*(uint32_t *)ctx;
        return -ENOSPC;
}

/* A walk ends at the first error, and the next one works. */
static void test_stops_at_an_error(void **state WG_UNUSED)
{
        struct tl_conntrack conntrack;
        struct seen seen = {0};
        uint32_t calls = 0;

        enter_netns();
        track();
        for (uint32_t i = 0; i < 1000; i++)
                send_to("127.0.0.1", PORT);
        assert_int_equal(tl_conntrack_open(&conntrack), 0);
        assert_int_equal(tl_conntrack_each(&conntrack, see, &seen), 0);
        assert_true(seen.ports[0] > 500); /* a few may have had the same port */
        assert_int_equal(tl_conntrack_each(&conntrack, refuse, &calls), -ENOSPC);
        assert_int_equal(calls, 1);
        expect_walk(&conntrack, &(struct seen){0}, seen.ports[0], 0);
        tl_conntrack_close(&conntrack);
        tl_conntrack_close(&conntrack); /* harmless */
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_reads_and_deletes_ipv4),
                cmocka_unit_test(test_reads_and_deletes_ipv6),
                cmocka_unit_test(test_deletes_what_has_ended),
                cmocka_unit_test(test_stops_at_an_error),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
