/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * hold.h - holds the journal of a network, which is also the lock of everything that changes it,
 * and makes sure that the network's link is ours to change.
 * Threads: the process has only one. */
#ifndef NODE_HOLD_H
#define NODE_HOLD_H

#include <stdbool.h>

#include "base/attr.h"
#include "host/journal.h"

/* Opens the journal, waiting for another process that has it. Settings that a journal of an earlier
 * boot records are forgotten. Returns false after saying what went wrong, such as that the network
 * runs in another network namespace. */
bool tl_hold_open(struct tl_journal *journal, const char *name) WG_MUST_USE;

/* Waits until the link of that name is served by tielined, or gone: a daemon that was killed leaves
 * it behind for a moment. Returns false after saying that it belongs to another program. */
bool tl_hold_settle(const char *name) WG_MUST_USE;

#endif
