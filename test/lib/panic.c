/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * panic.c - what wg_panic() does in tests, the simulator and fuzzers: says where and aborts. */
#include <stdio.h>
#include <stdlib.h>

#include "base/attr.h"

void wg_panic(const char *file, int line, const char *what)
{
        fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, what);
        abort();
}
