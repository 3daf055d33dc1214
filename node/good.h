/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * good.h - the last good file of a network and its lock, in /var/lib/tieline/NAME/good/.
 *
 * `good` is a symbolic link to one of two directories, so that file and lock are replaced together:
 * at any moment, even after a crash of the machine, they are both the old or both the new ones.
 * Threads: the process has only one; the caller holds the journal. */
#ifndef NODE_GOOD_H
#define NODE_GOOD_H

#include <stdbool.h>

#include "base/attr.h"
#include "io/file.h"
#include "node/paths.h"

/* Stores a file and its lock beside the last good ones, which stay. Returns false after saying what
 * went wrong, such as a full disk. */
bool tl_good_store(const char *name, const struct tl_file *file,
                   const struct tl_file *lock) WG_MUST_USE;

/* Makes those that were stored last the last good ones. Returns false after saying what went
 * wrong. */
bool tl_good_adopt(const char *name) WG_MUST_USE;

/* Finds the last good file and lock, beside the same key. Returns false if there are none. */
bool tl_good_find(struct tl_paths *good, const struct tl_paths *paths) WG_MUST_USE;

#endif
