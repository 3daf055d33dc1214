/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * file.h - reads and writes whole files, most of which hold keys.
 * Threads: one owner. */
#ifndef IO_FILE_H
#define IO_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct tl_file {
        char *text; /* not terminated */
        size_t len;
        bool is_exposed; /* users other than its owner may have access */
};

/* Reads the whole file. Returns 0; -EFBIG: more than 512 MiB; -ENOMEM; or another -errno. */
int tl_file_read(struct tl_file *file, const char *path) WG_MUST_USE;

/* Wipes and frees. Accepts NULL, and an object whose read failed. */
void tl_file_done(struct tl_file *file);

/* Replaces the contents of a file, which becomes accessible to its owner alone (0600). At any
 * moment, even after a crash of the machine, the file is either the old or the new one, whole. If
 * the path is a symbolic link, its target is replaced. A file that is a mount point, or in whose
 * directory no file can be created, is overwritten in place, which a crash may cut short. Returns
 * 0; -EOPNOTSUPP if it is not a regular file; or another -errno, with the file unchanged. */
int tl_file_replace(const char *path, const char *text, size_t len) WG_MUST_USE;

/* The same for a file without secrets, which other users may read (0644). */
int tl_file_replace_public(const char *path, const char *text, size_t len) WG_MUST_USE;

/* Creates a file that only its owner can access (0600). It appears under its name when it is whole.
 * Returns 0; -EEXIST if anything has that name, which stays unchanged; or another -errno. */
int tl_file_create(const char *path, const char *text, size_t len) WG_MUST_USE;

#endif
