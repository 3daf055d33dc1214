/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * poison.c - what is the same whoever watches. */
#include "test/timing/poison.h"

#include <string.h>

#include "test/lib/with_crypto.h"

int poison_teardown(void **state)
{
        return test_crypto_down(state);
}

/* conf/ looks for the ends of lines, among digits of keys too. A memchr() that compares many bytes at
 * a time tells by its time where the byte is and nothing of the others, and that is no secret; but the
 * tools' own ones go byte by byte. So this looks at all of them, and tells the place. */
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
