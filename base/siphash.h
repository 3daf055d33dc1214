/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * siphash.h - a keyed hash for tables whose keys strangers choose.
 * Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF" (SipHash-2-4).
 * Threads: pure function of its arguments. */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include "base/std.h"

#define WG_SIPHASH_KEY_LEN 16

/* The 64-bit hash of len bytes under a key. */
uint64_t wg_siphash(const uint8_t key[WG_SIPHASH_KEY_LEN], const void *bytes, size_t len);

#endif
