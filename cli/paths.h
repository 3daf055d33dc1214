/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * paths.h - from the NETWORK argument to the files of a network.
 * Threads: the process has only one. */
#ifndef CLI_PATHS_H
#define CLI_PATHS_H

#include <limits.h>
#include <stdbool.h>

#include "base/attr.h"

#define TL_PATHS_DIRECTORY "/etc/tieline"

struct tl_paths {
        char file[PATH_MAX]; /* NAME.yaml */
        char lock[PATH_MAX]; /* NAME.lock, beside it */
        char key[PATH_MAX];  /* NAME.key, beside it */
        char name[NAME_MAX + 1];
        bool is_installed; /* given by name: then it must also be the name in the file */
};

/* Finds the files: of a name in TL_PATHS_DIRECTORY; of a path, which has a slash or ends in .yaml;
 * or, with NULL, of the only network in TL_PATHS_DIRECTORY. The files need not exist, but the
 * directory of a path must. Returns 0, or an exit status after saying what is wrong. */
int tl_paths_find(struct tl_paths *paths, const char *network) WG_MUST_USE;

/* Calls `each` with the name of each network that has a file in TL_PATHS_DIRECTORY, in no
 * particular order. Returns how many there are. */
int tl_paths_each(void (*each)(void *ctx, const char *name), void *ctx);

#endif
