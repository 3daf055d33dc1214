/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * leftovers.h - finds what vanished interfaces left in the kernel, without notes: after a crash
 * that also lost /run, as when a container restarts in its network namespace.
 *
 * A rule of ours whose table is empty routes nothing. It is in use only while an interface still
 * has its mark. A table of nft(8) carries the name of its interface.
 * Threads: the only one of the process. */
#ifndef QUICK_LEFTOVERS_H
#define QUICK_LEFTOVERS_H

#include <stdbool.h>

#include "base/attr.h"

/* Deletes leftovers in our network namespace, whose lock must be held. `ifname` is an interface
 * that is gone, or about to be made. Returns whether there were any. */
bool tl_leftovers_delete(const char *ifname);

#endif
