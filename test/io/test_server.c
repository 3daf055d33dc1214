/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_server.c - io/server.h, over a Unix socket and over TCP: requests in pieces and in a row,
 * short replies and long ones, late replies, streams that have nothing yet, readers that stall
 * or leave, and too many connections.
 *
 * A request is one byte. A digit asks for that many blocks of text, `e` for an error, `d` for a
 * deferred reply, and `s` for the stream that the test feeds. */
#define _GNU_SOURCE /* unshare */
#include "io/server.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/unixsock.h"
#include "test/lib/cmocka.h"
#include "test/lib/netns.h"

enum { BLOCK = 10000, CLIENTS_MAX = 4 };

#define PATIENCE_NS (20 * TL_NS_PER_S)

struct client {
        struct tl_connection base;
        unsigned int blocks; /* still to send */
        bool is_known;       /* begin() was called on zeroed memory */
        bool has_stream;
};

static struct tl_log log_;
static struct tl_loop loop;
static struct tl_unixsock sock;
static struct tl_server server;
static struct tl_connection *deferred;
static struct stream {
        struct tl_connection *reader; /* NULL: none, or it left */
        unsigned int blocks, sent;    /* that there are; and how many fill() wrote */
        unsigned int asked;           /* calls of fill() */
        uint64_t due_ns;              /* when there is another block; 0: never */
        bool is_over;
} stream;
static char directory[] = "/tmp/test_server.XXXXXX";
static struct sockaddr_in tcp_address;
static int tcp_fd;
static int (*connect_client)(void);
static unsigned int begun, ended;

static struct client *of(struct tl_connection *base)
{
        return WG_CONTAINER_OF(base, struct client, base);
}

/* Only the kernel can vouch for a user, and it does not for TCP. */
static void check_user(const struct tl_connection *base)
{
        struct sockaddr_storage address;
        socklen_t len = sizeof(address);

        assert_int_equal(getsockname(base->fd, (struct sockaddr *)&address, &len), 0);
        assert_int_equal(tl_connection_is_of_root(base),
                         address.ss_family == AF_UNIX && getuid() == 0);
}

static void begin(struct tl_connection *base)
{
        check_user(base);
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
        } else if (bytes[0] == 's') {
                of(base)->has_stream = true;
                stream.reader = base;
                tl_connection_stream(base);
        } else if (bytes[0] != '.') {
                of(base)->has_stream = false;
                of(base)->blocks = (unsigned int)(bytes[0] - '0');
                tl_connection_stream(base);
        }
        return 1;
}

static size_t fill_from_stream(char *out)
{
        stream.asked++;
        if (stream.sent == stream.blocks) {
                if (!stream.is_over)
                        tl_connection_defer(stream.reader);
                return 0;
        }
        memset(out, 'A' + (int)(stream.sent++ % 26), BLOCK);
        /* Every other time, say at once that this is the last available piece. */
        if (stream.sent == stream.blocks && stream.sent % 2 && !stream.is_over)
                tl_connection_defer(stream.reader);
        return BLOCK;
}

static size_t fill(struct tl_connection *base, char *out, size_t size)
{
        assert_true(size >= BLOCK);
        if (of(base)->has_stream)
                return fill_from_stream(out);
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
        if (stream.reader == base)
                stream.reader = NULL;
        ended++;
}

/* Sends another block of the stream every tenth of a second. */
static uint64_t feed_regularly(struct tl_server *which, uint64_t now_ns)
{
        assert_ptr_equal(which, &server);
        if (!stream.due_ns)
                return TL_LOOP_NEVER;
        if (now_ns >= stream.due_ns) {
                stream.due_ns += 100 * TL_NS_PER_MS;
                stream.blocks++;
                tl_connection_resume(stream.reader);
        }
        return stream.due_ns;
}

static const struct tl_server_protocol protocol = {
        .name = "test",
        .connection_size = sizeof(struct client),
        .connections_max = CLIENTS_MAX,
        .begin = begin,
        .parse = parse,
        .fill = fill,
        .end = end,
        .work = feed_regularly,
};

static int begin_server(int fd)
{
        begun = ended = 0;
        deferred = NULL;
        memset(&stream, 0, sizeof(stream));
        tl_log_init(&log_, "test", NULL, TL_LOG_SILENT);
        tl_server_init(&server, &protocol, &begun, &loop, &log_);
        return tl_server_listen(&server, fd);
}

static void end_server(void)
{
        tl_server_done(&server);
        assert_int_equal(begun, ended);
        assert_int_equal(server.count, 0);
        tl_loop_done(&loop);
        tl_log_done(&log_);
}

static int connect_unix(void)
{
        return tl_unixsock_connect(directory, "wg0", tl_clock_boot_ns() + TL_NS_PER_S);
}

static int setup(void **state WG_UNUSED)
{
        strcpy(directory + strlen(directory) - 6, "XXXXXX");
        if (!mkdtemp(directory) || tl_loop_init(&loop) ||
            tl_unixsock_listen(&sock, directory, "wg0"))
                return -1;
        connect_client = connect_unix;
        return begin_server(sock.fd);
}

