/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * table.h - texts in aligned columns, with notes below rows.
 * Threads: the process has only one. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/attr.h"
#include "cli/pen.h"
#include "conf/arena.h"

enum { TL_TABLE_COLUMNS = 7 };

struct tl_table_row {
        const char *cells[TL_TABLE_COLUMNS]; /* NULL: no more columns */
        const char *note;                    /* if this is a note: below the second column */
};

/* Zeroed memory is an empty table. If memory runs out, texts are missing. */
struct tl_table {
        struct tl_arena arena;
        struct tl_table_row *rows; /* the first one has the titles */
        uint32_t count, capacity;
        bool has_no_memory;

        /* The text that is being written. */
        FILE *stream;
        char *buffer;
        size_t len;
};

/* Formats a text, which lives as long as the table. */
WG_PRINTF(2, 3) const char *tl_table_text(struct tl_table *table, const char *format, ...);

/* The same for a text that is written to a stream in parts. The stream is NULL, and the text is
 * empty, if there is no memory. One text at a time. */
FILE *tl_table_begin(struct tl_table *table) WG_MUST_USE;
const char *tl_table_end(struct tl_table *table);

/* Adds a row, or a note. The texts are borrowed. */
void tl_table_add(struct tl_table *table, struct tl_table_row row);

/* Prints the table, if it has rows below the titles. The last column and notes are broken into
 * lines. */
void tl_table_print(const struct tl_table *table, const struct tl_pen *pen);

/* Frees everything. */
void tl_table_done(struct tl_table *table);

#endif
