/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * fail.h - messages of a program to its user, on standard error, after the program's name.
 * Threads: any. */
#ifndef IO_FAIL_H
#define IO_FAIL_H

#include <stdbool.h>

#include "base/attr.h"

/* Prints what went wrong, and a newline. Returns false. */
WG_PRINTF(1, 2) bool tl_fail(const char *format, ...);

/* The same for a mistake on the command line; refers to --help. */
WG_PRINTF(1, 2) bool tl_fail_usage(const char *format, ...);

/* Prints a warning, and a newline. */
WG_PRINTF(1, 2) void tl_warn(const char *format, ...);

#endif
