/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_channel.c - client/channel.h with sockets that do not accept, do not read, do not answer, or
 * close. */
#include "client/channel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/unixsock.h"
#include "test/lib/cmocka.h"

#define SOON (50 * TL_NS_PER_MS)
#define PLENTY (60 * TL_NS_PER_S)

static char directory[] = "/tmp/test_channel.XXXXXX";
static struct tl_unixsock sock;

static int setup(void **state WG_UNUSED)
{
        strcpy(directory + strlen(directory) - 6, "XXXXXX");
        return mkdtemp(directory) ? tl_unixsock_listen(&sock, directory, "wg0") : -1;
}

static int teardown(void **state WG_UNUSED)
{
        tl_unixsock_done(&sock);
        return rmdir(directory);
}

/* A channel, and the daemon's end of it. */
static int open_both(struct tl_channel *channel, uint64_t timeout_ns)
{
        int fd;

        assert_int_equal(tl_channel_open(channel, directory, "wg0", timeout_ns), 0);
        fd = accept(sock.fd, NULL, NULL);
        assert_true(fd >= 0);
        return fd;
}

static void test_carries_bytes_both_ways(void **state WG_UNUSED)
{
        struct tl_channel channel;
        char bytes[8];
        int fd = open_both(&channel, PLENTY);

        assert_int_equal(tl_channel_send(&channel, "get=1\n\n", 7), 0);
        assert_int_equal(read(fd, bytes, sizeof(bytes)), 7);
        assert_memory_equal(bytes, "get=1\n\n", 7);
        assert_int_equal(write(fd, "yes", 3), 3);
        assert_int_equal(tl_channel_receive(&channel, bytes, 2), 2);
        assert_int_equal(tl_channel_receive(&channel, bytes, sizeof(bytes)), 1);
        close(fd);
        assert_int_equal(tl_channel_receive(&channel, bytes, sizeof(bytes)), -EPIPE);
        assert_int_equal(tl_channel_send(&channel, "get=1\n\n", 7), -EPIPE);
        tl_channel_close(&channel);
        tl_channel_close(&channel);
}

static void test_a_silent_daemon_times_out(void **state WG_UNUSED)
{
        static char much[8 << 20];
        struct tl_channel channel;
        uint64_t begun_ns;
        char byte;
        int fd = open_both(&channel, SOON);

        assert_int_equal(tl_channel_receive(&channel, &byte, 1), -ETIMEDOUT);
        tl_channel_allow(&channel, 2 * SOON);
        begun_ns = tl_clock_boot_ns();
        assert_int_equal(tl_channel_receive(&channel, &byte, 1), -ETIMEDOUT);
        assert_true(tl_clock_boot_ns() >= begun_ns);
        tl_channel_close(&channel);
        close(fd);
        fd = open_both(&channel, SOON);
        assert_int_equal(tl_channel_send(&channel, much, sizeof(much)), -ETIMEDOUT);
        tl_channel_close(&channel);
        close(fd);
}

/* Progress restarts the clock: otherwise the deadline of the first step would hold for all of
 * them. */
static void test_progress_gives_more_time(void **state WG_UNUSED)
{
        struct tl_channel channel;
        uint64_t until_ns;
        char byte;
        int fd = open_both(&channel, PLENTY);

        until_ns = channel.until_ns;
        assert_int_equal(write(fd, "x", 1), 1);
        usleep(1000);
        assert_int_equal(tl_channel_receive(&channel, &byte, 1), 1);
        assert_true(channel.until_ns > until_ns);
        until_ns = channel.until_ns;
        usleep(1000);
        assert_int_equal(tl_channel_send(&channel, "x", 1), 0);
        assert_true(channel.until_ns > until_ns);
        tl_channel_close(&channel);
        close(fd);
}

static void test_no_daemon(void **state WG_UNUSED)
{
        struct tl_channel channels[8];
        unsigned int count = 0;
        int error;

        assert_int_equal(tl_channel_open(&channels[0], directory, "wg1", 0), -ENOENT);
        tl_channel_close(&channels[0]);
        assert_int_equal(listen(sock.fd, 0), 0);
        /* Connections that are not accepted fill the queue. */
        while (!(error = tl_channel_open(&channels[count], directory, "wg0", SOON)))
                assert_true(++count < WG_ARRAY_SIZE(channels));
        assert_int_equal(error, -ETIMEDOUT);
        while (count--)
                tl_channel_close(&channels[count]);
        close(sock.fd);
        assert_int_equal(tl_channel_open(&channels[0], directory, "wg0", 0), -ECONNREFUSED);
        sock.fd = socket(AF_UNIX, SOCK_STREAM, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_carries_bytes_both_ways),
                TEST(test_a_silent_daemon_times_out),
                TEST(test_progress_gives_more_time),
                TEST(test_no_daemon),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
