/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * quick.h - brings an interface up as its configuration file says, takes it down, and saves it.
 *
 * Messages go to standard error. If an interface does not come up, everything is undone.
 * Threads: the process has only one. */
#ifndef QUICK_QUICK_H
#define QUICK_QUICK_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/enum.h"
#include "quick/file.h"

/* Parts of `up` and `down`. A service manager starts and stops the daemon itself, and runs the
 * steps before and after separately. */
#define TL_QUICK_PARTS(X) \
        X(TL_QUICK_WHOLE, 0, whole, "everything, including the daemon") \
        X(TL_QUICK_BEFORE, 1, before, "the steps before the daemon starts or stops") \
        X(TL_QUICK_AFTER, 2, after, "the steps after the daemon starts or stops")
WG_ENUM_DECLARE(tl_quick_part, TL_QUICK_PARTS)

/* Return false after saying what went wrong. */
bool tl_quick_up(struct tl_quick_file *file, enum tl_quick_part part) WG_MUST_USE;
bool tl_quick_down(struct tl_quick_file *file, enum tl_quick_part part) WG_MUST_USE;

/* Applies the keys and peers in the file to a running interface. Peers that stay keep their
 * sessions. Whatever the file does not set stays as it is: keys, port, mark, allowed IPs. */
bool tl_quick_reload(struct tl_quick_file *file) WG_MUST_USE;

/* Writes the current configuration of the interface to its file. */
bool tl_quick_save(struct tl_quick_file *file) WG_MUST_USE;

#endif
