/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * walkview.h - shows an explanation as text.
 * Threads: the process has only one. */
#ifndef CLI_WALKVIEW_H
#define CLI_WALKVIEW_H

#include <stdbool.h>
#include <stdio.h>

#include "net/explain.h"

/* How to write. */
struct tl_walkview {
        FILE *out;
        const char *file;   /* name of the network file, for places */
        bool has_colours;   /* ANSI sequences */
        bool is_utf8;       /* arrows and marks beyond ASCII */
        unsigned int width; /* columns at which lines are broken; 0: never */
};

/* Makes a view of standard output, as suits the terminal, if it is one, and the locale. */
struct tl_walkview tl_walkview_of_stdout(const char *file);

/* Prints the walk there and back, the verdict, and the fix. */
void tl_walkview_print(const struct tl_walkview *view, const struct tl_explanation *explanation);

#endif
