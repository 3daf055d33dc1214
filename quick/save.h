/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * save.h - an interface as it is now, as a configuration file.
 * Threads: the only one of the process. */
#ifndef QUICK_SAVE_H
#define QUICK_SAVE_H

#include "base/attr.h"
#include "conf/wgquick.h"

/* Writes the interface's keys, peers, addresses and, where the file set one, MTU into the file; what
 * cannot be asked of the system is taken from quick: name servers, table, hooks. Comments are lost.
 * Returns 0, or -errno with the file as it was. */
int tl_save(const char *path, const char *ifname, const struct tl_wgquick *quick) WG_MUST_USE;

#endif
