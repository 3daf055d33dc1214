/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * vec_avx2.h - vec256.h for processors with AVX2 but without AVX-512: no rotations, no masks.
 * Source: Intel Intrinsics Guide. */
#ifndef CRYPTO_VEC_AVX2_H
#define CRYPTO_VEC_AVX2_H

#include <string.h>

#include "crypto/vec256.h"

#define V_ROTL32 v_rotl32

/* One step for multiples of 8 bits, three otherwise. */
static inline __attribute__((always_inline)) vec v_rotl32(vec v, int n)
{
        const vec by16 = _mm256_broadcastsi128_si256(
                _mm_setr_epi8(2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13));
        const vec by8 = _mm256_broadcastsi128_si256(
                _mm_setr_epi8(3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14));

        if (n == 16)
                return _mm256_shuffle_epi8(v, by16);
        if (n == 8)
                return _mm256_shuffle_epi8(v, by8);
        return V_OR(_mm256_slli_epi32(v, n), _mm256_srli_epi32(v, 32 - n));
}

/* Copies len bytes (0 to 64), and touches no others: in parts of 32, 16, 8, 4, 2 and 1. */
static inline void v_copy(uint8_t *to, const uint8_t *from, size_t len)
{
        size_t at = 0;

        for (; len - at >= 32; at += 32)
                V_STORE(to + at, V_LOAD(from + at));
        if (len & 16) {
                memcpy(to + at, from + at, 16);
                at += 16;
        }
        if (len & 8) {
                memcpy(to + at, from + at, 8);
                at += 8;
        }
        if (len & 4) {
                memcpy(to + at, from + at, 4);
                at += 4;
        }
        if (len & 2) {
                memcpy(to + at, from + at, 2);
                at += 2;
        }
        if (len & 1)
                to[at] = from[at];
}

/* Copies len bytes (0 to 63) of `from`, and zeros up to 64. Reads no other bytes. */
static inline void v_pad(uint8_t to[64], const uint8_t *from, size_t len)
{
        V_STORE(to, V_SET32(0));
        V_STORE(to + 32, V_SET32(0));
        v_copy(to, from, len);
}

/* len bytes (1 to 64) of `from` XOR block i of a transposed pass. Touches no other bytes. */
static inline void v_xor_block(uint8_t *to, const uint8_t *from, size_t len, const vec x[16],
                               unsigned int i)
{
        uint8_t part[64];

        if (len == 64) {
                v_xor_whole(to, from, x, i);
                return;
        }
        v_pad(part, from, len);
        v_xor_whole(part, part, x, i);
        v_copy(to, part, len);
}

#endif
