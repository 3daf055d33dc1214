/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * mem.h - memory: copying, wiping, comparing in constant time.
 * Threads: pure functions of their arguments. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include "base/attr.h"
#include "base/declassify.h"
#include "base/std.h"

/* The four functions that compilers call implicitly. Declared here because a freestanding build has
 * no <string.h>. */
void *memcpy(void *restrict to, const void *restrict from, size_t len);
void *memmove(void *to, const void *from, size_t len);
void *memset(void *to, int byte, size_t len);
int memcmp(const void *a, const void *b, size_t len);

/* Zeroes len bytes, even if the compiler can tell that nothing reads them again. */
static inline void wg_wipe(void *secret, size_t len)
{
        memset(secret, 0, len);
        __asm__ volatile("" : : "r"(secret) : "memory");
}

/* Whether two secrets of len bytes are equal, in a time that depends on len alone. The answer is
 * public, since callers visibly act on it. */
WG_MUST_USE static inline bool wg_equal(const uint8_t *a, const uint8_t *b, size_t len)
{
        volatile uint8_t difference = 0;

        for (size_t i = 0; i < len; i++)
                difference = (uint8_t)(difference | (a[i] ^ b[i]));
        wg_declassify(&difference, sizeof(difference));
        return difference == 0;
}

/* Whether all len bytes are zero, in a time that depends on len alone. The answer is public. */
WG_MUST_USE static inline bool wg_is_zero(const uint8_t *bytes, size_t len)
{
        volatile uint8_t any = 0;

        for (size_t i = 0; i < len; i++)
                any = (uint8_t)(any | bytes[i]);
        wg_declassify(&any, sizeof(any));
        return any == 0;
}

#endif
