/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * Each case runs a command (a child of the test) that becomes a daemon (a child of the command);
 * the daemon reports to the test through a pipe. */
#define _GNU_SOURCE /* pipe2 */
#include "io/daemonize.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/lib/cmocka.h"

/* Runs act(report_fd) in a daemon. Returns the command's process and the pipe's other end. */
static pid_t start(void (*act)(struct tl_daemon *daemon, int report_fd), int *report)
{
        struct tl_daemon daemon;
        int ends[2];
        pid_t command;

        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        command = fork();
        if (command == 0) {
                if (tl_daemon_fork(&daemon) == 0)
                        act(&daemon, ends[1]);
                _exit(99);
        }
        close(ends[1]);
        *report = ends[0];
        return command;
}

static int status_of(pid_t command)
{
        int status;

        assert_int_equal(waitpid(command, &status, 0), command);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

static bool is_null(int fd)
{
        struct stat ours, null;

        return fstat(fd, &ours) == 0 && stat("/dev/null", &null) == 0 &&
               ours.st_rdev == null.st_rdev && ours.st_ino == null.st_ino;
}

/* Each step reports one byte: B before the daemon is ready, then the failure, or R. */
static void become_ready(struct tl_daemon *daemon, int report_fd)
{
        char directory[2], verdict = 'R';

        (void)!write(report_fd, "B", 1);
        usleep(100000);
        if (tl_daemon_ready(daemon) != 0)
                verdict = '1';
        else if (!is_null(STDIN_FILENO) || !is_null(STDOUT_FILENO) || !is_null(STDERR_FILENO))
                verdict = '2';
        else if (getsid(0) != getpid())
                verdict = '3';
        else if (!getcwd(directory, sizeof(directory)) || strcmp(directory, "/") != 0)
                verdict = '4';
        usleep(100000); /* the command has ended by now; the daemon outlives it */
        (void)!write(report_fd, &verdict, 1);
        _exit(0);
}

static void test_the_command_ends_when_the_daemon_is_ready(void **state WG_UNUSED)
{
        int report;
        char byte;
        pid_t command = start(become_ready, &report);

        assert_int_equal(read(report, &byte, 1), 1);
        assert_int_equal(byte, 'B');
        assert_int_equal(waitpid(command, NULL, WNOHANG), 0); /* it is still waiting */
        assert_int_equal(status_of(command), 0);
        assert_int_equal(read(report, &byte, 1), 1);
        assert_int_equal(byte, 'R');
        close(report);
}

static void exit_3(struct tl_daemon *daemon WG_UNUSED, int report_fd WG_UNUSED)
{
        _exit(3);
}

static void exit_0(struct tl_daemon *daemon WG_UNUSED, int report_fd WG_UNUSED)
{
        _exit(0);
}

static void die(struct tl_daemon *daemon WG_UNUSED, int report_fd WG_UNUSED)
{
        raise(SIGKILL);
}

static void test_the_command_fails_as_its_daemon_does(void **state WG_UNUSED)
{
        static const struct {
                int number;
                void (*act)(struct tl_daemon *daemon, int report_fd);
                int status;
        } cases[] = {
                {1, exit_3, 3},
                {2, exit_0, 0},
                {3, die, 1},
        };

        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                int report, status;

                status = status_of(start(cases[i].act, &report));
                if (status != cases[i].status)
                        fail_msg("case %d: %d", cases[i].number, status);
                close(report);
        }
}

static void outlive_parent(struct tl_daemon *daemon, int report_fd)
{
        pid_t parent = getppid();
        char verdict = 'R';

        kill(parent, SIGKILL);
        while (getppid() == parent)
                usleep(1000);
        signal(SIGPIPE, SIG_DFL);
        if (tl_daemon_ready(daemon) != 0)
                verdict = '1';
        (void)!write(report_fd, &verdict, 1);
        _exit(0);
}

static void test_a_killed_command_does_not_stop_the_daemon(void **state WG_UNUSED)
{
        int report, status;
        char byte;
        pid_t command = start(outlive_parent, &report);

        assert_int_equal(waitpid(command, &status, 0), command);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(read(report, &byte, 1), 1);
        assert_int_equal(byte, 'R');
        close(report);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_command_ends_when_the_daemon_is_ready),
                cmocka_unit_test(test_the_command_fails_as_its_daemon_does),
                cmocka_unit_test(test_a_killed_command_does_not_stop_the_daemon),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
