/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * mask.h - selection without branches, for the digits of secrets.
 * Threads: pure functions of their arguments. */
#ifndef CONF_MASK_H
#define CONF_MASK_H

#include <stdint.h>

/* All bits if low <= value <= high, else 0. Values must be below 2^31. */
static inline uint32_t tl_mask_range(uint32_t value, uint32_t low, uint32_t high)
{
        return (((value - low) | (high - value)) >> 31) - 1;
}

#endif
