/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * panic.c - ends a program at once after one of our own bugs. */
#define _GNU_SOURCE 1 /* program_invocation_short_name; with the value that -D gives it */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/attr.h"

void wg_panic(const char *file, int line, const char *what)
{
        fprintf(stderr, "%s: bug at %s:%d: %s\n", program_invocation_short_name, file, line, what);
        abort();
}
