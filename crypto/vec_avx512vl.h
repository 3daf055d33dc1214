/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * vec_avx512vl.h - vec256.h with AVX-512 instructions, for processors that slow down under its wide
 * registers, or split each wide operation in two. Needs AVX-512 with F, BW, DQ, VL and IFMA.
 * vec_avx512.h has the same names, twice as wide.
 * Source: Intel Intrinsics Guide. */
#ifndef CRYPTO_VEC_AVX512VL_H
#define CRYPTO_VEC_AVX512VL_H

#include "crypto/vec256.h"

/* Two states of ChaCha20 side by side are faster than one after the other, and just fit into the
 * registers. */
enum { V_IS_PAIRED = 1 };

#define V_ROTL32 _mm256_rol_epi32
#define V_MUL_LOW _mm256_madd52lo_epu64
#define V_MUL_HIGH _mm256_madd52hi_epu64
#define V_PERMUTE64(index, v) _mm256_permutexvar_epi64(index, v)
/* Lanes of 32 bits: b (PUT: x) where the mask has a bit, else a. */
#define V_BLEND32(mask, a, b) _mm256_mask_mov_epi32(a, (__mmask8)(mask), b)
#define V_PUT32(mask, v, x) _mm256_mask_set1_epi32(v, (__mmask8)(mask), (int)(x))
/* Lanes of 64 bits: b where the mask has a bit, else a. */
#define V_BLEND64(mask, a, b) _mm256_mask_mov_epi64(a, (__mmask8)(mask), b)
#define V_LESS64(a, b) _mm256_cmplt_epu64_mask(a, b)

/* 0, 1, 2 ... in words of 32 bits. */
static inline vec v_count32(void)
{
        return _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0);
}

/* Loads a block of 16 bytes per lane, `at` bytes after each of four pointers, as low and high
 * halves. */
static inline void v_gather(const uint8_t *const from[HALF], size_t at, vec *low, vec *high)
{
        const __m128i *b[HALF];
        vec even, odd;

        for (unsigned int i = 0; i < HALF; i++)
                b[i] = (const void *)(from[i] + at);
        even = _mm256_castsi128_si256(_mm_loadu_si128(b[0]));
        odd = _mm256_castsi128_si256(_mm_loadu_si128(b[1]));
        even = _mm256_inserti64x2(even, _mm_loadu_si128(b[2]), 1);
        odd = _mm256_inserti64x2(odd, _mm_loadu_si128(b[3]), 1);
        *low = V_UNPACK_LOW64(even, odd);
        *high = V_UNPACK_HIGH64(even, odd);
}

/* Loads four consecutive blocks of 16 bytes as low and high halves, in the order 0, 2, 1, 3. The
 * first `without` blocks and all bytes from `len` on are zeros and are not read. */
static inline void v_load_blocks(const uint8_t *from, unsigned int without, size_t len, vec *low,
                                 vec *high)
{
        uint64_t bytes = len >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << len) - 1;
        vec x, y;

        bytes &= ~UINT64_C(0) << 16 * without;
        x = _mm256_maskz_loadu_epi8((__mmask32)bytes, from);
        y = _mm256_maskz_loadu_epi8((__mmask32)(bytes >> 32), from + 32);
        *low = V_UNPACK_LOW64(x, y);
        *high = V_UNPACK_HIGH64(x, y);
}

/* The reverse: stores the halves of blocks. */
static inline void v_scatter(uint8_t to[HALF][16], vec low, vec high)
{
        vec even = V_UNPACK_LOW64(low, high), odd = V_UNPACK_HIGH64(low, high);

        _mm_storeu_si128((void *)to[0], _mm256_castsi256_si128(even));
        _mm_storeu_si128((void *)to[1], _mm256_castsi256_si128(odd));
        _mm_storeu_si128((void *)to[2], _mm256_extracti128_si256(even, 1));
        _mm_storeu_si128((void *)to[3], _mm256_extracti128_si256(odd, 1));
}

/* Like v_gather(), for four consecutive blocks per lane. */
static inline void v_gather4(const uint8_t *const from[HALF], size_t at, vec low[4], vec high[4])
{
        for (unsigned int i = 0; i < 4; i += 2) {
                vec r[4], even[2], odd[2];

                /* Two blocks of each lane. */
                for (unsigned int j = 0; j < 4; j++)
                        r[j] = V_LOAD(from[j] + at + 16 * i);
                even[0] = _mm256_permute2x128_si256(r[0], r[2], 0x20);
                odd[0] = _mm256_permute2x128_si256(r[1], r[3], 0x20);
                even[1] = _mm256_permute2x128_si256(r[0], r[2], 0x31);
                odd[1] = _mm256_permute2x128_si256(r[1], r[3], 0x31);
                for (unsigned int j = 0; j < 2; j++) {
                        low[i + j] = V_UNPACK_LOW64(even[j], odd[j]);
                        high[i + j] = V_UNPACK_HIGH64(even[j], odd[j]);
                }
        }
}

static inline void v_xor_part(uint8_t *to, const uint8_t *from, size_t len, vec x)
{
        __mmask32 mask = len >= 32 ? 0xffffffff : ((__mmask32)1 << len) - 1;

        _mm256_mask_storeu_epi8(to, mask, V_XOR(_mm256_maskz_loadu_epi8(mask, from), x));
}

/* len bytes (1 to 64) of `from` XOR block i. Touches no other bytes. */
static inline void v_xor_block(uint8_t *to, const uint8_t *from, size_t len, const vec x[16],
                               unsigned int i)
{
        if (len == 64) {
                v_xor_whole(to, from, x, i);
                return;
        }
        v_xor_part(to, from, len, x[i]);
        if (len > 32)
                v_xor_part(to + 32, from + 32, len - 32, x[8 + i]);
}

/* Copies len bytes (0 to 63) of `from`, and zeros up to 64. Reads no other bytes. */
static inline void v_pad(uint8_t to[64], const uint8_t *from, size_t len)
{
        __mmask32 first = len >= 32 ? 0xffffffff : ((__mmask32)1 << len) - 1;
        __mmask32 last = len > 32 ? ((__mmask32)1 << (len - 32)) - 1 : 0;

        V_STORE(to, _mm256_maskz_loadu_epi8(first, from));
        V_STORE(to + 32, _mm256_maskz_loadu_epi8(last, from + (len > 32 ? 32 : 0)));
}

#endif
