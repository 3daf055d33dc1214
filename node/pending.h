/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * pending.h - the record of changes that wait to be confirmed, /run/tieline/NAME/pending, and the
 * process that waits for its end.
 *
 * The process, `tieline confirm --wait NAME`, has a session of its own and holds no secrets. It
 * keeps the record locked, so that a record without its process can be recognised. The record says
 * in the time of tl_clock_boot_ns() when it ends, and where the machine's key is.
 * Threads: the process has only one. */
#ifndef NODE_PENDING_H
#define NODE_PENDING_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct tl_pending {
        bool exists;
        bool is_watched;    /* a process waits for its end */
        uint32_t left_s;    /* until the changes are undone, rounded up; 0: that is overdue */
        char key[PATH_MAX]; /* the path of the key */
};

/* Looks for a record. */
void tl_pending_find(const char *name, struct tl_pending *pending);

/* Writes a record that ends after some seconds, and starts the process. Returns false after saying
 * what went wrong; then there is neither. The caller holds the journal. */
bool tl_pending_begin(const char *name, uint32_t seconds, const char *key) WG_MUST_USE;

/* Starts the process again, for a record that has none. */
bool tl_pending_watch(const char *name) WG_MUST_USE;

/* Removes the record, if there is one; the process then ends. */
void tl_pending_end(const char *name);

/* In that process: waits until the time is over, and returns true; or until the record is removed,
 * and returns false. The record stays locked. */
bool tl_pending_wait(const char *name) WG_MUST_USE;

#endif
