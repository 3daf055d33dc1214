/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * notify.h - tells a service manager how a service is doing.
 *
 * The manager names a datagram socket in NOTIFY_SOCKET and takes messages from the process that it
 * started. Opened early, so that a process may tell when it can open nothing any more.
 *
 * Threads: one owner; opening changes the environment, so before any other is made.
 * Source: sd_notify(3), "NOTES": the protocol. */
#ifndef IO_NOTIFY_H
#define IO_NOTIFY_H

#include "base/attr.h"

struct tl_notify {
        int fd; /* connected to the manager; -1: there is none to tell */
};

/* Connects to the manager, where there is one, and takes NOTIFY_SOCKET out of the environment, so that
 * no child believes itself meant. Returns 0, also without a manager; or -errno, -EINVAL where the
 * variable names neither a path nor an abstract socket. */
int tl_notify_init(struct tl_notify *notify) WG_MUST_USE;

/* Sends one message, such as "READY=1". Never waits: a manager that does not listen misses it. Returns
 * 0, also without a manager; or -errno. */
int tl_notify_tell(const struct tl_notify *notify, const char *message);

/* Closes. Takes NULL. */
void tl_notify_done(struct tl_notify *notify);

#endif
