/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * panic.c - ends the command after a bug of our own. The next command undoes what is in the
 * journal. */
#include <stdio.h>
#include <stdlib.h>

#include "base/attr.h"

void wg_panic(const char *file, int line, const char *what)
{
        fprintf(stderr, "tieline-quick: bug at %s:%d: %s\n", file, line, what);
        abort();
}
