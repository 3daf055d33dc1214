/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * view.h - prints the results of a lab for people.
 *
 * Colours, and characters beyond ASCII, are used only where the terminal and the locale have them.
 * Threads: one owner. Source: NO_COLOR (no-color.org). */
#ifndef LAB_VIEW_H
#define LAB_VIEW_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/attr.h"
#include "lab/matrix.h"

struct tl_view {
        FILE *out;
        bool is_terminal;
        bool has_colour, is_utf8;
        uint32_t width;    /* columns */
        uint64_t begun_ns; /* for the elapsed time */
};

/* Finds out what a stream can show. */
void tl_view_init(struct tl_view *view, FILE *out);

/* Prints a step that is done, after the time since init. */
WG_PRINTF(2, 3) void tl_view_step(const struct tl_view *view, const char *format, ...);

/* On a terminal: prints what is being done now; the next step replaces it. */
WG_PRINTF(2, 3) void tl_view_doing(const struct tl_view *view, const char *format, ...);

/* Removes what tl_view_doing() printed. */
void tl_view_idle(const struct tl_view *view);

/* Prints a headline. */
WG_PRINTF(2, 3) void tl_view_title(const struct tl_view *view, const char *format, ...);

/* Prints the pairs: rows are sources, columns destinations. IPv6 follows in words, or as a second
 * matrix if it differs. */
void tl_view_matrix(const struct tl_view *view, const struct tl_matrix *matrix);

/* Prints the lines of `expect:` with their results, and why those that are not met are not. */
void tl_view_tests(const struct tl_view *view, const struct tl_matrix *matrix, const char *file);

/* Prints the sum of it all. */
void tl_view_summary(const struct tl_view *view, const struct tl_matrix_summary *summary);

#endif
