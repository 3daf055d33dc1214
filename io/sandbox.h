/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * sandbox.h - gives up all privileges, before a process reads packets from strangers.
 *
 * There are two steps. Dropping changes the user and removes all capabilities for good. Confining
 * limits every thread to the system calls on a list; others fail with EPERM. It comes after all
 * files and sockets are open.
 * Threads: drop before any other thread starts; confine from one thread, for all, after all have
 * started.
 * Source: capabilities(7), credentials(7), prctl(2), seccomp(2), libseccomp. */
#ifndef IO_SANDBOX_H
#define IO_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/enum.h"

#define TL_SANDBOXES(X) \
        X(TL_SANDBOX_USER, 1, user, "the process does not run as root") \
        X(TL_SANDBOX_CAPABILITIES, 2, capabilities, "it has no capabilities") \
        X(TL_SANDBOX_BOUND, 4, bound, "it cannot gain any by an exec") \
        X(TL_SANDBOX_NO_NEW_PRIVILEGES, 8, no_new_privileges, "no exec gives it any privilege") \
        X(TL_SANDBOX_SYSCALLS, 16, syscalls, "system calls that it does not need are refused")
WG_FLAGS_DECLARE(tl_sandbox, TL_SANDBOXES)

/* Sets of system calls. */
#define TL_CONFINEMENTS(X) \
        X(TL_CONFINE_PACKETS, 0, packets, \
          "works with open descriptors: no path, no new socket, no process, no code") \
        X(TL_CONFINE_HELPER, 1, helper, \
          "opens sockets and follows links for another process: no process, no code")
WG_ENUM_DECLARE(tl_confinement, TL_CONFINEMENTS)

struct tl_user {
        uid_t uid;
        gid_t gid;
};

/* The user of that name, or the user nobody if it does not exist. */
struct tl_user tl_sandbox_find_user(const char *name);

/* Changes to that user, if the process is root and may, and drops all capabilities except those in
 * `keep`, a set of bits 1 << CAP_*. These stay permitted and effective only if the user does not
 * change. A NULL user means no change. Returns the resulting state, a set of enum tl_sandbox. */
uint32_t tl_sandbox_drop(const struct tl_user *user, uint64_t keep);

/* Confines all threads. Requires no_new_privs. Returns 0; -EOPNOTSUPP: not supported by this build;
 * or another -errno. */
int tl_sandbox_confine(enum tl_confinement confinement) WG_MUST_USE;

#endif
