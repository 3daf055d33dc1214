/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * vec_avx512.h - vectors of 16 words of 32 bits, or of 8 of 64.
 * Needs AVX-512 with F, BW, DQ, VL and IFMA. vec_avx512vl.h has the same names, half as wide.
 * Source: Intel Intrinsics Guide. */
#ifndef CRYPTO_VEC_AVX512_H
#define CRYPTO_VEC_AVX512_H

#include <immintrin.h>
#include <stdint.h>

enum { LANES = 16, HALF = 8 }; /* lanes of 32 bits, of 64 bits */

/* Whether two states of ChaCha20 side by side are faster than one after the other. */
enum { V_IS_PAIRED = 0 };

typedef __m512i vec;

#define V_ADD32 _mm512_add_epi32
#define V_ADD64 _mm512_add_epi64
#define V_XOR _mm512_xor_si512
#define V_OR _mm512_or_si512
#define V_AND _mm512_and_si512
#define V_ROTL32 _mm512_rol_epi32
#define V_SRL64 _mm512_srli_epi64
#define V_SLL64 _mm512_slli_epi64
#define V_SET32(x) _mm512_set1_epi32((int)(x))
#define V_SET64(x) _mm512_set1_epi64((long long)(x))
#define V_LOAD(p) _mm512_loadu_si512(p)
#define V_STORE(p, v) _mm512_storeu_si512(p, v)
#define V_MUL_LOW _mm512_madd52lo_epu64
#define V_MUL_HIGH _mm512_madd52hi_epu64
#define V_PERMUTE64(index, v) _mm512_permutexvar_epi64(index, v)
/* Lanes of 32 bits: b (PUT: x) where the mask has a bit, else a. */
#define V_BLEND32(mask, a, b) _mm512_mask_mov_epi32(a, (__mmask16)(mask), b)
#define V_PUT32(mask, v, x) _mm512_mask_set1_epi32(v, (__mmask16)(mask), (int)(x))
/* Lanes of 64 bits: b where the mask has a bit, else a. */
#define V_BLEND64(mask, a, b) _mm512_mask_mov_epi64(a, (__mmask8)(mask), b)
#define V_LESS64(a, b) _mm512_cmplt_epu64_mask(a, b)
/* The even and the odd lanes of 64 bits of each half of 128, interleaved. */
#define V_UNPACK_LOW64 _mm512_unpacklo_epi64
#define V_UNPACK_HIGH64 _mm512_unpackhi_epi64
/* The first and the last eight words, widened to 64 bits. */
#define V_WIDEN_FIRST(v) _mm512_cvtepu32_epi64(_mm512_castsi512_si256(v))
#define V_WIDEN_LAST(v) _mm512_cvtepu32_epi64(_mm512_extracti64x4_epi64(v, 1))

/* 0, 1, 2 ... in words of 32 bits. */
static inline vec v_count32(void)
{
        return _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
}

/* Loads a block of 16 bytes per lane, `at` bytes after each of eight pointers, as low and high
 * halves. */
static inline void v_gather(const uint8_t *const from[HALF], size_t at, vec *low, vec *high)
{
        const __m128i *b[HALF];
        vec even, odd;

        for (unsigned int i = 0; i < HALF; i++)
                b[i] = (const void *)(from[i] + at);
        even = _mm512_castsi128_si512(_mm_loadu_si128(b[0]));
        odd = _mm512_castsi128_si512(_mm_loadu_si128(b[1]));
        even = _mm512_inserti64x2(even, _mm_loadu_si128(b[2]), 1);
        odd = _mm512_inserti64x2(odd, _mm_loadu_si128(b[3]), 1);
        even = _mm512_inserti64x2(even, _mm_loadu_si128(b[4]), 2);
        odd = _mm512_inserti64x2(odd, _mm_loadu_si128(b[5]), 2);
        even = _mm512_inserti64x2(even, _mm_loadu_si128(b[6]), 3);
        odd = _mm512_inserti64x2(odd, _mm_loadu_si128(b[7]), 3);
        *low = V_UNPACK_LOW64(even, odd);
        *high = V_UNPACK_HIGH64(even, odd);
}

/* Loads eight consecutive blocks of 16 bytes as low and high halves, in the order 0, 4, 1, 5, 2, 6,
 * 3, 7. The first `without` blocks and all bytes from `len` on are zeros and are not read. */
static inline void v_load_blocks(const uint8_t *from, unsigned int without, size_t len, vec *low,
                                 vec *high)
{
        __mmask64 first = len >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << len) - 1;
        __mmask64 last = len >= 128 ? ~(__mmask64)0
                         : len > 64 ? ((__mmask64)1 << (len - 64)) - 1
                                    : 0;
        vec x, y;

        first = without < 4 ? first & ~(__mmask64)0 << 16 * without : 0;
        last = without > 4 ? last & ~(__mmask64)0 << 16 * (without - 4) : last;
        x = _mm512_maskz_loadu_epi8(first, from);
        y = _mm512_maskz_loadu_epi8(last, from + 64);
        *low = V_UNPACK_LOW64(x, y);
        *high = V_UNPACK_HIGH64(x, y);
}

