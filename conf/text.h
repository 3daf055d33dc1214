/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * text.h - stretches of somebody's text, not terminated, and the numbers in them.
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

/* The first count bytes, and what follows them; count is at most the length. */
static inline struct tl_text tl_text_head(struct tl_text text, size_t count)
{
        return (struct tl_text){text.at, count};
}

static inline struct tl_text tl_text_tail(struct tl_text text, size_t count)
{
        return (struct tl_text){text.at + count, text.len - count};
}

/* Where the first or the last c is; the length where there is none. */
size_t tl_text_find(struct tl_text text, char c);
size_t tl_text_find_last(struct tl_text text, char c);

/* Whether it is this word, the latter without regard to the case of ASCII letters. */
bool tl_text_is(struct tl_text text, const char *word) WG_MUST_USE;
bool tl_text_is_caseless(struct tl_text text, const char *word) WG_MUST_USE;

/* Reads a whole number of decimal digits and nothing else. Returns false, and writes nothing, where
 * it is empty, has another byte, or is above max. */
bool tl_text_to_number(struct tl_text text, uint32_t max, uint32_t *number) WG_MUST_USE;

/* The same up to 65535. */
bool tl_text_to_u16(struct tl_text text, uint16_t *number) WG_MUST_USE;

/* The same up to 2^64 - 1, in the one way such a number is written: without zeros before it. */
bool tl_text_to_number64(struct tl_text text, uint64_t *number) WG_MUST_USE;

/* As the former, but 0x and hexadecimal digits will do too. */
bool tl_text_to_number_any(struct tl_text text, uint32_t max, uint32_t *number) WG_MUST_USE;

/* Reads a number as strtoul(3) with base 0 does, without a sign; octal after 0, too. */
bool tl_text_to_number_c(struct tl_text text, uint32_t max, uint32_t *number) WG_MUST_USE;

#endif
