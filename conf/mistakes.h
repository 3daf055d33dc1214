/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * mistakes.h - collects the mistakes in a text, sorted by place.
 *
 * A parser adds each mistake that it finds and continues, so that a user sees all of them at once.
 * All parsers of one file share one collection. It keeps the first few by place, whatever the order
 * in which they are found, and counts the others.
 * Threads: one owner at a time. */
#ifndef CONF_MISTAKES_H
#define CONF_MISTAKES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/attr.h"
#include "conf/error.h"

enum { TL_MISTAKES_MAX = 20 };

/* Zeroed memory is an empty collection. */
struct tl_mistakes {
        struct tl_conf_error first[TL_MISTAKES_MAX]; /* sorted by line, then by column */
        uint32_t count;                              /* including those not in `first` */
};

/* Adds a mistake. */
void tl_mistakes_add(struct tl_mistakes *mistakes, struct tl_conf_error mistake);

/* The number of mistakes in `first`. */
uint32_t tl_mistakes_kept(const struct tl_mistakes *mistakes) WG_MUST_USE;

/* Writes a line per kept mistake, "PROGRAM: FILE:LINE:COLUMN: MESSAGE", and a line with the number
 * of the others, if there are any. */
void tl_mistakes_write(const struct tl_mistakes *mistakes, const char *program, const char *file,
                       FILE *out);

#endif
