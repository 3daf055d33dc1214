/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * leftovers.h - what interfaces that are gone left in the kernel, found without notes: after a crash with
 * which /run was lost too, as when a container starts anew in its network namespace.
 *
 * Rules of ours whose table is empty route nothing. They are somebody's only while an interface still
 * bears their mark. A table of nft(8) bears the name of its interface.
 * Threads: the only one of the process. */
#ifndef QUICK_LEFTOVERS_H
#define QUICK_LEFTOVERS_H

#include <stdbool.h>

#include "base/attr.h"

/* Deletes them, in our network namespace. Its lock must be held. `ifname` is an interface that is gone,
 * or about to be made. Returns whether there were any. */
bool tl_leftovers_delete(const char *ifname);

#endif
