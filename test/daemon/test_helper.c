/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * The real helper process, in its own network namespace. */
#define _GNU_SOURCE
#include "daemon/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/fdpass.h"
#include "io/netns.h"
#include "test/lib/cmocka.h"
#include "test/lib/netns.h"

static struct tl_tun tun;
static struct tl_helper helper;
static char directory[] = "/tmp/tieline-helper-XXXXXX";
static char path[128];

static void forget(void *ctx)
{
        *(int *)ctx = 0;
}

static void start(void)
{
        const struct tl_helper_place place = {
                .tun = &tun, .directories = {directory, directory}, .adopted = {-1, -1}};
        int secret = 42;

        assert_int_equal(tl_helper_start(&helper, &place, forget, &secret), 0);
        assert_int_equal(secret, 42); /* forgotten there, not here */
}

static int set_up(void **state WG_UNUSED)
{
        int error;

        if (geteuid() != 0)
                return 0;
        enter_netns();
        error = tl_tun_open(&tun, "helped", 1, 1420);
        if (error || !mkdtemp(directory))
                return -1;
        snprintf(path, sizeof(path), "%s/helped.sock", directory);
        return 0;
}

static int tear_down(void **state WG_UNUSED)
{
        tl_tun_done(&tun);
        rmdir(directory);
        return 0;
}

static void need_root(void)
{
        if (geteuid() != 0) {
                fprintf(stderr,
                        "SKIPPED: needs root to have the privileges that the helper keeps\n");
                skip();
        }
}

static bool exists(const char *file)
{
        struct stat status;

        return stat(file, &status) == 0;
}

static void test_sockets_are_opened_and_marked(void **state WG_UNUSED)
{
        struct tl_udp_pair pair, other;
        uint32_t mark = 0;
        socklen_t len = sizeof(mark);

        need_root();
        start();
        assert_int_equal(tl_helper_open_udp(&helper, &pair, 1, 0, 7), 0);
        assert_int_not_equal(pair.port, 0);
        assert_int_equal(tl_udp_port(&pair.ipv4), pair.port);
        assert_int_equal(tl_udp_port(&pair.ipv6), pair.port);
        assert_int_equal(getsockopt(pair.ipv6.fd, SOL_SOCKET, SO_MARK, &mark, &len), 0);
        assert_int_equal(mark, 7);
        assert_int_equal(tl_helper_open_udp(&helper, &other, 1, pair.port, 0), -EADDRINUSE);

        /* One family alone works too. */
        assert_int_equal(tl_helper_mark_udp(&helper, &pair, 1, 9), 0);
        tl_udp_close(&pair.ipv4);
        assert_int_equal(tl_helper_mark_udp(&helper, &pair, 1, 11), 0);
        assert_int_equal(getsockopt(pair.ipv6.fd, SOL_SOCKET, SO_MARK, &mark, &len), 0);
        assert_int_equal(mark, 11);
        tl_udp_close_pair(&pair);

        /* Sockets closed here are not open there. */
        assert_int_equal(tl_helper_open_udp(&helper, &other, 1, pair.port, 0), 0);
        tl_udp_close_pair(&other);
        tl_helper_done(&helper);
}

static uint32_t mark_of(const struct tl_udp *udp)
{
        uint32_t mark = 0;
        socklen_t len = sizeof(mark);

        assert_int_equal(getsockopt(udp->fd, SOL_SOCKET, SO_MARK, &mark, &len), 0);
        return mark;
}

static void test_the_most_sockets(void **state WG_UNUSED)
{
        struct tl_udp_pair pairs[TL_UDP_PAIRS], other;

        need_root();
        start();
        for (unsigned int count = 1; count <= TL_UDP_PAIRS; count = count == 3 ? 64 : count + 1) {
                assert_int_equal(tl_helper_open_udp(&helper, pairs, count, 0, 7), 0);
                for (unsigned int i = 0; i < count; i++) {
                        assert_int_equal(pairs[i].port, pairs[0].port);
                        assert_int_equal(tl_udp_port(&pairs[i].ipv4), pairs[0].port);
                        assert_int_equal(tl_udp_port(&pairs[i].ipv6), pairs[0].port);
                }
                assert_int_equal(mark_of(&pairs[count - 1].ipv4), 7);
                /* No other socket gets the port, not even one that would share it. */
                assert_int_equal(tl_helper_open_udp(&helper, &other, 1, pairs[0].port, 0),
                                 -EADDRINUSE);
                assert_int_equal(tl_helper_open_udp(&helper, &other, 1, pairs[0].port, 0),
                                 -EADDRINUSE);

                assert_int_equal(tl_helper_mark_udp(&helper, pairs, count, 9), 0);
                for (unsigned int i = 0; i < count; i++) {
                        assert_int_equal(mark_of(&pairs[i].ipv4), 9);
                        assert_int_equal(mark_of(&pairs[i].ipv6), 9);
                }
                tl_udp_close_pairs(pairs, count);
                assert_int_equal(tl_helper_open_udp(&helper, &other, 1, pairs[0].port, 0), 0);
                tl_udp_close_pair(&other);
        }
        tl_helper_done(&helper);
}

