/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_await.c - quick/await.h: stopping the task, and other programs that have its name.
 * The scenarios in test/netns show the task at work. */
#define _GNU_SOURCE /* accept4 */
#include "quick/await.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "test/lib/cmocka.h"

static char ifname[16];

static socklen_t write_address(struct sockaddr_un *address)
{
        *address = (struct sockaddr_un){.sun_family = AF_UNIX};
        snprintf(address->sun_path + 1, sizeof(address->sun_path) - 1, "tieline-quick/await/%s",
                 ifname);
        return (socklen_t)(sizeof(sa_family_t) + 1 + strlen(address->sun_path + 1));
}

static int listen_as_task(int backlog)
{
        struct sockaddr_un address;
        socklen_t len = write_address(&address);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_int_equal(bind(fd, (const struct sockaddr *)&address, len), 0);
        assert_int_equal(listen(fd, backlog), 0);
        return fd;
}

static int visit(void)
{
        struct sockaddr_un address;
        socklen_t len = write_address(&address);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (connect(fd, (const struct sockaddr *)&address, len) == 0)
                return fd;
        assert_int_equal(errno, EAGAIN);
        close(fd);
        return -1;
}

static void test_no_task(void **state WG_UNUSED)
{
        tl_await_stop(ifname);
}

static void *end_task(void *listener)
{
        int fd = accept4(*(int *)listener, NULL, NULL, SOCK_CLOEXEC);

        /* Long enough to see whether the other side waits for the end. */
        poll(NULL, 0, 50);
        close(*(int *)listener);
        *(int *)listener = -1;
        close(fd);
        return NULL;
}

static void test_waits_for_the_end(void **state WG_UNUSED)
{
        int listener = listen_as_task(4);
        pthread_t thread;

        assert_int_equal(pthread_create(&thread, NULL, end_task, &listener), 0);
        tl_await_stop(ifname);
        close(listen_as_task(4)); /* the name is free */
        pthread_join(thread, NULL);
        assert_int_equal(listener, -1);
}

/* Any user may bind an abstract name. */
static void test_a_stranger_who_accepts_nobody(void **state WG_UNUSED)
{
        int listener = listen_as_task(0), clients[16], count = 0;

        while (count < 16 && (clients[count] = visit()) >= 0)
                count++;
        assert_true(count < 16);
        tl_await_stop(ifname);
        while (count)
                close(clients[--count]);
        close(listener);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_no_task),
                cmocka_unit_test(test_waits_for_the_end),
                cmocka_unit_test(test_a_stranger_who_accepts_nobody),
        };

        snprintf(ifname, sizeof(ifname), "t%d", (int)getpid());
        return cmocka_run_group_tests_name("await", tests, NULL, NULL);
}
