/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * paths.h - where this machine keeps a network.
 *
 *      /etc/tieline/NAME.yaml, NAME.lock, NAME.key     or beside each other, anywhere
 *      /run/tieline/NAME/journal                       how to undo what the kernel cannot tag
 *      /run/tieline/NAME/pending/                      an `apply --confirm` that waits
 *      /var/lib/tieline/NAME/good/NAME.yaml, NAME.lock the last good file and its lock
 *
 * Threads: plain values. */
#ifndef NODE_PATHS_H
#define NODE_PATHS_H

#include <limits.h>
#include <net/if.h>
#include <stdbool.h>

#include "base/attr.h"

#define TL_PATHS_ETC "/etc/tieline"
#define TL_PATHS_RUN "/run/tieline"
#define TL_PATHS_STATE "/var/lib/tieline"

struct tl_paths {
        char name[IF_NAMESIZE]; /* of the network; "": only its file says it */
        char file[PATH_MAX];
        char lock[PATH_MAX];
        char key[PATH_MAX];
};

/* Finds the files of a network, which need not exist. `network` is its name, or the path of its
 * file: then it has a slash or ends in ".yaml", and lock and key are beside it. Returns false after
 * saying what is wrong with a name or path. */
bool tl_paths_find(struct tl_paths *paths, const char *network) WG_MUST_USE;

/* Finds the last good file and lock of a network, with the key of `paths`, which has a name.
 * Returns false if there is none. */
bool tl_paths_find_good(struct tl_paths *good, const struct tl_paths *paths) WG_MUST_USE;

#endif
