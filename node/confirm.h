/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * confirm.h - changes that are undone unless somebody confirms them in time.
 *
 * `apply --confirm` leaves a record in /run/tieline/NAME/pending/ with the time at which it ends,
 * and a process that waits for it: `tieline confirm --wait NAME`, in a session of its own and
 * without secrets. If nobody confirms, that process returns to the last good file, or takes the
 * network down if there is none. If the process is killed, the next command does it.
 * Threads: the process has only one. */
#ifndef NODE_CONFIRM_H
#define NODE_CONFIRM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "node/machine.h"

struct tl_pending {
        bool exists;
        bool is_watched; /* a process waits for its end */
        uint32_t left_s; /* until it is undone; 0: it should have been */
};

/* Whether changes of a network wait to be confirmed. */
void tl_confirm_find(const char *name, struct tl_pending *pending);

/* Confirms: the changes stay, and their file becomes the last good one. Returns false after saying
 * why not: nothing is pending, or it is too late. */
bool tl_confirm(const char *name) WG_MUST_USE;

/* Returns at once to the last good file, or takes the network down if there is none. */
bool tl_confirm_revert(const char *name) WG_MUST_USE;

/* Every command calls it first: if changes should have been undone and no process does it, says so
 * and undoes them. Returns false if that fails. */
bool tl_confirm_settle(const char *name) WG_MUST_USE;

/* What `tieline confirm --wait NAME` does. */
bool tl_confirm_wait(const char *name) WG_MUST_USE;

#endif
