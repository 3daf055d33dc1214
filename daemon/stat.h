/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * stat.h - `tielined --stat`: asks the tielined that runs an interface how that is doing. */
#ifndef DAEMON_STAT_H
#define DAEMON_STAT_H

#include "daemon/options.h"

/* Prints the answer, or on standard error why there is none. Returns an exit status. */
int tl_stat(const char *name, enum tl_stat_view view);

#endif
