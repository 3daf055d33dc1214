/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * vec256.h - vectors of 8 words of 32 bits, or of 4 of 64: the operations that are the same on all
 * processors with AVX2. Included by vec_avx2.h and vec_avx512vl.h, which add the rest.
 * Source: Intel Intrinsics Guide. */
#ifndef CRYPTO_VEC256_H
#define CRYPTO_VEC256_H

#include <immintrin.h>
#include <stdint.h>

enum { LANES = 8, HALF = 4 }; /* lanes of 32 bits, of 64 bits */

typedef __m256i vec;

#define V_ADD32 _mm256_add_epi32
#define V_ADD64 _mm256_add_epi64
#define V_XOR _mm256_xor_si256
#define V_OR _mm256_or_si256
#define V_AND _mm256_and_si256
#define V_SRL64 _mm256_srli_epi64
#define V_SLL64 _mm256_slli_epi64
#define V_SET32(x) _mm256_set1_epi32((int)(x))
#define V_SET64(x) _mm256_set1_epi64x((long long)(x))
#define V_LOAD(p) _mm256_loadu_si256((const void *)(p))
#define V_STORE(p, v) _mm256_storeu_si256((void *)(p), v)
/* The even and the odd lanes of 64 bits of each half of 128, interleaved. */
#define V_UNPACK_LOW64 _mm256_unpacklo_epi64
#define V_UNPACK_HIGH64 _mm256_unpackhi_epi64
/* The first and the last four words, widened to 64 bits. */
#define V_WIDEN_FIRST(v) _mm256_cvtepu32_epi64(_mm256_castsi256_si128(v))
#define V_WIDEN_LAST(v) _mm256_cvtepu32_epi64(_mm256_extracti128_si256(v, 1))

static inline void v_transpose8(vec x[8])
{
        vec t[8], u[8];

        for (unsigned int i = 0; i < 8; i += 2) {
                t[i] = _mm256_unpacklo_epi32(x[i], x[i + 1]);
                t[i + 1] = _mm256_unpackhi_epi32(x[i], x[i + 1]);
        }
        for (unsigned int i = 0; i < 8; i += 4) {
                u[i] = V_UNPACK_LOW64(t[i], t[i + 2]);
                u[i + 1] = V_UNPACK_HIGH64(t[i], t[i + 2]);
                u[i + 2] = V_UNPACK_LOW64(t[i + 1], t[i + 3]);
                u[i + 3] = V_UNPACK_HIGH64(t[i + 1], t[i + 3]);
        }
        for (unsigned int i = 0; i < 4; i++) {
                x[i] = _mm256_permute2x128_si256(u[i], u[4 + i], 0x20);
                x[4 + i] = _mm256_permute2x128_si256(u[i], u[4 + i], 0x31);
        }
}

/* Transposes: from one vector per word, with a lane per block, to two vectors per block, i and 8 +
 * i. */
static inline void v_transpose(vec x[16])
{
        v_transpose8(x);
        v_transpose8(x + 8);
}

/* 64 bytes of `from` XOR block i of a transposed pass. */
static inline void v_xor_whole(uint8_t *to, const uint8_t *from, const vec x[16], unsigned int i)
{
        vec first = V_XOR(V_LOAD(from), x[i]), last = V_XOR(V_LOAD(from + 32), x[8 + i]);

        V_STORE(to, first);
        V_STORE(to + 32, last);
}

#endif