static int teardown(void **state WG_UNUSED)
{
        end_server();
        tl_unixsock_done(&sock);
        return rmdir(directory);
}

static int connect_tcp(void)
{
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_int_equal(connect(fd, (struct sockaddr *)&tcp_address, sizeof(tcp_address)), 0);
        assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
        return fd;
}

static void begin_tcp(void)
{
        socklen_t len = sizeof(tcp_address);

        enter_netns();
        tcp_address = (struct sockaddr_in){.sin_family = AF_INET,
                                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        tcp_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(tcp_fd, (struct sockaddr *)&tcp_address, len), 0);
        assert_int_equal(listen(tcp_fd, 8), 0);
        assert_int_equal(getsockname(tcp_fd, (struct sockaddr *)&tcp_address, &len), 0);
        connect_client = connect_tcp;
        assert_int_equal(tl_loop_init(&loop), 0);
        assert_int_equal(begin_server(tcp_fd), 0);
}

static void end_tcp(void)
{
        end_server();
        close(tcp_fd);
}

/* Runs the loop until nothing is left to do. */
static void work(void)
{
        while (tl_loop_run(&loop, 0) > 0)
                continue;
}

/* Runs the loop for a moment, since data sent over TCP may take one to arrive. Fails past the
 * deadline. */
static void wait_a_moment(uint64_t deadline_ns)
{
        uint64_t now_ns = tl_clock_boot_ns();

        assert_true(now_ns < deadline_ns);
        assert_true(tl_loop_run(&loop, now_ns + TL_NS_PER_MS) >= 0);
        work();
}

static void wait_for_connections(unsigned int count)
{
        uint64_t deadline_ns = tl_clock_boot_ns() + PATIENCE_NS;

        work();
        while (server.count != count)
                wait_a_moment(deadline_ns);
}

static int visit(void)
{
        unsigned int before = begun;
        uint64_t deadline_ns = tl_clock_boot_ns() + PATIENCE_NS;
        int fd = connect_client();

        assert_true(fd >= 0);
        work();
        while (begun == before && server.count < CLIENTS_MAX)
                wait_a_moment(deadline_ns);
        return fd;
}

