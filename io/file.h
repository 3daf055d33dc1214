/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * file.h - a file that holds keys, read whole and written whole.
 * Threads: one owner. */
#ifndef IO_FILE_H
#define IO_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct tl_file {
        char *text; /* not terminated */
        size_t len;
        bool is_exposed; /* users other than its owner may get at the file */
};

/* Reads all of it. Returns 0; -EFBIG where it is above 512 MiB; -ENOMEM; or another -errno. */
int tl_file_read(struct tl_file *file, const char *path) WG_MUST_USE;

/* Wipes and frees. Takes NULL, and one whose read failed. */
void tl_file_done(struct tl_file *file);

/* Replaces the file by these bytes, for its owner alone (0600); at any moment either all of the old
 * or all of the new is there, also after a crash of the machine. If the path is a symbolic link,
 * its target is replaced. A file that is a mount point, or whose directory takes no new file, is
 * overwritten in place, which a crash may cut short. Returns 0; -EOPNOTSUPP if it is no regular
 * file; or another -errno, with the file as it was. */
int tl_file_replace(const char *path, const char *text, size_t len) WG_MUST_USE;

#endif
