/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * tai64n.h - the 12-byte time stamp in an initiation. Comparing the bytes compares the times.
 * Source: D. J. Bernstein, "TAI64, TAI64N, and TAI64NA"; WireGuard paper 5.1. The fraction is
 * rounded down to 2^24 ns, so that the wire does not reveal our exact clock. */
#ifndef CORE_TAI64N_H
#define CORE_TAI64N_H

#include "base/bytes.h"
#include "base/std.h"
#include "core/env.h"

#define WG_TAI64N_LEN 12
#define WG_TAI64N_GRAIN (UINT64_C(1) << 24)

/* Rounds a time down to one that a stamp can express. */
static inline uint64_t wg_tai64n_coarsen(uint64_t real_ns)
{
        return real_ns - real_ns % WG_NS_PER_S % WG_TAI64N_GRAIN;
}

static inline void wg_tai64n(uint8_t stamp[WG_TAI64N_LEN], uint64_t real_ns)
{
        uint64_t coarse_ns = wg_tai64n_coarsen(real_ns);

        /* 1970 began at TAI64 label 2^62 + 10. */
        wg_be64_store(stamp, (UINT64_C(1) << 62) + 10 + coarse_ns / WG_NS_PER_S);
        wg_be32_store(stamp + 8, (uint32_t)(coarse_ns % WG_NS_PER_S));
}

/* Returns the time for the stamp after that of `last_ns`: now, or one step after the last if now is
 * not later, as when the clock was set back. It stops in 2554, where 64 bits end. */
static inline uint64_t wg_tai64n_next(uint64_t last_ns, uint64_t real_ns)
{
        uint64_t now_ns = wg_tai64n_coarsen(real_ns);
        uint64_t least_ns = last_ns > UINT64_MAX - WG_TAI64N_GRAIN
                                    ? last_ns
                                    : wg_tai64n_coarsen(last_ns + WG_TAI64N_GRAIN);

        return now_ns > least_ns ? now_ns : least_ns;
}

#endif
