/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * poison.c - the code that all watchers share. */
#include "test/timing/poison.h"

#include <string.h>

#include "test/lib/with_crypto.h"

int poison_teardown(void **state)
{
        return test_crypto_down(state);
}

/* conf/ looks for line ends, also among the digits of keys. A memchr() that compares many bytes at
 * a time reveals through its time where the byte is, which is no secret, and nothing about the
 * other bytes; but the tools' own versions go byte by byte. So this one looks at all of them, and
 * tells the tools that the position is public. */
void *__wrap_memchr(const void *bytes, int byte, size_t len);
void *__wrap_memchr(const void *bytes, int byte, size_t len)
{
        const unsigned char *at = bytes;
        size_t place = len;

        for (size_t i = len; i-- > 0;) {
                size_t differs = at[i] ^ (unsigned char)byte;
                size_t is_here = (differs - 1) >> (8 * sizeof(differs) - 1);

                place ^= (place ^ i) & (0 - is_here);
        }
        wg_declassify(&place, sizeof(place));
        return place < len ? (void *)(at + place) : NULL;
}
