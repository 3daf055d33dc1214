/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * arena.h - memory that is released all at once, for structs read from a file and derived from it.
 * Threads: one owner at a time. */
#ifndef CONF_ARENA_H
#define CONF_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct tl_arena_piece;

/* Zeroed memory is an empty arena. */
struct tl_arena {
        struct tl_arena_piece *pieces; /* newest first */
};

/* Zeroed memory for `count` items of `size` bytes, aligned for any type. NULL: no memory. Items
 * need not be released. A count or size of 0 is valid. */
void *tl_arena_take(struct tl_arena *arena, size_t count, size_t size) WG_MUST_USE;

/* A terminated copy of len bytes. NULL: no memory. */
char *tl_arena_copy(struct tl_arena *arena, const char *text, size_t len) WG_MUST_USE;

/* A formatted text. NULL: no memory. */
WG_PRINTF(2, 3) char *tl_arena_format(struct tl_arena *arena, const char *format, ...) WG_MUST_USE;

/* Makes room for one more item in an array in the arena: returns the array, moved if it was full,
 * or NULL if there is no memory, in which case nothing changed. *capacity is updated. The old
 * array is not released before the arena is. */
void *tl_arena_grow(struct tl_arena *arena, void *items, uint32_t count, uint32_t *capacity,
                    size_t size) WG_MUST_USE;

/* Releases everything. Accepts zeroed memory. */
void tl_arena_done(struct tl_arena *arena);

#endif
