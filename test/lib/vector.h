/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * vector.h - the parts of test vector tables: bytes written in hexadecimal. */
#ifndef TEST_LIB_VECTOR_H
#define TEST_LIB_VECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct x25519_vector {
        unsigned int number;
        const char *private_key, *public_key, *shared; /* shared: zeros if it must be refused */
};

struct aead_vector {
        unsigned int number;
        bool is_valid;
        const char *key, *nonce, *ad, *plain, *cipher, *tag;
};

static inline uint8_t hex_digit(char c)
{
        WG_ASSERT((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'));
        return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* Writes the bytes of a string of hexadecimal digits, at most size, and returns their number. */
static inline size_t hex_decode(uint8_t *out, size_t size, const char *text)
{
        size_t len = 0;

        for (; text[0]; text += 2) {
                WG_ASSERT(len < size);
                out[len++] = (uint8_t)(hex_digit(text[0]) << 4 | hex_digit(text[1]));
        }
        return len;
}

#endif
