/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * confirm.h - changes that are undone unless somebody confirms them in time (node/pending.h).
 *
 * If nobody does, the machine returns to the last good file, or takes the network down if there is
 * none. If that fails, the process that waits tries again until it succeeds, or the record is gone.
 * If the process is killed, the next command does it.
 * Threads: the process has only one. */
#ifndef NODE_CONFIRM_H
#define NODE_CONFIRM_H

#include <stdbool.h>

#include "base/attr.h"
#include "node/pending.h"

/* Confirms: the changes stay, and their file becomes the last good one. Returns false after saying
 * why not: nothing is pending, or it is too late. */
bool tl_confirm(const char *name) WG_MUST_USE;

/* Returns at once to the last good file, or takes the network down if there is none. */
bool tl_confirm_revert(const char *name) WG_MUST_USE;

/* Call it before a command that changes the network: if changes wait to be confirmed and no process
 * watches them, says so, and undoes them if their time is over. Returns false if that fails. */
bool tl_confirm_settle(const char *name) WG_MUST_USE;

/* What `tieline confirm --wait NAME` does. */
bool tl_confirm_wait(const char *name) WG_MUST_USE;

#endif
