/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * space.h - the machines of a lab as namespaces of the kernel.
 *
 * A lab is one pid namespace. Its init, the guard, dies with the process that made the lab, and
 * then the kernel kills everything in it. Each machine is a pid namespace inside, with its own
 * network, mounts and host name. No namespace has a name in the file system, so nothing is left
 * behind however a lab ends: its last process takes everything with it.
 *
 * A machine sees the files of the host, except for its own /run, /proc, /sys, /etc/tieline,
 * /etc/wireguard, /etc/hosts, /etc/resolv.conf and /var/lib/tieline. What it writes in /etc and
 * /var/lib stays in memory, but not what it writes in their other directories.
 *
 * Threads: the process has only one. Source: namespaces(7), pid_namespaces(7), mount_namespaces(7),
 * pidfd_open(2). */
#ifndef LAB_SPACE_H
#define LAB_SPACE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/attr.h"

/* A process that holds namespaces. */
struct tl_holder {
        pid_t pid; /* as this process sees it; 0: none */
        int pidfd; /* -1: none */
};

/* A holder that has not been started. */
#define TL_HOLDER_NONE ((struct tl_holder){.pid = 0, .pidfd = -1})

/* Starts the guard, whose network namespace is the switch: it has the bridges of all LANs. It dies
 * when this process ends, in whatever way. Returns 0 or -errno. */
int tl_space_open(struct tl_holder *guard) WG_MUST_USE;

/* Starts a machine and waits until its files are in place. `files` makes more files in it, in the
 * machine's own namespaces, and returns 0 or -errno. Returns 0 or -errno. */
int tl_space_add(const struct tl_holder *guard, const char *name, int (*files)(void *ctx),
                 void *ctx, struct tl_holder *machine) WG_MUST_USE;

/* Kills all processes of a lab and waits for their end. Accepts a guard that was not started. */
void tl_space_close(struct tl_holder *guard);

/* Closes a machine that ended with its guard. Accepts one that was not started. */
void tl_space_forget(struct tl_holder *machine);

/* Namespaces to enter. */
enum tl_space_part {
        TL_SPACE_NETWORK, /* only the network: the process keeps our files and process numbers */
        TL_SPACE_ALL,
};

/* Forks a child into the namespaces of a holder; it is killed when its parent dies. Returns 0 in
 * the child, its process number in the parent, or -errno. With TL_SPACE_ALL, the child's current
 * directory is /. */
pid_t tl_space_fork(const struct tl_holder *holder, enum tl_space_part part) WG_MUST_USE;

/* Kills all processes of a machine but its holder, as if its power had failed. Returns 0 or
 * -errno. */
int tl_space_kill_all(const struct tl_holder *machine) WG_MUST_USE;

#endif
