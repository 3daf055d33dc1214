/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * fail.h - messages of a command to its user, on standard error, after the name of the program.
 * Threads: any. */
#ifndef HOST_FAIL_H
#define HOST_FAIL_H

#include <stdbool.h>

#include "base/attr.h"

/* Prints what went wrong, and a newline. Returns false. */
WG_PRINTF(1, 2) bool tl_fail(const char *format, ...);

/* Prints a warning, and a newline. */
WG_PRINTF(1, 2) void tl_warn(const char *format, ...);

#endif