static void test_control_sockets_are_removed_with_the_daemon(void **state WG_UNUSED)
{
        struct tl_unixsock sock, again;

        need_root();
        start();
        assert_int_equal(tl_helper_listen(&helper, TL_LISTENER_UAPI, &sock), 0);
        assert_true(exists(path));
        assert_int_equal(tl_helper_listen(&helper, TL_LISTENER_UAPI, &again), -EALREADY);
        assert_false(tl_helper_is_removed(&helper, TL_LISTENER_UAPI, &sock));
        tl_unixsock_close(&sock);
        assert_true(exists(path));
        tl_helper_done(&helper);
        assert_false(exists(path));

        start();
        assert_int_equal(tl_helper_listen(&helper, TL_LISTENER_UAPI, &sock), 0);
        assert_int_equal(unlink(path), 0);
        assert_true(tl_helper_is_removed(&helper, TL_LISTENER_UAPI, &sock));
        tl_unixsock_close(&sock);
        tl_helper_done(&helper);
}

/* A link in another namespace is followed there, and its events arrive. */
static void test_the_link_is_followed_where_it_is(void **state WG_UNUSED)
{
        struct tl_netlink_monitor monitor;
        uint32_t changes;
        int other, home;

        need_root();
        start();
        assert_int_equal(tl_helper_follow(&helper, &monitor), 0);
        assert_string_equal(monitor.link.name, "helped");
        assert_int_equal(monitor.link.mtu, 1420);

        home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        assert_int_equal(unshare(CLONE_NEWNET), 0);
        other = tl_netns_enter(home); /* back home; `other` stands for the new one */
        assert_true(other >= 0);
        {
                char command[96];

                snprintf(command, sizeof(command), "ip link set helped netns /proc/%d/fd/%d",
                         getpid(), other);
                run(command);
        }
        assert_int_equal(tl_netlink_monitor_next(&monitor, &changes), 1);
        assert_int_equal(changes, TL_LINK_GONE);
        tl_netlink_monitor_done(&monitor);

        assert_int_equal(tl_helper_follow(&helper, &monitor), 0);
        home = tl_netns_enter(other);
        assert_true(home >= 0);
        run("ip link set helped mtu 1300");
        tl_netns_leave(home);
        close(other);
        assert_int_equal(tl_netlink_monitor_next(&monitor, &changes), 1);
        assert_int_equal(changes, TL_LINK_CHANGED_MTU);
        assert_int_equal(monitor.link.mtu, 1300);
        tl_netlink_monitor_done(&monitor);
        tl_helper_done(&helper);
}

/* The format of requests: a kind, the number of a listener, a mark, a port, the number of socket
 * pairs, which places have descriptors, and a time. */
struct form {
        uint32_t kind, listener, fwmark;
        uint16_t port, pair_count;
        uint8_t has_fd[TL_FDPASS_MAX];
        uint64_t stamp_ns;
};
enum { LISTEN = 1, OPEN_UDP = 3, MARK_UDP = 4 };

static void expect_end(const void *message, size_t len, const int *fds, unsigned int count)
{
        uint8_t byte;

        start();
        assert_int_equal(tl_fdpass_send(helper.end, message, len, fds, count), 0);
        assert_int_equal(recv(helper.end, &byte, 1, 0), 0);
        tl_helper_done(&helper);
}

