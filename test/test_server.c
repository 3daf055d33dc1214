/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_server.c - io/server.h: requests in pieces and in a row, long replies and short ones, clients
 * that read nothing or hang up, replies that come later, and too many clients.
 *
 * A request here is a digit, which is answered by so many blocks of text; `e` is answered by an error,
 * `d` later. */
#include "io/server.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/clock.h"
#include "io/unixsock.h"

enum { BLOCK = 10000, CLIENTS_MAX = 4 };

struct client {
        struct tl_connection base;
        unsigned int blocks; /* still to be told */
        bool is_known;       /* begin() was called on zeroed memory */
};

static struct tl_log log_;
static struct tl_loop loop;
static struct tl_unixsock sock;
static struct tl_server server;
static struct tl_connection *deferred;
static char directory[] = "/tmp/test_server.XXXXXX";
static unsigned int begun, ended;

static struct client *of(struct tl_connection *base)
{
        return WG_CONTAINER_OF(base, struct client, base);
}

static void begin(struct tl_connection *base)
{
        assert_ptr_equal(base->server->ctx, &begun);
        assert_true(fcntl(base->fd, F_GETFL) & O_NONBLOCK);
        assert_true(fcntl(base->fd, F_GETFD) & FD_CLOEXEC);
        assert_false(of(base)->is_known);
        of(base)->is_known = true;
        begun++;
}

static size_t parse(struct tl_connection *base, const char *bytes, size_t len)
{
        assert_true(len > 0);
        if (bytes[0] == 'e') {
                tl_connection_reply(base, "error", 5);
        } else if (bytes[0] == 'd') {
                deferred = base;
                tl_connection_defer(base);
        } else if (bytes[0] != '.') {
                of(base)->blocks = (unsigned int)(bytes[0] - '0');
                tl_connection_stream(base);
        }
        return 1;
}

static size_t fill(struct tl_connection *base, char *out, size_t size)
{
        assert_true(size >= BLOCK);
        if (!of(base)->blocks)
                return 0;
        memset(out, '0' + (int)of(base)->blocks--, BLOCK);
        return BLOCK;
}

static void end(struct tl_connection *base)
{
        assert_true(of(base)->is_known);
        if (deferred == base)
                deferred = NULL;
        ended++;
}

static const struct tl_server_protocol protocol = {
        .name = "test",
        .connection_size = sizeof(struct client),
        .connections_max = CLIENTS_MAX,
        .begin = begin,
        .parse = parse,
        .fill = fill,
        .end = end,
};

static int setup(void **state WG_UNUSED)
{
        begun = ended = 0;
        deferred = NULL;
        strcpy(directory + strlen(directory) - 6, "XXXXXX");
        if (!mkdtemp(directory) || tl_loop_init(&loop) ||
            tl_unixsock_listen(&sock, directory, "wg0"))
                return -1;
        tl_log_init(&log_, "test", NULL, TL_LOG_SILENT);
        tl_server_init(&server, &protocol, &begun, &loop, &log_);
        return tl_server_listen(&server, sock.fd);
}

static int teardown(void **state WG_UNUSED)
{
        tl_server_done(&server);
        assert_int_equal(begun, ended);
        assert_int_equal(server.count, 0);
        tl_unixsock_done(&sock);
        tl_loop_done(&loop);
        tl_log_done(&log_);
        return rmdir(directory);
}

/* Whatever is to do, until nothing is. */
static void work(void)
{
        while (tl_loop_run(&loop, 0) > 0)
                continue;
}

static int visit(void)
{
        int fd = tl_unixsock_connect(directory, "wg0", tl_clock_boot_ns() + TL_NS_PER_S);

        assert_true(fd >= 0);
        work();
        return fd;
}

