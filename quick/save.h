/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * save.h - writes the current configuration of an interface to its file.
 * Threads: the process has only one. */
#ifndef QUICK_SAVE_H
#define QUICK_SAVE_H

#include "base/attr.h"
#include "conf/change.h"
#include "conf/wgquick.h"

/* Writes the interface's current keys, peers, addresses and, if the file had one, MTU to the file.
 * Name servers, table and hooks cannot be read from the system and are taken from `quick`. A peer
 * whose endpoint is not known yet keeps the one that it has in `file`. Comments are lost. Returns
 * 0, or -errno with the file as it was. */
int tl_save(const char *path, const char *ifname, const struct tl_wgquick *quick,
            const struct tl_change *file) WG_MUST_USE;

#endif
