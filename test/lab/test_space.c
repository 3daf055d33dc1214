/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_space.c - lab/space.h: a machine has its own everything, loses power, and ends with its
 * guard. Needs root. */
#include "lab/space.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/lib/cmocka.h"

static int no_files(void *ctx)
{
        (void)ctx;
        return 0;
}

static int fail_files(void *ctx)
{
        (void)ctx;
        return -ENOSPC;
}

/* Ends the test program's case as skipped where namespaces are forbidden. */
static struct tl_holder open_guard(void)
{
        struct tl_holder guard = TL_HOLDER_NONE;
        int error = geteuid() == 0 ? tl_space_open(&guard) : -EPERM;

        if (error == -EPERM || error == -ENOSYS) /* the latter in an emulator */
                skip();
        assert_int_equal(error, 0);
        return guard;
}

static int status_of(pid_t pid)
{
        int status;

        assert_int_equal(waitpid(pid, &status, 0), pid);
        return status;
}

static void test_machine(void **state)
{
        struct tl_holder guard = open_guard(), machine = TL_HOLDER_NONE;
        struct stat before = {.st_dev = 0}, after = {.st_dev = 0};
        char name[64] = "";
        pid_t pid;

        (void)state;
        assert_int_equal(tl_space_add(&guard, "p/d", no_files, NULL, &machine), 0);
        assert_int_equal(stat("/run", &before), 0);
        pid = tl_space_fork(&machine, TL_SPACE_ALL);
        if (pid == 0)
                _exit(gethostname(name, sizeof(name)) == 0 && strcmp(name, "p-d") == 0 &&
                                      stat("/run", &after) == 0 && after.st_dev != before.st_dev &&
                                      access("/etc/tieline", W_OK) == 0 &&
                                      access("/etc/wireguard", F_OK) < 0 &&
                                      access("/etc/passwd", R_OK) == 0 && getpid() < 100 &&
                                      mkdir("/var/lib/tieline/x", 0700) == 0
                              ? 7
                              : 1);
        assert_true(pid > 0);
        assert_int_equal(status_of(pid), 7 << 8);
        assert_int_equal(access("/var/lib/tieline/x", F_OK), -1);
        tl_space_close(&guard);
        tl_space_forget(&machine);
}

static void test_power(void **state)
{
        struct tl_holder guard = open_guard(), machine = TL_HOLDER_NONE;
        struct pollfd holder;
        pid_t pid;

        (void)state;
        assert_int_equal(tl_space_add(&guard, "m", no_files, NULL, &machine), 0);
        pid = tl_space_fork(&machine, TL_SPACE_ALL);
        if (pid == 0)
                for (;;)
                        pause();
        assert_true(pid > 0);
        assert_int_equal(tl_space_kill_all(&machine), 0);
        assert_int_equal(status_of(pid), SIGKILL);
        holder = (struct pollfd){.fd = machine.pidfd, .events = POLLIN};
        assert_int_equal(poll(&holder, 1, 0), 0); /* it still runs */
        tl_space_close(&guard);
        assert_int_equal(poll(&holder, 1, 10000), 1);
        tl_space_forget(&machine);
}

static void test_failure(void **state)
{
        struct tl_holder guard = open_guard(), machine = TL_HOLDER_NONE;

        (void)state;
        assert_int_equal(tl_space_add(&guard, "m", fail_files, NULL, &machine), -ENOSPC);
        assert_int_equal(machine.pid, 0);
        tl_space_close(&guard);
        assert_int_equal(guard.pid, 0);
        tl_space_close(&guard); /* does nothing */
        tl_space_forget(&machine);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_machine),
                cmocka_unit_test(test_power),
                cmocka_unit_test(test_failure),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
