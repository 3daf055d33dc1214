/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * tai64n.h - the 12-byte time stamp in an initiation. Its bytes compare as the times do.
 * Source: D. J. Bernstein, "TAI64, TAI64N, and TAI64NA"; WireGuard paper 5.1. The fraction is
 * coarsened to 2^24 ns so that the wire does not show the fine grain of our clock. */
#ifndef CORE_TAI64N_H
#define CORE_TAI64N_H

#include <stdint.h>

#include "base/bytes.h"
#include "core/env.h"

#define WG_TAI64N_LEN 12

static inline void wg_tai64n(uint8_t stamp[WG_TAI64N_LEN], uint64_t real_ns)
{
        uint32_t fraction = (uint32_t)(real_ns % WG_NS_PER_S);

        /* 1970 began at TAI64 label 2^62 + 10. */
        wg_be64_store(stamp, (UINT64_C(1) << 62) + 10 + real_ns / WG_NS_PER_S);
        wg_be32_store(stamp + 8, fraction & ~UINT32_C(0xffffff));
}

#endif
