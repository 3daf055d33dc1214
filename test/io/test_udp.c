/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * Each test runs in its own network namespace; both ends are on lo:
 *
 *         127.0.0.1, 10.0.0.1, 10.0.0.2 and ::1, fd00::1, fd00::2
 *
 * There is no route to any other address. */
#define _GNU_SOURCE /* unshare, setns, struct in6_pktinfo */
#include "io/udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "io/clock.h"
#include "io/tun.h"
#include "test/lib/cmocka.h"
#include "test/lib/ip.h"
#include "test/lib/netns.h"

enum { COUNT = 150 }; /* more than fit into two system calls */

static struct tl_udp_pair us, them;
static uint8_t sent_memory[COUNT][128], received_memory[COUNT][128];
static struct tl_datagram sent[COUNT], received[COUNT];

static void enter(void)
{
        enter_netns();
        run("ip addr add 10.0.0.1/32 dev lo && ip addr add 10.0.0.2/32 dev lo &&"
            "ip addr add fd00::1/128 dev lo nodad && ip addr add fd00::2/128 dev lo nodad");
        /* On a busy machine the addresses and their routes become usable a moment later. */
        run("for i in $(seq 500); do"
            " [ $(ip -6 route show table local | grep -c '^local fd00::[12] ') = 2 ] &&"
            " ! ip -6 addr show dev lo tentative | grep -q . && exit 0;"
            " sleep 0.02; done; exit 1");
        assert_int_equal(tl_udp_open_pair(&us, 0, 0), 0);
        assert_int_equal(tl_udp_open_pair(&them, 0, 0), 0);
        for (unsigned int i = 0; i < COUNT; i++) {
                sent_memory[i][0] = (uint8_t)i;
                sent[i] = (struct tl_datagram){.buf = sent_memory[i], .len = 10 + i % 100};
                received[i] = (struct tl_datagram){
                        .buf = received_memory[i],
                        .room = sizeof(received_memory[i]),
                        .error = 1,
                        .tos = 1,
                        .pin_failed = true,
                };
        }
}

static void leave(void)
{
        tl_udp_close_pair(&us);
        tl_udp_close_pair(&them);
}

/* A datagram to their port, from a source (NULL: the system chooses). */
static void address(struct tl_datagram *datagram, const char *to, const char *source)
{
        datagram->path = (struct wg_endpoint){.ip = test_ip(to), .port = them.port};
        if (source)
                datagram->path.source = test_ip(source);
}

/* Receives until the expected number has arrived: a busy machine delivers late and in parts, and
 * may wake a reader too early. Returns the number, which is larger or smaller if something is
 * wrong. */
static int receive(const struct tl_udp *udp, int wanted)
{
        uint64_t end_ns = tl_clock_boot_ns() + 10 * TL_NS_PER_S;
        int got = 0;

        while (got < wanted && tl_clock_boot_ns() < end_ns) {
                int result;

                poll(&(struct pollfd){.fd = udp->fd, .events = POLLIN}, 1, 100);
                result = tl_udp_receive(udp, received + got, COUNT - (unsigned int)got);
                assert_true(result >= 0);
                got += result;
        }
        return got;
}

static const struct tl_udp *family_of(const struct tl_udp_pair *pair, const char *address_text)
{
        return strchr(address_text, ':') ? &pair->ipv6 : &pair->ipv4;
}

static void test_a_pair_has_one_port(void **state WG_UNUSED)
{
        struct tl_udp_pair other;

        enter();
        assert_true(us.port != 0 && us.port != them.port);
        assert_int_equal(tl_udp_port(&us.ipv4), us.port);
        assert_int_equal(tl_udp_port(&us.ipv6), us.port);
        assert_int_equal(tl_udp_open_pair(&other, us.port, 0), -EADDRINUSE);
        assert_int_equal(other.ipv4.fd, -1);
        assert_int_equal(other.ipv6.fd, -1);
        tl_udp_close_pair(&other);

        /* One family's port in use is enough to refuse it, and the other socket is closed again. */
        tl_udp_close(&us.ipv4);
        assert_int_equal(tl_udp_port(&us.ipv4), 0);
        assert_int_equal(tl_udp_open_pair(&other, us.port, 0), -EADDRINUSE);
        tl_udp_close(&us.ipv6);
        assert_int_equal(tl_udp_open_pair(&other, us.port, 0), 0);
        assert_int_equal(other.port, us.port);
        tl_udp_close_pair(&other);
        tl_udp_close_pair(NULL);
        leave();
}

