/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * writer.h - appends to a text in memory of a fixed size.
 * Threads: one owner at a time. */
#ifndef CONF_WRITER_H
#define CONF_WRITER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct tl_writer {
        char *out; /* borrowed; terminated, unless it is full */
        size_t size, len;
        bool is_cut; /* something did not fit; nothing more is appended */
};

void tl_writer_init(struct tl_writer *writer, char *out, size_t size);

/* Appends the formatted text, or sets is_cut if it does not fit. */
WG_PRINTF(2, 3) void tl_writer_add(struct tl_writer *writer, const char *format, ...);

/* Appends len bytes, which the caller then writes to the result. NULL: they do not fit. This is for
 * keys, because printf() may leave copies in its buffers. */
char *tl_writer_take(struct tl_writer *writer, size_t len) WG_MUST_USE;

#endif
