/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * state.h - which labs run on this machine, and the processes that hold their machines.
 *
 * A lab has a file, /run/tieline/lab/NAME, that its process keeps locked. If the process is gone,
 * so is the lock, and the kernel has removed the lab: the file is then worth nothing.
 * Lines: "tieline-lab 1", "file PATH", and "machine PID NAME" for each machine.
 *
 * Threads: the process has only one. Source: fcntl(2), advisory record locking: children do not
 * inherit such a lock. */
#ifndef LAB_STATE_H
#define LAB_STATE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/attr.h"
#include "lab/machines.h"
#include "lab/space.h"

#define TL_LAB_DIRECTORY "/run/tieline/lab"

struct tl_lab_state {
        int fd; /* -1: not open */
        char path[PATH_MAX];
};

/* Takes the name of a lab. Returns 0; -EBUSY with *owner: the process of another lab of that name;
 * or another -errno. */
int tl_lab_state_take(struct tl_lab_state *state, const char *name, pid_t *owner) WG_MUST_USE;

/* Records the machines, so that others find them. Returns 0 or -errno. */
int tl_lab_state_write(struct tl_lab_state *state, const char *file,
                       const struct tl_machines *machines) WG_MUST_USE;

/* Removes the file and gives the name back. Accepts a state that was not taken, with fd -1. */
void tl_lab_state_drop(struct tl_lab_state *state);

/* ---- labs of other processes ---- */

struct tl_lab_seen {
        char name[NAME_MAX + 1];
        pid_t owner;
        char *text; /* of the state file, terminated */
};

/* Calls see() for each lab that runs. Returns how many. */
int tl_lab_state_each(void (*see)(void *ctx, const struct tl_lab_seen *lab), void *ctx);

/* Opens a lab by its name, or the only one that runs (name NULL). Returns false after saying why
 * there is none. The caller frees lab->text. */
bool tl_lab_state_find(struct tl_lab_seen *lab, const char *name) WG_MUST_USE;

/* The value of a line of a state, such as "file", terminated in `out`. Returns false if there is
 * none. */
bool tl_lab_state_get(const struct tl_lab_seen *lab, const char *key, char *out,
                      size_t size) WG_MUST_USE;

/* Calls see() with the name of each machine and the process that holds it. */
void tl_lab_state_each_machine(const struct tl_lab_seen *lab,
                               void (*see)(void *ctx, const char *name, pid_t pid), void *ctx);

/* Opens the holder of a machine: by its name, or that of a person with one device. Returns 0;
 * -ENOENT: there is no such machine; -ESRCH: the lab has just ended; or another -errno. */
int tl_lab_state_open(const struct tl_lab_seen *lab, const char *machine,
                      struct tl_holder *holder) WG_MUST_USE;

/* Ends a lab, and waits until it is gone. Returns 0, -ETIMEDOUT or another -errno. */
int tl_lab_state_end(const struct tl_lab_seen *lab, unsigned int timeout_ms) WG_MUST_USE;

#endif
