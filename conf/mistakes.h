/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * mistakes.h - the mistakes in a text, in the order of its lines.
 *
 * A parser adds each mistake it finds and reads on, so that a user learns of all of them at once.
 * Several parsers of one file share one collection. It keeps the first few by place, in whatever
 * order they are found, and counts the others.
 * Threads: one owner at a time. */
#ifndef CONF_MISTAKES_H
#define CONF_MISTAKES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/attr.h"
#include "conf/error.h"

enum { TL_MISTAKES_MAX = 20 };

/* Zeroed memory holds none. */
struct tl_mistakes {
        struct tl_conf_error first[TL_MISTAKES_MAX]; /* sorted by line, then by column */
        uint32_t count;                              /* of all, also those not in `first` */
};

/* Adds a mistake. */
void tl_mistakes_add(struct tl_mistakes *mistakes, struct tl_conf_error mistake);

/* The number of mistakes in `first`. */
uint32_t tl_mistakes_kept(const struct tl_mistakes *mistakes) WG_MUST_USE;

/* Writes one line per kept mistake, "PROGRAM: FILE:LINE:COLUMN: MESSAGE", and one with the number
 * of any others. */
void tl_mistakes_write(const struct tl_mistakes *mistakes, const char *program, const char *file,
                       FILE *out);

#endif
