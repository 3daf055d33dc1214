/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * quick.h - brings an interface up by its configuration file, takes it down, saves it.
 *
 * What goes wrong is said on standard error. An interface that does not come up leaves nothing behind.
 * Threads: the only one of the process. */
#ifndef QUICK_QUICK_H
#define QUICK_QUICK_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/enum.h"
#include "quick/file.h"

/* How much of bringing up and taking down: the whole by default. A service manager, which starts and
 * ends the daemon itself, wants what comes before that and what comes after. */
#define TL_QUICK_PARTS(X) \
        X(TL_QUICK_WHOLE, 0, whole, "all, the daemon too") \
        X(TL_QUICK_BEFORE, 1, before, "what comes before the daemon starts or ends") \
        X(TL_QUICK_AFTER, 2, after, "what comes after the daemon started or ended")
WG_ENUM_DECLARE(tl_quick_part, TL_QUICK_PARTS)

/* Return false after saying what went wrong. */
bool tl_quick_up(struct tl_quick_file *file, enum tl_quick_part part) WG_MUST_USE;
bool tl_quick_down(struct tl_quick_file *file, enum tl_quick_part part) WG_MUST_USE;

/* Sets keys and peers of a running interface as the file has them. Peers that stay keep their
 * sessions. Whatever the file does not name stays as it is: keys, the port, the mark, allowed
 * IPs. */
bool tl_quick_reload(struct tl_quick_file *file) WG_MUST_USE;

/* Writes the interface's present configuration into its file. */
bool tl_quick_save(struct tl_quick_file *file) WG_MUST_USE;

#endif