/* A compromised daemon can send anything. */
static void test_nonsense_ends_it(void **state WG_UNUSED)
{
        static const struct {
                struct form form;
                unsigned int fds;
        } cases[] = {
                {{.kind = 99}, 0},
                {{.kind = LISTEN, .listener = TL_LISTENER_COUNT}, 0},
                {{.kind = OPEN_UDP}, 0},
                {{.kind = OPEN_UDP, .pair_count = TL_UDP_PAIRS + 1}, 0},
                {{.kind = OPEN_UDP, .pair_count = UINT16_MAX}, 0},
                {{.kind = MARK_UDP, .has_fd = {1}}, 0},
                {{.kind = MARK_UDP, .has_fd = {1}}, 2},
                {{.kind = MARK_UDP, .has_fd = {0, 1, 1}}, 1},
                {{.kind = MARK_UDP}, 1},
        };
        static const uint8_t bytes[sizeof(struct form) + 1];
        const int fds[2] = {STDERR_FILENO, STDERR_FILENO};

        need_root();
        for (size_t len = 1; len <= sizeof(bytes); len += len == 1 ? 62 : 1)
                expect_end(bytes, len, NULL, 0);
        for (unsigned int i = 0; i < WG_ARRAY_SIZE(cases); i++)
                expect_end(&cases[i].form, sizeof(cases[i].form), fds, cases[i].fds);
}

/* A time that was handed over is saved even if the daemon did not wait and has gone, and does not
 * disturb other requests. */
static void test_a_stamp_outlives_the_helper(void **state WG_UNUSED)
{
        struct tl_udp_pair pair;
        uint64_t stamp_ns = 5;
        char stamp[160];

        need_root();
        snprintf(stamp, sizeof(stamp), "%s/helped.stamp", directory);
        start();
        assert_int_equal(tl_helper_recall_stamp(&helper, &stamp_ns), -ENOENT);
        assert_int_equal(stamp_ns, 5);
        assert_int_equal(tl_helper_keep_stamp(&helper, UINT64_MAX), 0);
        assert_int_equal(tl_helper_open_udp(&helper, &pair, 1, 0, 0), 0);
        tl_udp_close_pair(&pair);
        assert_int_equal(tl_helper_keep_stamp(&helper, 7), 0);
        tl_helper_done(&helper);

        start();
        assert_int_equal(tl_helper_recall_stamp(&helper, &stamp_ns), 0);
        assert_int_equal(stamp_ns, 7);
        /* A slow helper saves one at a time. */
        kill(helper.process, SIGSTOP);
        assert_int_equal(tl_helper_keep_stamp(&helper, 8), 0);
        assert_int_equal(tl_helper_keep_stamp(&helper, 9), -EAGAIN);
        assert_int_equal(tl_helper_keep_error(&helper), 0);
        kill(helper.process, SIGCONT);
        assert_int_equal(tl_helper_recall_stamp(&helper, &stamp_ns), 0);
        assert_int_equal(stamp_ns, 8);

        /* A directory is in the way. */
        assert_int_equal(unlink(stamp), 0);
        assert_int_equal(mkdir(stamp, 0700), 0);
        assert_int_equal(tl_helper_keep_stamp(&helper, 10), 0);
        assert_int_equal(tl_helper_recall_stamp(&helper, &stamp_ns), -EPERM);
        assert_int_equal(tl_helper_keep_error(&helper), -EISDIR);
        assert_int_equal(rmdir(stamp), 0);
        assert_int_equal(tl_helper_keep_stamp(&helper, 11), 0);
        assert_int_equal(tl_helper_recall_stamp(&helper, &stamp_ns), 0);
        assert_int_equal(tl_helper_keep_error(&helper), 0);
        assert_int_equal(stamp_ns, 11);
        assert_int_equal(unlink(stamp), 0);
        tl_helper_done(&helper);
}

static void test_a_dead_helper_is_reported(void **state WG_UNUSED)
{
        struct tl_udp_pair pair;
        struct tl_unixsock sock;

        need_root();
        start();
        kill(helper.process, SIGKILL);
        waitpid(helper.process, NULL, 0);
        assert_true(tl_helper_open_udp(&helper, &pair, 1, 0, 0) < 0);
        assert_true(tl_helper_listen(&helper, TL_LISTENER_UAPI, &sock) < 0);
        tl_helper_done(&helper);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sockets_are_opened_and_marked),
                cmocka_unit_test(test_the_most_sockets),
                cmocka_unit_test(test_control_sockets_are_removed_with_the_daemon),
                cmocka_unit_test(test_the_link_is_followed_where_it_is),
                cmocka_unit_test(test_nonsense_ends_it),
                cmocka_unit_test(test_a_stamp_outlives_the_helper),
                cmocka_unit_test(test_a_dead_helper_is_reported),
        };
        signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
