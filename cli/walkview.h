/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * walkview.h - shows an explanation as text.
 * Threads: the process has only one. */
#ifndef CLI_WALKVIEW_H
#define CLI_WALKVIEW_H

#include "cli/pen.h"
#include "net/explain.h"

/* Prints the walk there and back, the verdict, and the fix. `file` is the name of the network file,
 * for places. */
void tl_walkview_print(const struct tl_pen *pen, const char *file,
                       const struct tl_explanation *explanation);

#endif
