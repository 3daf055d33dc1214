/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * stampfile.h - the time up to which initiations of an interface may bear timestamps, in a file
 * that outlives its daemon, DIRECTORY/NAME.stamp: ns since 1970 in decimal, and a newline.
 *
 * Peers refuse any timestamp that is not later than the last, so the next daemon must know it in
 * case the clock was set back. The directory does not survive a reboot. It keeps only the files of
 * the latest interfaces, lest interfaces that come and go fill it.
 *
 * Threads: one owner of a name at a time. */
#ifndef DAEMON_STAMPFILE_H
#define DAEMON_STAMPFILE_H

#include <stdint.h>

#include "base/attr.h"

/* The most files in a directory; one more takes the place of the oldest. */
enum { TL_STAMPFILE_MAX = 256 };

/* Reads the time. Returns 0; -ENOENT: there is no file; -EPERM: others may write it, or it is no
 * regular file of ours; -EBADMSG: it holds something else; or another -errno. */
int tl_stampfile_read(const char *directory, const char *name, uint64_t *real_ns) WG_MUST_USE;

/* Call this before a new file is made: deletes the oldest if there are as many as allowed. */
void tl_stampfile_make_room(const char *directory);

/* Writes the file, readable by its owner alone (0600), and replaces the old one atomically. Returns
 * 0 or -errno. */
int tl_stampfile_write(const char *directory, const char *name, uint64_t real_ns) WG_MUST_USE;

#endif
