/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * netns.h - lets the calling thread enter another network namespace, and provides one lock per
 * namespace. A socket always belongs to the namespace in which it was opened, wherever it is used.
 * Threads: each thread has its own namespace; requires CAP_SYS_ADMIN. Source: setns(2). */
#ifndef IO_NETNS_H
#define IO_NETNS_H

#include "base/attr.h"

/* Enters the namespace of a descriptor. Returns a descriptor of the previous one, for
 * tl_netns_leave(); -EPERM; or another -errno. */
int tl_netns_enter(int netns) WG_MUST_USE;

/* Enters a new namespace, which ends when nothing uses it any more. Returns the same. */
int tl_netns_enter_new(void) WG_MUST_USE;

/* Takes the lock of our network namespace, waiting up to `timeout_ms` for another process to
 * release it. Returns a descriptor, which releases the lock when it is closed; -ETIMEDOUT; or
 * another -errno. Any user can hold the lock, so security must not depend on it. */
int tl_netns_lock(unsigned int timeout_ms) WG_MUST_USE;

/* Returns to `home` and closes it. If that fails, ends the process, which must not continue in the
 * wrong namespace. */
void tl_netns_leave(int home);

#endif