static void say(int fd, const char *text)
{
        assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Reads up to size bytes, waiting for the first. */
static size_t hear_some(int fd, char *out, size_t size)
{
        uint64_t deadline_ns = tl_clock_boot_ns() + PATIENCE_NS;
        ssize_t got;

        work();
        while ((got = recv(fd, out, size, 0)) < 0 && errno == EAGAIN)
                wait_a_moment(deadline_ns);
        assert_true(got > 0);
        return (size_t)got;
}

/* The next len bytes are all this one. */
static void hear(int fd, char byte, size_t len)
{
        char heard[1000];

        while (len) {
                size_t got = hear_some(fd, heard, WG_MIN(len, sizeof(heard)));

                for (size_t i = 0; i < got; i++)
                        assert_int_equal(heard[i], byte);
                len -= got;
        }
}

static void hear_error(int fd)
{
        char heard[5];

        assert_int_equal(hear_some(fd, heard, sizeof(heard)), 5);
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

/* Waits until fill() is called or, before that, the request `d` is read. */
static void wait_for_request(void)
{
        uint64_t deadline_ns = tl_clock_boot_ns() + PATIENCE_NS;

        work();
        while (!deferred && !stream.asked)
                wait_a_moment(deadline_ns);
}

/* Adds blocks to the stream. */
static void feed(unsigned int blocks)
{
        stream.blocks += blocks;
        if (stream.reader)
                tl_connection_resume(stream.reader);
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
        wait_for_connections(0);
}

/* A client that asks for more than the socket holds, and reads nothing, is served as it reads.
 * Others do not wait for it, and its next request is answered afterwards. */
static void test_a_client_that_reads_nothing(void **state WG_UNUSED)
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

static void test_a_client_that_leaves(void **state WG_UNUSED)
{
        static const char *const asked[] = {"",  ".",   "e", "9",  "99999999999999999999",
                                            "d", "de9", "s", "se9"};

        for (size_t i = 0; i < WG_ARRAY_SIZE(asked); i++) {
                int fd = visit();

                if (*asked[i])
                        say(fd, asked[i]);
                work();
                assert_int_equal(server.count, 1);
                close(fd);
                /* Over TCP it might still read. */
                if (deferred && connect_client == connect_tcp) {
                        tl_connection_reply(deferred, "x", 1);
                        tl_connection_resume(deferred);
                }
                wait_for_connections(0);
                assert_null(deferred);
                assert_null(stream.reader);
        }
}

/* Until the reply is known, nothing more is read from the client. */
static void test_a_reply_that_comes_later(void **state WG_UNUSED)
{
        int fd = visit(), other = visit();

        say(fd, "de1");
        wait_for_request();
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

/* A client may shut down its sending direction and still read a deferred reply. */
static void test_half_a_connection(void **state WG_UNUSED)
{
        int fd = visit();

        say(fd, "d");
        wait_for_request();
        assert_int_equal(shutdown(fd, SHUT_WR), 0);
        hear_nothing(fd);
        assert_int_equal(server.count, 1);
        tl_connection_reply(deferred, "x", 1);
        tl_connection_resume(deferred);
        hear(fd, 'x', 1);
        wait_for_connections(0);
        close(fd);
}

/* A stream that has nothing yet sends nothing, delays no other client, and continues when there is
 * data. Once it is over, the next request is answered. */
static void test_a_stream(void **state WG_UNUSED)
{
        int fd = visit(), other = visit();

        say(fd, "se");
        wait_for_request();
        hear_nothing(fd);
        assert_int_equal(stream.asked, 1);
        say(other, "e");
        hear_error(other);
        for (unsigned int i = 0; i < 4; i++) {
                feed(1);
                hear(fd, (char)('A' + i), BLOCK);
                hear_nothing(fd);
        }
        feed(2);
        hear(fd, 'E', BLOCK);
        hear(fd, 'F', BLOCK);
        hear_nothing(fd);
        stream.is_over = true;
        feed(0);
        hear_error(fd);
        close(fd);
        close(other);
}

/* While a piece waits for a reader that stalls, fill() is not called again, however often the
 * protocol resumes. Nothing is lost once the reader continues. */
static void test_a_stalled_reader(void **state WG_UNUSED)
{
        int fd = visit(), other = visit();
        unsigned int sent;

        say(fd, "s");
        wait_for_request();
        do {
                sent = stream.sent;
                feed(100);
                for (unsigned int i = 0; i < 10; i++)
                        wait_a_moment(UINT64_MAX);
        } while (stream.sent == stream.blocks || stream.sent != sent);
        for (unsigned int i = 0, asked = stream.asked; i < 10; i++) {
                feed(1);
                work();
                assert_int_equal(stream.asked, asked);
        }
        say(other, "e");
        hear_error(other);
        for (unsigned int i = 0; i < stream.blocks; i++)
                hear(fd, (char)('A' + i % 26), BLOCK);
        hear_nothing(fd);
        close(other);

        feed(1000000);
        work();
        close(fd);
        wait_for_connections(0);
        assert_null(stream.reader);
}

/* The connection ends when the reader of a stream closes it or shuts down its sending direction,
 * even if there is nothing to send. */
static void test_a_reader_that_leaves(void **state WG_UNUSED)
{
        for (unsigned int is_half = 0; is_half < 2; is_half++) {
                int fd = visit();

                say(fd, "s");
                wait_for_request();
                feed(1);
                hear(fd, 'A', BLOCK);
                hear_nothing(fd);
                assert_non_null(stream.reader);
                shutdown(fd, is_half ? SHUT_WR : SHUT_RDWR);
                wait_for_connections(0);
                assert_null(stream.reader);
                close(fd);
                memset(&stream, 0, sizeof(stream));
        }
}

/* tl_server_work() lets the protocol continue a stream, and returns when to call again. */
static void test_a_stream_that_works(void **state WG_UNUSED)
{
        const uint64_t first_ns = tl_clock_boot_ns(), second_ns = first_ns + 100 * TL_NS_PER_MS;
        int fd = visit();

        say(fd, "s");
        wait_for_request();
        assert_int_equal(tl_server_work(&server, first_ns), TL_LOOP_NEVER);
        stream.due_ns = first_ns;
        assert_int_equal(tl_server_work(&server, first_ns), second_ns);
        hear(fd, 'A', BLOCK);
        assert_int_equal(tl_server_work(&server, second_ns - 1), second_ns);
        hear_nothing(fd);
        assert_true(tl_server_work(&server, second_ns) > second_ns);
        hear(fd, 'B', BLOCK);
        close(fd);
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

/* Without a free descriptor a client waits and the loop does not spin. Once there is one, the
 * client is served. */
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

/* Once more over TCP: all tests except those that depend on the exact time at which a request
 * arrives. */
static void test_tcp(void **state)
{
        static void (*const tests[])(void **) = {
                test_requests_in_a_row,    test_a_client_that_reads_nothing,
                test_a_client_that_leaves, test_a_reply_that_comes_later,
                test_half_a_connection,    test_a_stream,
                test_a_stalled_reader,     test_a_reader_that_leaves,
        };

        for (size_t i = 0; i < WG_ARRAY_SIZE(tests); i++) {
                begin_tcp();
                tests[i](state);
                end_tcp();
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_requests_in_a_row),
                TEST(test_a_client_that_reads_nothing),
                TEST(test_a_client_that_leaves),
                TEST(test_a_reply_that_comes_later),
                TEST(test_half_a_connection),
                TEST(test_a_stream),
                TEST(test_a_stalled_reader),
                TEST(test_a_reader_that_leaves),
                TEST(test_a_stream_that_works),
                TEST(test_while_paused),
                TEST(test_too_many),
                TEST(test_no_descriptors),
                cmocka_unit_test(test_tcp),
        };

        return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
