/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * down.h - makes this machine what it was before it became a node.
 * Threads: the process has only one. Runs of several processes wait for each other. */
#ifndef NODE_DOWN_H
#define NODE_DOWN_H

#include <stdbool.h>

#include "base/attr.h"
#include "host/journal.h"

/* Removes the link (and ends its daemon), routes, nft table and settings of a network. Needs
 * neither its file nor, except for settings, the journal: everything else is found in the kernel.
 * Settings that another program needs by now stay, and it says so. Returns false after saying what
 * cannot be removed; *was_up tells whether there was anything to remove. */
bool tl_down(const char *name, bool *was_up) WG_MUST_USE;

/* The same for a caller that holds the journal. */
bool tl_down_held(struct tl_journal *journal, bool *was_up) WG_MUST_USE;

#endif
