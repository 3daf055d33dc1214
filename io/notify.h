/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * notify.h - reports the state of a service to the service manager.
 *
 * The manager names a datagram socket in NOTIFY_SOCKET and accepts messages from the process that
 * it started. Open it early: later the process may not be allowed to open anything.
 *
 * Threads: one owner. Opening changes the environment, so it comes before any other thread starts.
 * Source: sd_notify(3), "NOTES": the protocol. */
#ifndef IO_NOTIFY_H
#define IO_NOTIFY_H

#include "base/attr.h"

struct tl_notify {
        int fd; /* connected to the manager; -1: there is no manager */
};

/* Connects to the manager, if there is one, and removes NOTIFY_SOCKET from the environment, so that
 * no child uses it. Returns 0, also without a manager; -EINVAL if the variable names neither a path
 * nor an abstract socket; or another -errno. */
int tl_notify_init(struct tl_notify *notify) WG_MUST_USE;

/* Sends a message such as "READY=1". Never waits: if the manager does not read, it misses the
 * message. Returns 0, also without a manager; or -errno. */
int tl_notify_tell(const struct tl_notify *notify, const char *message);

/* Closes the socket. Accepts NULL. */
void tl_notify_done(struct tl_notify *notify);

#endif
