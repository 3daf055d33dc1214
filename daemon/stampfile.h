/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * stampfile.h - keeps the latest time that initiations of an interface may carry, in a file that
 * outlives the daemon. DIRECTORY/NAME.stamp holds ns since 1970 in decimal, and a newline.
 *
 * Peers refuse any timestamp that is not later than the last, so the next daemon must know it in
 * case the clock was set back. The directory does not survive a reboot. It keeps only the files of
 * the latest interfaces, so that interfaces that come and go cannot fill it.
 *
 * Threads: one owner of a name at a time. */
#ifndef DAEMON_STAMPFILE_H
#define DAEMON_STAMPFILE_H

#include <stdint.h>

#include "base/attr.h"

/* The most files in a directory. One more replaces the oldest. */
enum { TL_STAMPFILE_MAX = 256 };

/* Reads the time. Returns 0; -ENOENT: there is no file; -EPERM: others may write to it, or
 * it is not a regular file of ours; -EBADMSG: it holds something else; or another -errno. */
int tl_stampfile_read(const char *directory, const char *name, uint64_t *real_ns) WG_MUST_USE;

/* Deletes the oldest file if there are TL_STAMPFILE_MAX. Call it before making a new one. */
void tl_stampfile_make_room(const char *directory);

/* Writes the file, with mode 0600, and replaces the old one atomically. Returns 0 or -errno. */
int tl_stampfile_write(const char *directory, const char *name, uint64_t real_ns) WG_MUST_USE;

#endif