/* The reverse: stores the halves of blocks. */
static inline void v_scatter(uint8_t to[HALF][16], vec low, vec high)
{
        vec even = V_UNPACK_LOW64(low, high), odd = V_UNPACK_HIGH64(low, high);

        _mm_storeu_si128((void *)to[0], _mm512_castsi512_si128(even));
        _mm_storeu_si128((void *)to[1], _mm512_castsi512_si128(odd));
        _mm_storeu_si128((void *)to[2], _mm512_extracti64x2_epi64(even, 1));
        _mm_storeu_si128((void *)to[3], _mm512_extracti64x2_epi64(odd, 1));
        _mm_storeu_si128((void *)to[4], _mm512_extracti64x2_epi64(even, 2));
        _mm_storeu_si128((void *)to[5], _mm512_extracti64x2_epi64(odd, 2));
        _mm_storeu_si128((void *)to[6], _mm512_extracti64x2_epi64(even, 3));
        _mm_storeu_si128((void *)to[7], _mm512_extracti64x2_epi64(odd, 3));
}

/* Like v_gather(), for four consecutive blocks per lane, by a transposition. */
static inline void v_gather4(const uint8_t *const from[HALF], size_t at, vec low[4], vec high[4])
{
        vec r[8], p[8], q[8];

        for (unsigned int i = 0; i < 8; i++)
                r[i] = V_LOAD(from[i] + at);
        for (unsigned int i = 0; i < 4; i++) {
                p[i] = V_UNPACK_LOW64(r[2 * i], r[2 * i + 1]);
                p[4 + i] = V_UNPACK_HIGH64(r[2 * i], r[2 * i + 1]);
        }
        for (unsigned int i = 0; i < 8; i += 4) {
                q[i] = _mm512_shuffle_i64x2(p[i], p[i + 1], 0x88);
                q[i + 1] = _mm512_shuffle_i64x2(p[i], p[i + 1], 0xdd);
                q[i + 2] = _mm512_shuffle_i64x2(p[i + 2], p[i + 3], 0x88);
                q[i + 3] = _mm512_shuffle_i64x2(p[i + 2], p[i + 3], 0xdd);
        }
        for (unsigned int i = 0; i < 2; i++) {
                low[i] = _mm512_shuffle_i64x2(q[i], q[i + 2], 0x88);
                low[i + 2] = _mm512_shuffle_i64x2(q[i], q[i + 2], 0xdd);
                high[i] = _mm512_shuffle_i64x2(q[4 + i], q[6 + i], 0x88);
                high[i + 2] = _mm512_shuffle_i64x2(q[4 + i], q[6 + i], 0xdd);
        }
}

/* Transposes: from one vector per word, with a lane per block, to one vector per block. */
static inline void v_transpose(vec x[16])
{
        vec t[16], u[16];

        for (unsigned int i = 0; i < 16; i += 2) {
                t[i] = _mm512_unpacklo_epi32(x[i], x[i + 1]);
                t[i + 1] = _mm512_unpackhi_epi32(x[i], x[i + 1]);
        }
        for (unsigned int i = 0; i < 16; i += 4) {
                u[i] = V_UNPACK_LOW64(t[i], t[i + 2]);
                u[i + 1] = V_UNPACK_HIGH64(t[i], t[i + 2]);
                u[i + 2] = V_UNPACK_LOW64(t[i + 1], t[i + 3]);
                u[i + 3] = V_UNPACK_HIGH64(t[i + 1], t[i + 3]);
        }
        /* Now part q of u[4 * g + j] has words 4 * g to 4 * g + 3 of block 4 * q + j. */
        for (unsigned int j = 0; j < 4; j++) {
                vec even01 = _mm512_shuffle_i32x4(u[j], u[4 + j], 0x88);
                vec odd01 = _mm512_shuffle_i32x4(u[j], u[4 + j], 0xdd);
                vec even23 = _mm512_shuffle_i32x4(u[8 + j], u[12 + j], 0x88);
                vec odd23 = _mm512_shuffle_i32x4(u[8 + j], u[12 + j], 0xdd);

                x[j] = _mm512_shuffle_i32x4(even01, even23, 0x88);
                x[8 + j] = _mm512_shuffle_i32x4(even01, even23, 0xdd);
                x[4 + j] = _mm512_shuffle_i32x4(odd01, odd23, 0x88);
                x[12 + j] = _mm512_shuffle_i32x4(odd01, odd23, 0xdd);
        }
}

/* len bytes (1 to 64) of `from` XOR block i. Touches no other bytes. */
static inline void v_xor_block(uint8_t *to, const uint8_t *from, size_t len, const vec x[16],
                               unsigned int i)
{
        __mmask64 mask;

        if (len == 64) {
                V_STORE(to, V_XOR(V_LOAD(from), x[i]));
                return;
        }
        mask = ((__mmask64)1 << len) - 1;
        _mm512_mask_storeu_epi8(to, mask, V_XOR(_mm512_maskz_loadu_epi8(mask, from), x[i]));
}

/* Copies len bytes (0 to 63) of `from`, and zeros up to 64. Reads no other bytes. */
static inline void v_pad(uint8_t to[64], const uint8_t *from, size_t len)
{
        V_STORE(to, _mm512_maskz_loadu_epi8(((__mmask64)1 << len) - 1, from));
}

#endif
