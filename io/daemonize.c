/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/daemonize.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Waits for the byte that reports readiness, or for the end of the child. */
static WG_NORETURN void wait_and_exit(pid_t child, int fd)
{
        char byte;
        ssize_t got;
        int status;

        do
                got = read(fd, &byte, 1);
        while (got < 0 && errno == EINTR);
        /* _exit: the handlers registered with atexit() now belong to the child. */
        if (got == 1)
                _exit(EXIT_SUCCESS);
        while (waitpid(child, &status, 0) < 0)
                if (errno != EINTR)
                        _exit(EXIT_FAILURE);
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE);
}

/* Not a pipe: if the parent was killed, the child's byte must not raise SIGPIPE. */
static int open_all(int ends[2], int *null)
{
        *null = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (*null < 0)
                return -errno;
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0)
                return 0;
        close(*null);
        return -errno;
}

int tl_daemon_fork(struct tl_daemon *daemon)
{
        int ends[2], null, result = open_all(ends, &null);
        pid_t child;

        if (result < 0)
                return result;
        child = fork();
        if (child < 0) {
                result = -errno;
                close(ends[0]);
                close(ends[1]);
                close(null);
                return result;
        }
        if (child > 0) {
                close(ends[1]);
                wait_and_exit(child, ends[0]);
        }
        close(ends[0]);
        setsid(); /* cannot fail: a new child leads no group */
        (void)!chdir("/");
        *daemon = (struct tl_daemon){.ready_fd = ends[1], .null_fd = null};
        return 0;
}

int tl_daemon_ready(struct tl_daemon *daemon)
{
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
                if (daemon->null_fd != fd && dup2(daemon->null_fd, fd) < 0)
                        return -errno;
        if (daemon->null_fd > STDERR_FILENO)
                close(daemon->null_fd);
        while (send(daemon->ready_fd, "", 1, MSG_NOSIGNAL) < 0 && errno == EINTR)
                continue;
        close(daemon->ready_fd);
        return 0;
}
