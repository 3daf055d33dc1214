/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * pen.h - writes words in colours, and breaks lines, as suits the terminal.
 * Threads: the process has only one. Source: no-color.org, locale(7). */
#ifndef CLI_PEN_H
#define CLI_PEN_H

#include <stdbool.h>
#include <stdio.h>

/* How to write. */
struct tl_pen {
        FILE *out;
        bool has_colours;   /* ANSI sequences */
        bool is_utf8;       /* arrows and marks beyond ASCII */
        unsigned int width; /* columns at which lines are broken; 0: never */
};

enum tl_pen_style { TL_PEN_PLAIN, TL_PEN_BOLD, TL_PEN_DIM, TL_PEN_GOOD, TL_PEN_BAD };

/* Makes a pen for standard output, as suits the terminal, if it is one, and the locale. */
struct tl_pen tl_pen_of_stdout(void);

/* What is written in between has that style. */
void tl_pen_begin(const struct tl_pen *pen, enum tl_pen_style style);
void tl_pen_end(const struct tl_pen *pen, enum tl_pen_style style);

void tl_pen_put(const struct tl_pen *pen, enum tl_pen_style style, const char *text);

void tl_pen_spaces(const struct tl_pen *pen, unsigned int count);

/* Writes the words of a text from column `column` on; further lines begin at `indent`. Returns the
 * column after it. */
unsigned int tl_pen_put_words(const struct tl_pen *pen, enum tl_pen_style style, const char *text,
                              unsigned int column, unsigned int indent);

#endif
