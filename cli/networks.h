/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * networks.h - the networks that this machine has a file of.
 * Threads: the process has only one. */
#ifndef CLI_NETWORKS_H
#define CLI_NETWORKS_H

#include "base/attr.h"
#include "node/paths.h"

/* Finds the files of the network that the NETWORK argument names (node/paths.h); with NULL, of the
 * only network in TL_PATHS_ETC. The files need not exist. Returns 0, or an exit status after
 * saying what is wrong. */
int tl_networks_find(struct tl_paths *paths, const char *network) WG_MUST_USE;

/* Finds the name of the network that the NETWORK argument names. It is read from the file if the
 * argument is a path; other mistakes in that file do not matter. Returns the same. */
int tl_networks_name(char name[IF_NAMESIZE], const char *network) WG_MUST_USE;

/* Calls `each` with the name of each network that has a file in TL_PATHS_ETC, in no particular
 * order. Returns how many there are. */
int tl_networks_each(void (*each)(void *ctx, const char *name), void *ctx);

#endif