/* A socket that would share port `port` if it may. */
static int open_sharing(uint16_t port, uid_t uid)
{
        const struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
        const int one = 1;
        int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), result;

        assert_true(fd >= 0);
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)), 0);
        assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)), 0);
        assert_int_equal(fchown(fd, uid, (gid_t)-1), 0);
        result = bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0 ? -errno : fd;
        if (result < 0)
                close(fd);
        return result;
}

/* Any other user of the port is detected, even one that would share it; and no other process can
 * take the port after us, not even another daemon of ours. */
static void test_pairs_share_a_port_only_among_themselves(void **state WG_UNUSED)
{
        struct tl_udp_pair pairs[3], others[3];
        int stranger;

        enter();
        assert_int_equal(tl_udp_open_pairs(pairs, 3, 0, 0), 0);
        for (unsigned int i = 0; i < 3; i++) {
                assert_int_equal(pairs[i].port, pairs[0].port);
                assert_int_equal(tl_udp_port(&pairs[i].ipv4), pairs[0].port);
                assert_int_equal(tl_udp_port(&pairs[i].ipv6), pairs[0].port);
        }
        for (unsigned int count = 1; count <= 3; count++) {
                assert_int_equal(tl_udp_open_pairs(others, count, pairs[0].port, 0), -EADDRINUSE);
                for (unsigned int i = 0; i < count; i++)
                        assert_true(others[i].ipv4.fd == -1 && others[i].ipv6.fd == -1);
        }
        assert_int_equal(open_sharing(pairs[0].port, 12345), -EADDRINUSE);
        tl_udp_close_pairs(pairs, 3);

        stranger = open_sharing(pairs[0].port, 0);
        assert_true(stranger >= 0);
        assert_int_equal(tl_udp_open_pairs(others, 3, pairs[0].port, 0), -EADDRINUSE);
        assert_int_equal(tl_udp_open_pairs(others, 1, pairs[0].port, 0), -EADDRINUSE);
        close(stranger);
        assert_int_equal(tl_udp_open_pairs(others, 3, pairs[0].port, 0), 0);
        tl_udp_close_pairs(others, 3);

        /* A single pair does not share its port. */
        assert_int_equal(tl_udp_open_pairs(pairs, 1, pairs[0].port, 0), 0);
        assert_int_equal(open_sharing(pairs[0].port, 0), -EADDRINUSE);
        tl_udp_close_pairs(pairs, 1);
        leave();
}

/* All datagrams of one flow arrive at one of the pairs, in order, and every pair gets some. */
static void test_pairs_share_datagrams_by_flow(void **state WG_UNUSED)
{
        enum { PAIRS = 4, FLOWS = 64 };
        struct tl_udp_pair pairs[PAIRS], flows[FLOWS];
        unsigned int used[PAIRS] = {0};

        enter();
        assert_int_equal(tl_udp_open_pairs(pairs, PAIRS, 0, 0), 0);
        for (unsigned int i = 0; i < FLOWS; i++) {
                const char *to = i % 2 ? "::1" : "127.0.0.1";
                unsigned int found = 0, before;

                assert_int_equal(tl_udp_open_pair(&flows[i], 0, 0), 0);
                for (unsigned int j = 0; j < 20; j++) {
                        sent[j].path = (struct wg_endpoint){.ip = test_ip(to),
                                                            .port = pairs[0].port};
                        sent_memory[j][0] = (uint8_t)j;
                }
                assert_int_equal(tl_udp_send_pair(&flows[i], sent, 20), 20);
                for (unsigned int p = 0; p < PAIRS; p++) {
                        int count = tl_udp_receive(family_of(&pairs[p], to), received, COUNT);

                        assert_true(count == 0 || count == 20);
                        before = found;
                        found += (unsigned int)count;
                        used[p] += count != 0;
                        for (unsigned int j = before; j < found; j++)
                                assert_int_equal(received_memory[j - before][0], j - before);
                }
                assert_int_equal(found, 20);
        }
        for (unsigned int p = 0; p < PAIRS; p++)
                assert_true(used[p] > 0);
        for (unsigned int i = 0; i < FLOWS; i++)
                tl_udp_close_pair(&flows[i]);
        tl_udp_close_pairs(pairs, PAIRS);
        leave();
}

/* Only two ports are available, and another socket has the IPv6 one of the first. */
static void test_a_chosen_port_is_free_in_both_families(void **state WG_UNUSED)
{
        struct tl_udp stranger;

        enter();
        leave();
        run("echo 40000 40001 > /proc/sys/net/ipv4/ip_local_port_range");
        for (int round = 0; round < 10; round++) {
                assert_int_equal(tl_udp_open(&stranger, WG_FAMILY_IPV6, 40000, 0), 0);
                assert_int_equal(tl_udp_open_pair(&us, 0, 0), 0);
                assert_int_equal(us.port, 40001);
                assert_int_equal(tl_udp_open_pair(&them, 0, 0), -EADDRINUSE);
                tl_udp_close_pair(&us);
                tl_udp_close(&stranger);
        }
}

