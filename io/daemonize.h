/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * daemonize.h - becomes a daemon whose start is over only when it is ready: the command the
 * administrator ran returns then, and its exit status says how it went.
 *
 *         if (tl_daemon_fork(&daemon) == 0) {
 *                 ... set up; errors go to standard error, then exit(1) ...
 *                 tl_daemon_ready(&daemon);
 *         }
 *
 * Threads: before any is made. Source: daemon(7), setsid(2). */
#ifndef IO_DAEMONIZE_H
#define IO_DAEMONIZE_H

#include "base/attr.h"

struct tl_daemon {
        int ready_fd; /* the child's end of the channel on which its parent waits */
        int null_fd;  /* /dev/null */
};

/* Goes on in a child with a session of its own, whose working directory is the root. Returns 0 in the child. The parent never returns: it
 * exits with 0 once the child is ready, with the child's status where that exits before, with 1
 * where it is killed. Returns -errno, in the one process there then is, when it cannot. */
int tl_daemon_fork(struct tl_daemon *daemon) WG_MUST_USE;

/* Leaves the terminal and lets the parent go: standard input, output and error become /dev/null.
 * Opens nothing. Returns 0, or -errno with the parent still waiting. */
int tl_daemon_ready(struct tl_daemon *daemon) WG_MUST_USE;

#endif