static void say(int fd, const char *text)
{
        assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* The next len bytes are all this one. */
static void hear(int fd, char byte, size_t len)
{
        char heard[1000];

        while (len) {
                ssize_t got;

                work();
                got = recv(fd, heard, WG_MIN(len, sizeof(heard)), 0);
                assert_true(got > 0);
                for (ssize_t i = 0; i < got; i++)
                        assert_int_equal(heard[i], byte);
                len -= (size_t)got;
        }
}

static void hear_error(int fd)
{
        char heard[5];

        work();
        assert_int_equal(recv(fd, heard, sizeof(heard), 0), 5);
        assert_memory_equal(heard, "error", 5);
}

static void hear_nothing(int fd)
{
        char byte;

        work();
        assert_int_equal(recv(fd, &byte, 1, 0), -1);
        assert_int_equal(errno, EAGAIN);
}

static bool has_hung_up(int fd)
{
        char byte;

        work();
        return recv(fd, &byte, 1, 0) == 0 || (errno != EAGAIN && errno != EINTR);
}

static void test_requests_in_a_row(void **state WG_UNUSED)
{
        int fd = visit();

        hear_nothing(fd);
        say(fd, "...");
        hear_nothing(fd);
        say(fd, "1e.2e");
        hear(fd, '1', BLOCK);
        hear_error(fd);
        hear(fd, '2', BLOCK);
        hear(fd, '1', BLOCK);
        hear_error(fd);
        hear_nothing(fd);
        assert_int_equal(server.count, 1);
        close(fd);
        work();
        assert_int_equal(server.count, 0);
}

/* One that asks for more than the socket holds, and reads nothing, is served as it reads; others do not
 * wait for it, and what it asked meanwhile is answered after. */
static void test_who_reads_nothing(void **state WG_UNUSED)
{
        int slow = visit(), quick = visit();
        char asked[101];

        memset(asked, '9', 100);
        asked[100] = '\0';
        say(slow, asked);
        work();
        say(slow, "e");
        say(quick, "e");
        hear_error(quick);
        say(quick, "1");
        hear(quick, '1', BLOCK);
        for (unsigned int i = 0; i < 100; i++)
                for (char byte = '9'; byte >= '1'; byte--)
                        hear(slow, byte, BLOCK);
        hear_error(slow);
        close(slow);
        close(quick);
}

static void test_who_hangs_up(void **state WG_UNUSED)
{
        static const char *const asked[] = {"", ".", "e", "9", "99999999999999999999", "d", "de9"};

        for (size_t i = 0; i < WG_ARRAY_SIZE(asked); i++) {
                int fd = visit();

                if (*asked[i])
                        say(fd, asked[i]);
                work();
                assert_int_equal(server.count, 1);
                close(fd);
                work();
                assert_int_equal(server.count, 0);
                assert_null(deferred);
        }
}

/* Until the reply is known nothing else of the client is looked at. */
static void test_a_reply_that_comes_later(void **state WG_UNUSED)
{
        int fd = visit(), other = visit();

        say(fd, "de1");
        hear_nothing(fd);
        assert_non_null(deferred);
        say(other, "e");
        hear_error(other);
        hear_nothing(fd);
        tl_connection_reply(deferred, "x", 1);
        tl_connection_resume(deferred);
        hear(fd, 'x', 1);
        hear_error(fd);
        hear(fd, '1', BLOCK);
        close(fd);
        close(other);
}

static void test_while_paused(void **state WG_UNUSED)
{
        int fd = visit();

        tl_server_pause(&server, true);
        say(fd, "1");
        hear_nothing(fd);
        say(fd, "e");
        hear_nothing(fd);
        tl_server_pause(&server, false);
        hear(fd, '1', BLOCK);
        hear_error(fd);
        close(fd);
}

static void test_too_many(void **state WG_UNUSED)
{
        int fds[CLIENTS_MAX], more;

        for (unsigned int i = 0; i < CLIENTS_MAX; i++)
                fds[i] = visit();
        more = visit();
        assert_true(has_hung_up(more));
        close(more);
        say(fds[0], "e");
        hear_error(fds[0]);
        close(fds[1]);
        work();
        fds[1] = visit();
        say(fds[1], "e");
        hear_error(fds[1]);
        for (unsigned int i = 0; i < CLIENTS_MAX; i++)
                close(fds[i]);
}

/* Without a descriptor for it a client waits; the loop does not spin, and once there is one again, he is
 * let in. */
static void test_no_descriptors(void **state WG_UNUSED)
{
        struct rlimit limit, tight;
        uint64_t due_ns;
        int fd, lowest;

        fd = tl_unixsock_connect(directory, "wg0", tl_clock_boot_ns() + TL_NS_PER_S);
        assert_true(fd >= 0);
        lowest = dup(fd);
        close(lowest);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
        tight = limit;
        tight.rlim_cur = (rlim_t)lowest;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
        work();
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        assert_int_equal(server.count, 0);
        due_ns = tl_server_work(&server, tl_clock_boot_ns());
        assert_true(due_ns != TL_LOOP_NEVER);
        work();
        assert_int_equal(server.count, 0);
        assert_int_equal(tl_server_work(&server, due_ns), TL_LOOP_NEVER);
        say(fd, "e");
        hear_error(fd);
        close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_requests_in_a_row), TEST(test_who_reads_nothing),
                TEST(test_who_hangs_up),      TEST(test_a_reply_that_comes_later),
                TEST(test_while_paused),      TEST(test_too_many),
                TEST(test_no_descriptors),
        };

        return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