static void test_source_and_destination_are_known(void **state WG_UNUSED)
{
        static const struct {
                int number;
                const char *source, *to;
        } cases[] = {
                {1, "127.0.0.1", "127.0.0.1"},
                {2, "10.0.0.1", "10.0.0.2"},
                {3, "10.0.0.2", "10.0.0.1"},
                {4, "127.0.0.77", "127.1.2.3"},
                {5, "::1", "::1"},
                {6, "fd00::1", "fd00::2"},
                {7, "fd00::2", "fd00::1"},
        };

        enter();
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                struct wg_ip to = test_ip(cases[i].to), source = test_ip(cases[i].source);
                const struct wg_endpoint *path = &received[0].path;

                print_message("case %d\n", cases[i].number);
                address(&sent[0], cases[i].to, cases[i].source);
                assert_int_equal(tl_udp_send_pair(&us, sent, 1), 1);
                assert_int_equal(sent[0].error, 0);
                assert_false(sent[0].pin_failed);
                assert_int_equal(receive(family_of(&them, cases[i].to), 1), 1);
                assert_int_equal(received[0].error, 0);
                assert_int_equal(received[0].len, sent[0].len);
                assert_int_equal(received[0].tos, 0);
                assert_false(received[0].pin_failed);
                assert_int_equal(path->port, us.port);
                assert_int_equal(path->scope, 0);
                assert_true(wg_ip_equal(&path->ip, &source));
                assert_true(wg_ip_equal(&path->source, &to));
                assert_int_equal(path->source_ifindex, if_nametoindex("lo"));

                /* The received datagram tells how to answer it. */
                assert_int_equal(tl_udp_send_pair(&them, received, 1), 1);
                assert_int_equal(receive(family_of(&us, cases[i].to), 1), 1);
                assert_true(wg_ip_equal(&received[0].path.ip, &to));
                assert_true(wg_ip_equal(&received[0].path.source, &source));
        }
        leave();
}

static void test_the_traffic_class_goes_both_ways(void **state WG_UNUSED)
{
        static const uint8_t classes[] = {0, 1, 2, 3, 0x88, 0x8b, 0xff};
        static const char *const targets[] = {"10.0.0.1", "fd00::1"};

        enter();
        for (size_t target = 0; target < WG_ARRAY_SIZE(targets); target++) {
                for (size_t i = 0; i < WG_ARRAY_SIZE(classes); i++) {
                        address(&sent[i], targets[target], NULL);
                        sent[i].tos = classes[i];
                }
                assert_int_equal(tl_udp_send_pair(&us, sent, WG_ARRAY_SIZE(classes)),
                                 WG_ARRAY_SIZE(classes));
                assert_int_equal(receive(family_of(&them, targets[target]), WG_ARRAY_SIZE(classes)),
                                 WG_ARRAY_SIZE(classes));
                for (size_t i = 0; i < WG_ARRAY_SIZE(classes); i++)
                        assert_int_equal(received[i].tos, classes[i]);
        }
        leave();
}

static void test_many_datagrams_of_both_families_keep_their_order(void **state WG_UNUSED)
{
        unsigned int next[2] = {0, 0};
        int wanted[2] = {0, 0};

        enter();
        /* Runs of IPv4 and IPv6 of different lengths. */
        for (unsigned int i = 0; i < COUNT; i++) {
                bool is_ipv6 = i % 7 >= 3 && i <= 70;

                address(&sent[i], is_ipv6 ? "fd00::1" : "10.0.0.1", "10.0.0.2");
                wanted[is_ipv6]++;
        }
        assert_int_equal(tl_udp_send_pair(&us, sent, COUNT), COUNT);
        for (int family = 0; family < 2; family++) {
                int count = receive(family ? &them.ipv6 : &them.ipv4, wanted[family]);

                for (int i = 0; i < count; i++, next[family]++) {
                        while (sent[next[family]].path.ip.family !=
                               (family ? WG_FAMILY_IPV6 : WG_FAMILY_IPV4))
                                next[family]++;
                        assert_int_equal(received[i].len, sent[next[family]].len);
                        assert_int_equal(received[i].buf[0], next[family]);
                }
                assert_int_equal(tl_udp_receive(family ? &them.ipv6 : &them.ipv4, received, 1), 0);
                next[family] = (unsigned int)count;
        }
        assert_int_equal(next[0] + next[1], COUNT);
        leave();
}

