/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * sandbox.h - gives up what a process that reads packets from strangers has no need of.
 *
 * Two steps. Dropping comes before other threads are made: another user, no capability, none to be had
 * again. Confining comes after they are made, and after all files and sockets are open: from then on
 * every thread may only do what the list of the confinement names, and is told EPERM for the rest.
 * Threads: dropping before any is made; confining by one, for all.
 * Source: capabilities(7), credentials(7), prctl(2), seccomp(2), libseccomp. */
#ifndef IO_SANDBOX_H
#define IO_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/enum.h"

#define TL_SANDBOXES(X) \
        X(TL_SANDBOX_USER, 1, user, "the process is not root's") \
        X(TL_SANDBOX_CAPABILITIES, 2, capabilities, "it has no capability") \
        X(TL_SANDBOX_BOUND, 4, bound, "it can get none by an exec") \
        X(TL_SANDBOX_NO_NEW_PRIVILEGES, 8, no_new_privileges, "no exec gives it any privilege") \
        X(TL_SANDBOX_SYSCALLS, 16, syscalls, "system calls it has no use for are refused")
WG_FLAGS_DECLARE(tl_sandbox, TL_SANDBOXES)

/* Sets of system calls. */
#define TL_CONFINEMENTS(X) \
        X(TL_CONFINE_PACKETS, 0, packets, \
          "works with descriptors that are open: no path, no new socket, no process, no code") \
        X(TL_CONFINE_HELPER, 1, helper, \
          "makes sockets and follows links for another process: no process, no code")
WG_ENUM_DECLARE(tl_confinement, TL_CONFINEMENTS)

struct tl_user {
        uid_t uid;
        gid_t gid;
};

/* Whom to become: the user of that name, or nobody where there is none. */
struct tl_user tl_sandbox_find_user(const char *name);

/* Becomes that user, if it is root's process and may, and gives up every capability but those of
 * `keep`, a set of bits 1 << CAP_*, which stay permitted and effective only while the user stays.
 * With user == NULL the user stays. Returns a set of enum tl_sandbox: what is so now. */
uint32_t tl_sandbox_drop(const struct tl_user *user, uint64_t keep);

/* Confines all threads. Needs that no new privileges can be had. Returns 0; -EOPNOTSUPP: this build
 * cannot; or another -errno. */
int tl_sandbox_confine(enum tl_confinement confinement) WG_MUST_USE;

#endif
