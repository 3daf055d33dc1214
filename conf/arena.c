/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
        PIECE_FIRST = 4096,       /* bytes of the first piece */
        PIECE_MOST = 1024 * 1024, /* pieces double in size up to this; larger items get their own */
        ALIGNMENT = _Alignof(max_align_t),
};

struct tl_arena_piece {
        struct tl_arena_piece *older;
        size_t size, used; /* of memory */
        max_align_t memory[];
};

static struct tl_arena_piece *add_piece(struct tl_arena *arena, size_t least)
{
        size_t size = arena->pieces ? WG_MIN(2 * arena->pieces->size, (size_t)PIECE_MOST)
                                    : (size_t)PIECE_FIRST;
        struct tl_arena_piece *piece;

        size = WG_MAX(size, least);
        piece = calloc(1, sizeof(*piece) + size);
        if (!piece)
                return NULL;
        piece->size = size;
        piece->older = arena->pieces;
        arena->pieces = piece;
        return piece;
}

void *tl_arena_take(struct tl_arena *arena, size_t count, size_t size)
{
        struct tl_arena_piece *piece = arena->pieces;
        size_t len, at;

        if (size && count > (SIZE_MAX / 2) / size)
                return NULL;
        len = (count * size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        if (!piece || piece->size - piece->used < len)
                piece = add_piece(arena, len);
        if (!piece)
                return NULL;
        at = piece->used;
        piece->used += len;
        return (char *)piece->memory + at;
}

char *tl_arena_copy(struct tl_arena *arena, const char *text, size_t len)
{
        char *copy = len < SIZE_MAX ? tl_arena_take(arena, len + 1, 1) : NULL;

        if (copy && len)
                memcpy(copy, text, len);
        return copy;
}

char *tl_arena_format(struct tl_arena *arena, const char *format, ...)
{
        char *text = NULL;
        va_list arguments;
        int len;

        va_start(arguments, format);
        len = vsnprintf(NULL, 0, format, arguments);
        va_end(arguments);
        if (len >= 0)
                text = tl_arena_take(arena, (size_t)len + 1, 1);
        if (!text)
                return NULL;
        va_start(arguments, format);
        (void)vsnprintf(text, (size_t)len + 1, format, arguments);
        va_end(arguments);
        return text;
}

void *tl_arena_grow(struct tl_arena *arena, void *items, uint32_t count, uint32_t *capacity,
                    size_t size)
{
        uint32_t wanted = *capacity ? 2 * *capacity : 4;
        void *larger;

        if (count < *capacity)
                return items;
        if (*capacity > UINT32_MAX / 2)
                return NULL;
        larger = tl_arena_take(arena, wanted, size);
        if (!larger)
                return NULL;
        if (count)
                memcpy(larger, items, count * size);
        *capacity = wanted;
        return larger;
}

void tl_arena_done(struct tl_arena *arena)
{
        while (arena->pieces) {
                struct tl_arena_piece *piece = arena->pieces;

                arena->pieces = piece->older;
                free(piece);
        }
}
