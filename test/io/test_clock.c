/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#define _GNU_SOURCE /* unshare, setns */
#include "io/clock.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test/lib/cmocka.h"

static void test_boot_clock_advances(void **state WG_UNUSED)
{
        uint64_t first_ns = tl_clock_boot_ns();

        assert_true(first_ns > 0);
        usleep(2000);
        assert_true(tl_clock_boot_ns() >= first_ns + 2 * TL_NS_PER_MS);
}

static void test_real_clock_counts_from_1970(void **state WG_UNUSED)
{
        uint64_t before_s = (uint64_t)time(NULL);
        uint64_t now_s = tl_clock_real_ns() / TL_NS_PER_S;

        assert_in_range(now_s, before_s - 1, before_s + 2);
}

static void test_no_suspend_is_seen_without_one(void **state WG_UNUSED)
{
        struct tl_suspend suspend;

        assert_int_equal(tl_suspend_init(&suspend), 0);
        assert_int_equal(poll(&(struct pollfd){.fd = suspend.fd, .events = POLLIN}, 1, 0), 0);
        for (int i = 0; i < 1000; i++)
                assert_false(tl_suspend_check(&suspend));
        tl_suspend_done(&suspend);
        tl_suspend_done(&suspend);
        tl_suspend_done(NULL);
}

enum { SLEPT_RIGHTLY, SLEPT_WRONGLY, NO_TIME_NAMESPACE };

/* A time namespace moves the boot clock of this process forward as a suspend does. */
static int sleep_in_time_namespace(const char *offset, bool is_suspend)
{
        struct tl_suspend suspend;
        int offsets, namespace;

        if (tl_suspend_init(&suspend) < 0)
                return SLEPT_WRONGLY;
        if (unshare(CLONE_NEWTIME) < 0)
                return NO_TIME_NAMESPACE;
        offsets = open("/proc/self/timens_offsets", O_WRONLY);
        namespace = open("/proc/self/ns/time_for_children", O_RDONLY);
        if (write(offsets, offset, strlen(offset)) < 0 || setns(namespace, CLONE_NEWTIME) < 0)
                return NO_TIME_NAMESPACE;
        if (tl_suspend_check(&suspend) != is_suspend || tl_suspend_check(&suspend))
                return SLEPT_WRONGLY;
        return SLEPT_RIGHTLY;
}

static void test_suspend_is_seen_once(void **state WG_UNUSED)
{
        static const struct {
                int number;
                const char *what;
                const char *offset; /* seconds and nanoseconds */
                bool is_suspend;
        } cases[] = {
                {1, "below the 50 ms that count", "boottime 0 40000000", false},
                {2, "above", "boottime 0 60000000", true},
                {3, "a second", "boottime 1 0", true},
                {4, "a day", "boottime 86400 0", true},
                {5, "both clocks move: no sleep", "boottime 100 0\nmonotonic 100 0", false},
        };

        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                int status;
                pid_t child = fork();

                if (child == 0)
                        _exit(sleep_in_time_namespace(cases[i].offset, cases[i].is_suspend));
                assert_int_equal(waitpid(child, &status, 0), child);
                assert_true(WIFEXITED(status));
                if (WEXITSTATUS(status) == NO_TIME_NAMESPACE) {
                        fprintf(stderr, "SKIPPED: needs root to make a time namespace\n");
                        skip();
                }
                if (WEXITSTATUS(status) != SLEPT_RIGHTLY)
                        fail_msg("case %d: %s", cases[i].number, cases[i].what);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_boot_clock_advances),
                cmocka_unit_test(test_real_clock_counts_from_1970),
                cmocka_unit_test(test_no_suspend_is_seen_without_one),
                cmocka_unit_test(test_suspend_is_seen_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
