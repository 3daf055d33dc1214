/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * text.h - parts of a text, not terminated, and the numbers in them.
 * Threads: pure functions of their arguments. */
#ifndef CONF_TEXT_H
#define CONF_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct tl_text {
        const char *at; /* borrowed */
        size_t len;
};

/* The first count bytes, and the rest. The text has at least count bytes. */
static inline struct tl_text tl_text_head(struct tl_text text, size_t count)
{
        return (struct tl_text){text.at, count};
}

static inline struct tl_text tl_text_tail(struct tl_text text, size_t count)
{
        return (struct tl_text){text.at + count, text.len - count};
}

/* The index of the first or the last c; the length if there is none. */
size_t tl_text_find(struct tl_text text, char c);
size_t tl_text_find_last(struct tl_text text, char c);

/* Whether two texts are equal, and whether a text begins with this word. */
bool tl_text_is_same(struct tl_text a, struct tl_text b) WG_MUST_USE;
bool tl_text_begins_with(struct tl_text text, const char *word) WG_MUST_USE;

/* Whether it is this word. The second one ignores the case of ASCII letters. */
bool tl_text_is(struct tl_text text, const char *word) WG_MUST_USE;
bool tl_text_is_caseless(struct tl_text text, const char *word) WG_MUST_USE;

/* Reads a number of decimal digits. Returns false, and writes nothing, if the text is empty, has
 * anything else in it, or the number is above max. */
bool tl_text_to_number(struct tl_text text, uint32_t max, uint32_t *number) WG_MUST_USE;

/* The same up to 65535. */
bool tl_text_to_u16(struct tl_text text, uint16_t *number) WG_MUST_USE;

/* The same up to 2^64 - 1, without leading zeros. */
bool tl_text_to_number64(struct tl_text text, uint64_t *number) WG_MUST_USE;

/* Like tl_text_to_number(), but also accepts 0x and hexadecimal digits. */
bool tl_text_to_number_any(struct tl_text text, uint32_t max, uint32_t *number) WG_MUST_USE;

/* Like strtoul(3) with base 0, but without a sign: octal after 0, hexadecimal after 0x. */
bool tl_text_to_number_c(struct tl_text text, uint32_t max, uint32_t *number) WG_MUST_USE;

#endif
