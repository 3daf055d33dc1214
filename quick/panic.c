/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * panic.c - how the command ends after one of our own bugs. What it wrote down is there for the next
 * one to undo. */
#include <stdio.h>
#include <stdlib.h>

#include "base/attr.h"

void wg_panic(const char *file, int line, const char *what)
{
        fprintf(stderr, "tieline-quick: bug at %s:%d: %s\n", file, line, what);
        abort();
}
