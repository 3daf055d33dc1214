/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * panic.c - how the daemon ends after one of our own bugs: at once, since what it would do next could
 * be anything, with one line that says where. */
#include <stdio.h>
#include <stdlib.h>

#include "base/attr.h"

void wg_panic(const char *file, int line, const char *what)
{
        fprintf(stderr, "tielined: bug at %s:%d: %s\n", file, line, what);
        abort();
}
