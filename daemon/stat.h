/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * stat.h - `tielined --stat`: prints the status of a running interface. */
#ifndef DAEMON_STAT_H
#define DAEMON_STAT_H

#include "daemon/options.h"

/* Prints the status, or the reason why there is none on standard error. Returns an exit status. */
int tl_stat(const char *name, enum tl_stat_view view);

#endif
