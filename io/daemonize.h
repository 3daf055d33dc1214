/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * daemonize.h - becomes a daemon that reports when it is ready: the command that the administrator
 * ran returns only then, with an exit status that tells whether startup succeeded.
 *
 *         if (tl_daemon_fork(&daemon) == 0) {
 *                 ... set up; errors go to standard error, then exit(1) ...
 *                 tl_daemon_ready(&daemon);
 *         }
 *
 * Threads: call it before any thread starts. Source: daemon(7), setsid(2). */
#ifndef IO_DAEMONIZE_H
#define IO_DAEMONIZE_H

#include "base/attr.h"

struct tl_daemon {
        int ready_fd; /* the connection on which the parent waits */
        int null_fd;  /* /dev/null */
};

/* Continues in a child, in a new session and with / as its working directory. Returns 0 in the
 * child. The parent never returns: it exits with 0 once the child is ready, with the child's status
 * if the child exits earlier, or with 1 if the child is killed. On failure there is no child, and
 * it returns -errno. */
int tl_daemon_fork(struct tl_daemon *daemon) WG_MUST_USE;

/* Leaves the terminal and releases the parent: standard input, output and error become /dev/null.
 * Opens nothing. Returns 0; or -errno, and the parent still waits. */
int tl_daemon_ready(struct tl_daemon *daemon) WG_MUST_USE;

#endif
