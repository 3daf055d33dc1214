/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * tail.h - `tielined --events`: prints the events of a running interface as they happen. */
#ifndef DAEMON_TAIL_H
#define DAEMON_TAIL_H

#include "daemon/options.h"

/* Prints events until the stream ends, then the reason on standard error. Returns an exit
 * status. */
int tl_tail(const struct tl_options *options);

#endif