static void test_one_that_fails_does_not_stop_the_rest(void **state WG_UNUSED)
{
        static const struct {
                int number;
                const char *to, *source;
                int error;
                bool pin_failed;
        } cases[] = {
                {1, "10.0.0.1", NULL, 0, false},
                {2, "10.0.0.1", "10.0.0.2", 0, false},
                {3, "10.0.0.1", "10.9.9.9", 0, true}, /* not our address */
                {4, "203.0.113.1", NULL, -ENETUNREACH, false},
                {5, "203.0.113.1", "10.0.0.1", -ENETUNREACH, false}, /* a route may come back */
                {6, "10.0.0.1", "fd00::2", 0, false}, /* a source of the other family is ignored */
                {7, "fd00::1", NULL, 0, false},
                {8, "fd00::1", "fd00::2", 0, false},
                {9, "fd00::1", "fd00::9", 0, true},
                {10, "2001:db8::1", NULL, -ENETUNREACH, false},
                {11, "2001:db8::1", "fd00::2", -ENETUNREACH, false},
                {12, "fd00::1", "10.0.0.2", 0, false},
                {13, "127.255.255.255", NULL, -EACCES, false}, /* no broadcasts */
                {14, "203.0.113.1", "fd00::2", -ENETUNREACH, false},
                {15, "2001:db8::1", "10.0.0.2", -ENETUNREACH, false},
                {16, "10.0.0.1", NULL, 0, false},
        };
        unsigned int count = WG_ARRAY_SIZE(cases), sent_count;
        int good[2] = {0, 0};

        enter();
        for (unsigned int i = 0; i < count; i++) {
                address(&sent[i], cases[i].to, cases[i].source);
                sent[i].path.source_ifindex = 9999; /* must not matter: none is link-local */
                sent[i].error = 1;
                sent[i].tos = 1; /* must survive the second attempt */
                good[strchr(cases[i].to, ':') != NULL] += cases[i].error == 0;
        }
        sent_count = tl_udp_send_pair(&us, sent, count);
        for (unsigned int i = 0; i < count; i++)
                if (sent[i].error != cases[i].error || sent[i].pin_failed != cases[i].pin_failed)
                        fail_msg("case %d: %d %d", cases[i].number, sent[i].error,
                                 sent[i].pin_failed);
        assert_int_equal(sent_count, good[0] + good[1]);
        for (int family = 0; family < 2; family++) {
                assert_int_equal(receive(family ? &them.ipv6 : &them.ipv4, good[family]),
                                 good[family]);
                for (int i = 0; i < good[family]; i++)
                        assert_int_equal(received[i].tos, 1);
        }
        leave();
}

static void test_a_truncated_datagram_is_marked(void **state WG_UNUSED)
{
        enter();
        for (unsigned int i = 0; i < 3; i++) {
                address(&sent[i], "10.0.0.1", NULL);
                sent[i].len = 99 + i;
                received[i].room = 100;
        }
        assert_int_equal(tl_udp_send_pair(&us, sent, 3), 3);
        assert_int_equal(receive(&them.ipv4, 3), 3);
        assert_int_equal(received[0].error, 0);
        assert_int_equal(received[0].len, 99);
        assert_int_equal(received[1].error, 0);
        assert_int_equal(received[1].len, 100);
        assert_int_equal(received[2].error, -EMSGSIZE);
        leave();
}

static void test_an_empty_datagram_arrives(void **state WG_UNUSED)
{
        enter();
        address(&sent[0], "10.0.0.1", NULL);
        sent[0].len = 0;
        assert_int_equal(tl_udp_send_pair(&us, sent, 1), 1);
        assert_int_equal(receive(&them.ipv4, 1), 1);
        assert_int_equal(received[0].len, 0);
        assert_int_equal(received[0].error, 0);
        assert_int_equal(tl_udp_send_pair(&us, sent, 0), 0);
        leave();
}

