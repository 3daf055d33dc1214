/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/text.h"

#include <string.h>

static char to_lower(char c)
{
        return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* The value of a hexadecimal digit; 16 if it is none. */
static uint32_t digit_value(char c)
{
        c = to_lower(c);
        if (c >= '0' && c <= '9')
                return (uint32_t)(c - '0');
        return c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10 : 16;
}

static bool to_number(struct tl_text text, uint32_t base, uint32_t max, uint32_t *number)
{
        uint64_t value = 0;

        if (!text.len)
                return false;
        for (size_t i = 0; i < text.len; i++) {
                uint32_t digit = digit_value(text.at[i]);

                if (digit >= base)
                        return false;
                value = value * base + digit;
                if (value > max)
                        return false;
        }
        *number = (uint32_t)value;
        return true;
}

bool tl_text_to_number64(struct tl_text text, uint64_t *number)
{
        uint64_t value = 0;

        if (!text.len || (text.at[0] == '0' && text.len > 1))
                return false;
        for (size_t i = 0; i < text.len; i++) {
                uint32_t digit = digit_value(text.at[i]);

                if (digit >= 10 || value > (UINT64_MAX - digit) / 10)
                        return false;
                value = value * 10 + digit;
        }
        *number = value;
        return true;
}

size_t tl_text_find(struct tl_text text, char c)
{
        const char *found = text.len ? memchr(text.at, c, text.len) : NULL;

        return found ? (size_t)(found - text.at) : text.len;
}

size_t tl_text_find_last(struct tl_text text, char c)
{
        for (size_t i = text.len; i-- > 0;)
                if (text.at[i] == c)
                        return i;
        return text.len;
}

bool tl_text_is_same(struct tl_text a, struct tl_text b)
{
        return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

bool tl_text_begins_with(struct tl_text text, const char *word)
{
        size_t len = strlen(word);

        return text.len >= len && memcmp(text.at, word, len) == 0;
}

bool tl_text_is(struct tl_text text, const char *word)
{
        return text.len == strlen(word) && memcmp(text.at, word, text.len) == 0;
}

bool tl_text_is_caseless(struct tl_text text, const char *word)
{
        if (text.len != strlen(word))
                return false;
        for (size_t i = 0; i < text.len; i++)
                if (to_lower(text.at[i]) != to_lower(word[i]))
                        return false;
        return true;
}

bool tl_text_to_number(struct tl_text text, uint32_t max, uint32_t *number)
{
        return to_number(text, 10, max, number);
}

bool tl_text_to_u16(struct tl_text text, uint16_t *number)
{
        uint32_t wide;

        if (!to_number(text, 10, UINT16_MAX, &wide))
                return false;
        *number = (uint16_t)wide;
        return true;
}

bool tl_text_to_number_any(struct tl_text text, uint32_t max, uint32_t *number)
{
        if (text.len > 2 && text.at[0] == '0' && text.at[1] == 'x')
                return to_number(tl_text_tail(text, 2), 16, max, number);
        return to_number(text, 10, max, number);
}

bool tl_text_to_number_c(struct tl_text text, uint32_t max, uint32_t *number)
{
        bool has_zero = text.len > 1 && text.at[0] == '0';

        if (has_zero && to_lower(text.at[1]) == 'x')
                return to_number(tl_text_tail(text, 2), 16, max, number);
        return to_number(text, has_zero ? 8 : 10, max, number);
}
