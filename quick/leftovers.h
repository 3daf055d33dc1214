/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * leftovers.h - finds the leftovers of vanished interfaces on this machine, without a journal: a
 * crash may also lose /run, as when a container restarts in its network namespace.
 *
 * A rule of ours whose table is empty routes nothing. It is in use only while an interface still
 * has its mark. The name of an nft(8) table contains the name of its interface.
 * Threads: the process has only one. */
#ifndef QUICK_LEFTOVERS_H
#define QUICK_LEFTOVERS_H

#include <stdbool.h>

#include "base/attr.h"

/* Deletes the leftovers of interfaces that are gone from this network namespace. `ifname` counts as
 * gone. Returns whether there were any. */
bool tl_leftovers_delete(const char *ifname);

/* Deletes the name servers of an interface from resolvconf(8), unless the interface exists. Nothing
 * else deletes them. Returns whether there were any. */
bool tl_leftovers_delete_record(const char *ifname);

#endif
