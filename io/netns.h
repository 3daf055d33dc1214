/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * netns.h - a visit of the calling thread to another network namespace, and one lock for each
 * namespace. A socket made in a namespace belongs to it for ever, wherever it is used.
 * Threads: the namespace is the calling thread's own; needs CAP_SYS_ADMIN. Source: setns(2). */
#ifndef IO_NETNS_H
#define IO_NETNS_H

#include "base/attr.h"

/* Enters the namespace that a descriptor stands for. Returns a descriptor of the one it was in, for
 * tl_netns_leave(); -EPERM; or another -errno. */
int tl_netns_enter(int netns) WG_MUST_USE;

/* Takes the lock of our network namespace, waiting up to `timeout_ms` for another process to
 * release it. Returns a descriptor, which releases the lock when it is closed; -ETIMEDOUT; or
 * another -errno. Any user can hold the lock, so security must not depend on it. */
int tl_netns_lock(unsigned int timeout_ms) WG_MUST_USE;

/* Goes back, and closes `home`. A process that cannot is where it must not stay: it ends. */
void tl_netns_leave(int home);

#endif
