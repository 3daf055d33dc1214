/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * bits.h - counting and finding bits.
 * Threads: pure functions of their arguments. */
#ifndef BASE_BITS_H
#define BASE_BITS_H

#include "base/std.h"

/* The position of the highest set bit, counted from 1; 0 if none is set. */
static inline unsigned int wg_bits_last32(uint32_t value)
{
        return value ? 32u - (unsigned int)__builtin_clz(value) : 0;
}

static inline unsigned int wg_bits_last64(uint64_t value)
{
        return value ? 64u - (unsigned int)__builtin_clzll(value) : 0;
}

/* Zeroes all bits but the highest `count`, 0 to 64. */
static inline uint64_t wg_bits_keep_first64(uint64_t value, unsigned int count)
{
        return count ? value & UINT64_MAX << (64 - count) : 0;
}

/* The smallest power of two that is value or more; value must be at most 2^31. */
static inline uint32_t wg_bits_round_up_pow2(uint32_t value)
{
        return value <= 1 ? 1 : 1u << wg_bits_last32(value - 1);
}

#endif
