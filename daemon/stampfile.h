/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * stampfile.h - the latest time that an interface put into an initiation, in a file that outlives its
 * daemon, DIRECTORY/NAME.stamp: a number of ns since 1970, and a newline.
 *
 * Peers refuse whatever is not later, so a daemon that is started anew after the clock was set back must
 * know it. The directory is one that goes with the boot; interfaces that come and go must not fill it, so
 * it holds the files of the latest ones only.
 *
 * Threads: one owner of a name at a time. */
#ifndef DAEMON_STAMPFILE_H
#define DAEMON_STAMPFILE_H

#include <stdint.h>

#include "base/attr.h"

/* How many files there may be in a directory; one more takes the place of the oldest. */
enum { TL_STAMPFILE_MAX = 256 };

/* Reads it. Returns 0; -ENOENT: there is none; -EPERM: it is not ours alone to write; -EBADMSG: it holds
 * something else; or another -errno. */
int tl_stampfile_read(const char *directory, const char *name, uint64_t *real_ns) WG_MUST_USE;

/* To be called before one more is made: where there are as many as there may be, the oldest goes. */
void tl_stampfile_make_room(const char *directory);

/* Writes it, for its owner alone (0600). At any moment either all of the old file or all of the new one is
 * there. Returns 0 or -errno. */
int tl_stampfile_write(const char *directory, const char *name, uint64_t real_ns) WG_MUST_USE;

#endif