/* No host answers for 10.1.0.2, so datagrams to it wait and fill the socket. */
static void test_a_full_socket_drops_the_rest(void **state WG_UNUSED)
{
        unsigned int sent_count;
        int small = 1;

        enter();
        run("ip link add v0 type veth peer name v1 && ip link set v1 up && ip link set v0 up &&"
            "ip addr add 10.1.0.1/24 dev v0");
        setsockopt(us.ipv4.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
        for (unsigned int i = 0; i < COUNT; i++)
                address(&sent[i], "10.1.0.2", "10.1.0.1");
        sent_count = tl_udp_send_pair(&us, sent, COUNT);
        assert_in_range(sent_count, 1, COUNT - 1);
        for (unsigned int i = 0; i < COUNT; i++) {
                assert_int_equal(sent[i].error, i < sent_count ? 0 : -EAGAIN);
                assert_false(sent[i].pin_failed);
        }
        leave();
}

/* The number of bytes waiting to be received, and of datagrams lost for lack of room. */
static void test_the_backlog_is_known(void **state WG_UNUSED)
{
        enum { PATIENCE = 5000 };
        struct tl_udp_backlog backlog;
        unsigned int received_count = 0;
        int size = 1; /* the kernel's minimum */

        enter();
        backlog = tl_udp_look_at_backlog(&them);
        assert_int_equal(backlog.queued_bytes, 0);
        assert_int_equal(backlog.drops, 0);
        assert_true(backlog.room_bytes > 0);
        address(&sent[0], "10.0.0.2", NULL);
        address(&sent[1], "fd00::2", NULL);
        assert_int_equal(tl_udp_send_pair(&us, sent, 2), 2);
        for (unsigned int i = 0; i < PATIENCE && backlog.queued_bytes < sent[0].len + sent[1].len;
             i++) {
                poll(NULL, 0, 1); /* a busy machine delivers late */
                backlog = tl_udp_look_at_backlog(&them);
        }
        assert_true(backlog.queued_bytes >= sent[0].len + sent[1].len);
        assert_int_equal(backlog.drops, 0);
        assert_int_equal(receive(&them.ipv4, 1), 1);
        assert_int_equal(receive(&them.ipv6, 1), 1);
        assert_int_equal(tl_udp_look_at_backlog(&them).queued_bytes, 0);
        assert_int_equal(setsockopt(them.ipv4.fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
        for (unsigned int i = 0; i < COUNT; i++)
                address(&sent[i], "10.0.0.2", NULL);
        assert_int_equal(tl_udp_send(&us.ipv4, sent, COUNT), COUNT);
        for (unsigned int i = 0; i < PATIENCE && backlog.drops == 0; i++) {
                poll(NULL, 0, 1);
                backlog = tl_udp_look_at_backlog(&them);
        }
        assert_true(backlog.drops > 0);
        for (unsigned int i = 0; i < PATIENCE && received_count + backlog.drops != COUNT; i++) {
                poll(NULL, 0, 1);
                received_count += (unsigned int)tl_udp_receive(&them.ipv4, received, COUNT);
                backlog = tl_udp_look_at_backlog(&them);
        }
        assert_int_equal(received_count + backlog.drops, COUNT);
        leave();
        assert_int_equal(tl_udp_look_at_backlog(&them).room_bytes, 0);
}

/* Datagrams that leave through a TUN can be inspected: DF is not set, and those above the MTU leave
 * in fragments. */
static void test_datagrams_may_be_fragmented(void **state WG_UNUSED)
{
        static const struct {
                int number;
                const char *to;
                uint32_t len;
                int packets;
        } cases[] = {
                {1, "10.2.0.2", 100, 1},  {2, "10.2.0.2", 1372, 1}, {3, "10.2.0.2", 1373, 2},
                {4, "10.2.0.2", 3000, 3}, {5, "fd02::2", 100, 1},   {6, "fd02::2", 1352, 1},
                {7, "fd02::2", 1353, 2},  {8, "fd02::2", 3000, 3},
        };
        static uint8_t large[3000], memory[8][TL_TUN_HEADROOM + 2048];
        struct tl_packet packets[8];
        struct tl_tun tun;

        enter();
        assert_int_equal(tl_tun_open(&tun, "tun", 1, 1400), 0);
        run("ip addr add 10.2.0.1/24 dev tun && ip addr add fd02::1/64 dev tun nodad &&"
            "ip link set tun up");
        for (int i = 0; i < 8; i++)
                packets[i] = (struct tl_packet){.buf = memory[i] + TL_TUN_HEADROOM, .room = 2048};
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                print_message("case %d\n", cases[i].number);
                sent[0] = (struct tl_datagram){.buf = large, .len = cases[i].len};
                address(&sent[0], cases[i].to, NULL);
                assert_int_equal(tl_udp_send_pair(&us, sent, 1), 1);
                for (int j = 0; j < cases[i].packets; j++) {
                        struct tl_offload offload;

                        assert_int_equal(tl_tun_read(&tun.queues[0], &packets[j], &offload), 1);
                        assert_true(packets[j].len <= 1400);
                        if (packets[j].buf[0] >> 4 == 4)
                                assert_false(packets[j].buf[6] & 0x40); /* DF */
                }
                assert_int_equal(tl_tun_read(&tun.queues[0], packets, &(struct tl_offload){0}), 0);
        }
        tl_tun_done(&tun);
        leave();
}

static uint8_t piece_memory[TL_UDP_PIECE_MAX], got_memory[TL_UDP_RECEIVED_MAX];

/* A superpacket whose bytes encode their positions. */
static void make_piece(struct tl_datagram *piece, uint32_t len, uint32_t segment)
{
        for (uint32_t i = 0; i < sizeof(piece_memory); i++)
                piece_memory[i] = (uint8_t)(i * 7 + i / 251);
        *piece = (struct tl_datagram){
                .buf = piece_memory, .len = len, .segment = segment, .tos = 2};
}

/* Receives all of a superpacket, joined by the kernel or not, and compares. Returns the number of
 * datagrams, and of receptions. */
static unsigned int receive_piece(const struct tl_udp *udp, const struct tl_datagram *piece,
                                  unsigned int *receptions)
{
        unsigned int count = 0;
        uint32_t at = 0;

        for (*receptions = 0; at < piece->len; ++*receptions) {
                struct tl_datagram got = {.buf = got_memory, .room = sizeof(got_memory)};
                uint64_t end_ns = tl_clock_boot_ns() + 10 * TL_NS_PER_S;

                while (tl_udp_receive(udp, &got, 1) == 0 && tl_clock_boot_ns() < end_ns)
                        poll(&(struct pollfd){.fd = udp->fd, .events = POLLIN}, 1, 100);
                assert_int_equal(got.error, 0);
                assert_int_equal(got.tos, piece->tos);
                assert_in_range(got.len, 1, piece->len - at);
                assert_memory_equal(got.buf, piece->buf + at, got.len);
                assert_true(got.segment == 0 || got.segment == piece->segment);
                at += got.len;
                count += tl_datagram_count(&got);
        }
        return count;
}

static void test_a_superpacket_is_many_datagrams(void **state WG_UNUSED)
{
        static const struct {
                int number;
                uint32_t len, segment, count;
        } cases[] = {
                {1, 100, 50, 2},      {2, 101, 50, 3},      {3, 99, 50, 2},
                {4, 64, 1, 64},       {5, 65400, 1452, 46}, {6, 64 * 1000, 1000, 64},
                {7, 65400, 2000, 33}, {8, 65400, 32700, 2}, {9, 1421, 1420, 2},
        };
        static const char *const targets[] = {"10.0.0.1", "fd00::1"};

        enter();
        assert_true(tl_udp_sends_pieces(&us));
        assert_false(tl_udp_receives_pieces(&them));
        tl_udp_receive_pieces(&them);
        assert_true(tl_udp_receives_pieces(&them));
        for (size_t i = 0; i < 2 * WG_ARRAY_SIZE(cases); i++) {
                const char *to = targets[i % 2];
                unsigned int receptions;

                make_piece(&sent[0], cases[i / 2].len, cases[i / 2].segment);
                address(&sent[0], to, NULL);
                assert_int_equal(tl_datagram_count(&sent[0]), cases[i / 2].count);
                assert_int_equal(tl_udp_send_pair(&us, sent, 1), 1);
                assert_int_equal(sent[0].error, 0);
                assert_int_equal(sent[0].piece_error, 0);
                if (receive_piece(family_of(&them, to), &sent[0], &receptions) !=
                    cases[i / 2].count)
                        fail_msg("case %d", cases[i / 2].number);
                assert_int_equal(receptions, 1);
        }
        leave();
}

/* Over lo with an MTU below the segment size, or from an address that is not ours, or both. */
static void test_a_refused_superpacket_goes_in_datagrams(void **state WG_UNUSED)
{
        static const struct {
                int number;
                uint32_t segment;
                const char *to, *source;
                bool is_refused, pin_failed;
        } cases[] = {
                {1, 1000, "10.0.0.1", NULL, false, false},
                {2, 1600, "10.0.0.1", NULL, true, false},
                {3, 1600, "10.0.0.1", "10.0.0.2", true, false},
                {4, 1000, "10.0.0.1", "10.9.9.9", false, true},
                {5, 1600, "10.0.0.1", "10.9.9.9", true, true},
                {6, 1000, "fd00::1", "fd00::2", false, false},
                {7, 1600, "fd00::1", "fd00::2", true, false},
                {8, 1000, "fd00::1", "fd00::9", false, true},
                {9, 1600, "fd00::1", "fd00::9", true, true},
        };

        enter();
        run("ip link set lo mtu 1500");
        tl_udp_receive_pieces(&them);
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                unsigned int receptions;

                print_message("case %d\n", cases[i].number);
                make_piece(&sent[0], 5 * cases[i].segment - 7, cases[i].segment);
                address(&sent[0], cases[i].to, cases[i].source);
                sent[0].piece_error = 1;
                assert_int_equal(tl_udp_send_pair(&us, sent, 1), 1);
                assert_int_equal(sent[0].error, 0);
                assert_int_equal(sent[0].piece_error != 0, cases[i].is_refused);
                assert_int_equal(sent[0].pin_failed, cases[i].pin_failed);
                assert_int_equal(
                        receive_piece(family_of(&them, cases[i].to), &sent[0], &receptions), 5);
        }
        /* If nothing can be sent at all, that is reported. */
        make_piece(&sent[0], 3000, 1000);
        address(&sent[0], "203.0.113.1", NULL);
        assert_int_equal(tl_udp_send_pair(&us, sent, 1), 0);
        assert_int_equal(sent[0].error, -ENETUNREACH);
        assert_int_equal(sent[0].piece_error, 0);
        leave();
}

static int option(int fd, int level, int name)
{
        int value = -1;
        socklen_t len = sizeof(value);

        getsockopt(fd, level, name, &value, &len);
        return value;
}

static void test_options(void **state WG_UNUSED)
{
        enter();
        leave();
        assert_int_equal(tl_udp_open_pair(&us, 0, 0x12345678), 0);
        assert_int_equal(option(us.ipv4.fd, SOL_SOCKET, SO_MARK), 0x12345678);
        assert_int_equal(option(us.ipv6.fd, SOL_SOCKET, SO_MARK), 0x12345678);
        assert_int_equal(tl_udp_mark_pair(&us, 0), 0);
        assert_int_equal(option(us.ipv4.fd, SOL_SOCKET, SO_MARK), 0);
        assert_int_equal(tl_udp_mark_pair(&us, 0xffffffff), 0);
        assert_int_equal(option(us.ipv4.fd, SOL_SOCKET, SO_MARK), -1);
        assert_int_equal(option(us.ipv6.fd, SOL_SOCKET, SO_MARK), -1);
        /* The system doubles the requested size, for its own needs. */
        assert_int_equal(option(us.ipv4.fd, SOL_SOCKET, SO_RCVBUF), 2 * TL_UDP_BUFFER);
        assert_int_equal(option(us.ipv6.fd, SOL_SOCKET, SO_SNDBUF), 2 * TL_UDP_BUFFER);
        assert_int_equal(option(us.ipv6.fd, IPPROTO_IPV6, IPV6_V6ONLY), 1);
        assert_int_equal(option(us.ipv4.fd, SOL_SOCKET, SO_REUSEPORT), 0);
        assert_true(fcntl(us.ipv4.fd, F_GETFL) & O_NONBLOCK);
        assert_true(fcntl(us.ipv6.fd, F_GETFD) & FD_CLOEXEC);
        tl_udp_close_pair(&us);
}

/* Runs act() in a child. Returns its result. */
static int in_child(int (*act)(void))
{
        int status;
        pid_t child = fork();

        if (child == 0)
                _exit(act());
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

static int open_without_privileges(void)
{
        if (setuid(65534) < 0)
                return 1;
        if (tl_udp_open_pair(&us, 0, 1) != -EPERM || us.ipv4.fd >= 0 || us.ipv6.fd >= 0)
                return 2;
        if (tl_udp_open_pair(&us, 1023, 0) != -EACCES)
                return 3;
        if (tl_udp_open_pair(&us, 0, 0) != 0)
                return 4;
        return tl_udp_mark_pair(&us, 1) == -EPERM ? 0 : 5;
}

static void test_without_privileges_it_works_without_a_mark(void **state WG_UNUSED)
{
        enter();
        assert_int_equal(in_child(open_without_privileges), 0);
        leave();
}

/* Makes socket() fail for one family, as on a host that lacks it. */
static bool remove_family(uint32_t family)
{
        struct sock_filter filter[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, family, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = {WG_ARRAY_SIZE(filter), filter};

        return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
               prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static int open_without_ipv6(void)
{
        if (!remove_family(AF_INET6) || tl_udp_open_pair(&us, 0, 0) != 0)
                return 1;
        if (us.ipv6.fd >= 0 || us.ipv4.fd < 0 || tl_udp_port(&us.ipv4) != us.port)
                return 2;
        sent[0].path.ip.family = WG_FAMILY_IPV6;
        if (tl_udp_send_pair(&us, sent, 1) != 0 || sent[0].error != -EAFNOSUPPORT)
                return 3;
        return tl_udp_mark_pair(&us, 1) == 0 ? 0 : 4;
}

static int open_without_ipv4(void)
{
        if (!remove_family(AF_INET) || tl_udp_open_pair(&us, 0, 0) != 0)
                return 1;
        return us.ipv4.fd < 0 && tl_udp_port(&us.ipv6) == us.port && us.port ? 0 : 2;
}

static int open_without_any(void)
{
        if (!remove_family(AF_INET) || !remove_family(AF_INET6))
                return 1;
        return tl_udp_open_pair(&us, 0, 0) == -EAFNOSUPPORT && us.ipv4.fd < 0 ? 0 : 2;
}

static void test_a_family_may_be_missing(void **state WG_UNUSED)
{
        enter();
        leave();
        assert_int_equal(in_child(open_without_ipv6), 0);
        assert_int_equal(in_child(open_without_ipv4), 0);
        assert_int_equal(in_child(open_without_any), 0);
}

/*         ours |  v0 fe80::1 ---- v1 fe80::2  | theirs
 * Both ends also have a second link with the same addresses, so that the address alone says
 * nothing. */
static void test_link_local_addresses_have_an_interface(void **state WG_UNUSED)
{
        char command[512];
        int ours, theirs;
        uint32_t v0, v1;

        enter_netns();
        theirs = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        assert_int_equal(tl_udp_open_pair(&them, 0, 0), 0);
        enter();
        ours = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        snprintf(command, sizeof(command),
                 "for n in 0 2; do ip link add v$n type veth peer name w$n && "
                 "ip link set w$n netns /proc/%d/fd/%d && ip link set v$n addrgenmode none && "
                 "ip addr add fe80::1/64 dev v$n nodad && ip link set v$n up || exit 1; done",
                 getpid(), theirs);
        run(command);
        v0 = if_nametoindex("v0");
        tl_udp_close_pair(&them);
        assert_int_equal(setns(theirs, CLONE_NEWNET), 0);
        run("for n in 0 2; do ip link set w$n addrgenmode none && "
            "ip addr add fe80::2/64 dev w$n nodad && ip link set w$n up || exit 1; done");
        v1 = if_nametoindex("w0");
        assert_int_equal(tl_udp_open_pair(&them, 0, 0), 0);
        assert_int_equal(setns(ours, CLONE_NEWNET), 0);

        address(&sent[0], "fe80::2", "fe80::1");
        sent[0].path.scope = sent[0].path.source_ifindex = v0;
        assert_int_equal(tl_udp_send_pair(&us, sent, 1), 1);
        assert_int_equal(sent[0].error, 0);
        assert_false(sent[0].pin_failed);
        assert_int_equal(receive(&them.ipv6, 1), 1);
        assert_int_equal(received[0].path.scope, v1);
        assert_int_equal(received[0].path.source_ifindex, v1);
        assert_int_equal(tl_udp_send_pair(&them, received, 1), 1);
        assert_int_equal(receive(&us.ipv6, 1), 1);
        assert_int_equal(received[0].path.scope, v0);

        /* A source on a link that leads elsewhere is dropped. */
        sent[0].path.source_ifindex = if_nametoindex("lo");
        assert_int_equal(tl_udp_send_pair(&us, sent, 1), 1);
        assert_true(sent[0].pin_failed);
        assert_int_equal(receive(&them.ipv6, 1), 1);
        assert_int_equal(received[0].path.scope, v1);

        /* Without a source, the scope alone decides where it goes. */
        sent[0].path.source.family = WG_FAMILY_NONE;
        sent[0].path.scope = if_nametoindex("v2");
        assert_int_equal(tl_udp_send_pair(&us, sent, 1), 1);
        assert_int_equal(receive(&them.ipv6, 1), 1);
        assert_true(received[0].path.scope && received[0].path.scope != v1);

        leave();
        close(ours);
        close(theirs);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_pair_has_one_port),
                cmocka_unit_test(test_pairs_share_a_port_only_among_themselves),
                cmocka_unit_test(test_pairs_share_datagrams_by_flow),
                cmocka_unit_test(test_a_chosen_port_is_free_in_both_families),
                cmocka_unit_test(test_source_and_destination_are_known),
                cmocka_unit_test(test_the_traffic_class_goes_both_ways),
                cmocka_unit_test(test_many_datagrams_of_both_families_keep_their_order),
                cmocka_unit_test(test_one_that_fails_does_not_stop_the_rest),
                cmocka_unit_test(test_a_truncated_datagram_is_marked),
                cmocka_unit_test(test_an_empty_datagram_arrives),
                cmocka_unit_test(test_a_full_socket_drops_the_rest),
                cmocka_unit_test(test_the_backlog_is_known),
                cmocka_unit_test(test_datagrams_may_be_fragmented),
                cmocka_unit_test(test_a_superpacket_is_many_datagrams),
                cmocka_unit_test(test_a_refused_superpacket_goes_in_datagrams),
                cmocka_unit_test(test_options),
                cmocka_unit_test(test_without_privileges_it_works_without_a_mark),
                cmocka_unit_test(test_a_family_may_be_missing),
                cmocka_unit_test(test_link_local_addresses_have_an_interface),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
