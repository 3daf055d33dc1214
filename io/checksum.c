/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/checksum.h"

#include <stdbool.h>

#include "base/endpoint.h"

#if defined(__x86_64__)
#define HAS_AVX2 1
#else
#define HAS_AVX2 0
#endif

/* Four lanes, whatever the width of the processor's registers; the compiler makes two of one where
 * they are narrower. */
typedef uint64_t lanes __attribute__((vector_size(32)));

enum { BLOCK = sizeof(lanes) };

/* Each lane sums 32-bit words: the lower half of what is loaded in one, the upper half in another, so
 * nothing is carried round before the end. `copies` is constant where this is inlined. */
__attribute__((always_inline)) static inline uint64_t sum_blocks(uint8_t *to, const uint8_t *from,
                                                                 size_t blocks, bool copies)
{
        lanes lower = {0}, upper = {0}, a, b;

        for (; blocks >= 2; blocks -= 2, from += 2 * BLOCK) {
                memcpy(&a, from, BLOCK);
                memcpy(&b, from + BLOCK, BLOCK);
                if (copies) {
                        memcpy(to, &a, BLOCK);
                        memcpy(to + BLOCK, &b, BLOCK);
                        to += 2 * BLOCK;
                }
                lower += (a & UINT32_MAX) + (b & UINT32_MAX);
                upper += (a >> 32) + (b >> 32);
        }
        if (blocks) {
                memcpy(&a, from, BLOCK);
                if (copies)
                        memcpy(to, &a, BLOCK);
                lower += a & UINT32_MAX;
                upper += a >> 32;
        }
        lower += upper;
        return lower[0] + lower[1] + lower[2] + lower[3];
}

/* What is left of less than a block. */
__attribute__((always_inline)) static inline uint64_t sum_rest(uint8_t *to, const uint8_t *from,
                                                               size_t len, bool copies)
{
        uint64_t sum = 0, eight;
        uint8_t last[8] = {0};

        for (; len >= 8; len -= 8, from += 8) {
                memcpy(&eight, from, 8);
                if (copies) {
                        memcpy(to, &eight, 8);
                        to += 8;
                }
                sum += (eight & UINT32_MAX) + (eight >> 32);
        }
        if (len & 4)
                memcpy(last, from, 4);
        if (len & 2)
                memcpy(last + (len & 4), from + (len & 4), 2);
        if (len & 1)
                last[len - 1] = from[len - 1];
        if (copies)
                for (size_t i = 0; i < len; i++)
                        to[i] = last[i];
        memcpy(&eight, last, 8);
        return sum + (eight & UINT32_MAX) + (eight >> 32);
}

/* Both are below 2^64, and the result is below 2^33. */
static uint64_t join_sums(uint64_t a, uint64_t b)
{
        uint64_t sum = (a & UINT32_MAX) + (a >> 32) + (b & UINT32_MAX) + (b >> 32);

        return (sum & UINT32_MAX) + (sum >> 32);
}

__attribute__((always_inline)) static inline uint64_t add_all(uint64_t sum, const uint8_t *data,
                                                              size_t len)
{
        size_t whole = len - len % BLOCK;
        uint64_t more = sum_blocks(NULL, data, len / BLOCK, false);

        return join_sums(sum, more + sum_rest(NULL, data + whole, len - whole, false));
}

__attribute__((always_inline)) static inline uint64_t copy_all(uint64_t sum, uint8_t *to,
                                                               const uint8_t *from, size_t len)
{
        size_t whole = len - len % BLOCK;
        uint64_t more = sum_blocks(to, from, len / BLOCK, true);

        return join_sums(sum, more + sum_rest(to + whole, from + whole, len - whole, true));
}

static uint64_t add_portable(uint64_t sum, const uint8_t *data, size_t len)
{
        return add_all(sum, data, len);
}

static uint64_t copy_portable(uint64_t sum, uint8_t *to, const uint8_t *from, size_t len)
{
        return copy_all(sum, to, from, len);
}

static const struct tl_checksum_backend portable = {"portable", add_portable, copy_portable};

#if HAS_AVX2
__attribute__((target("avx2"))) static uint64_t add_avx2(uint64_t sum, const uint8_t *data,
                                                         size_t len)
{
        return add_all(sum, data, len);
}

__attribute__((target("avx2"))) static uint64_t copy_avx2(uint64_t sum, uint8_t *to,
                                                          const uint8_t *from, size_t len)
{
        return copy_all(sum, to, from, len);
}

static const struct tl_checksum_backend avx2 = {"avx2", add_avx2, copy_avx2};

static bool has_avx2(void)
{
        return __builtin_cpu_supports("avx2");
}
#else
#define avx2 portable
static bool has_avx2(void)
{
        return false;
}
#endif

const struct tl_checksum_backend *tl_checksum_nth(size_t nth)
{
        if (nth == 0)
                return &portable;
        return nth == 1 && has_avx2() ? &avx2 : NULL;
}

uint64_t tl_checksum_add(uint64_t sum, const uint8_t *data, size_t len)
{
        return (has_avx2() ? &avx2 : &portable)->add(sum, data, len);
}

uint64_t tl_checksum_copy(uint64_t sum, uint8_t *to, const uint8_t *from, size_t len)
{
        return (has_avx2() ? &avx2 : &portable)->copy(sum, to, from, len);
}

uint64_t tl_checksum_pseudo(uint8_t family, const uint8_t *source, const uint8_t *destination,
                            uint8_t protocol, uint32_t len)
{
        size_t bytes = family == WG_FAMILY_IPV4 ? 4 : 16;
        uint64_t sum = tl_checksum_of(protocol) + tl_checksum_of((uint16_t)(len >> 16)) +
                       tl_checksum_of((uint16_t)len);

        for (size_t i = 0; i < bytes; i += 4) {
                uint32_t words[2];

                memcpy(&words[0], source + i, 4);
                memcpy(&words[1], destination + i, 4);
                sum += (uint64_t)words[0] + words[1];
        }
        return (sum & UINT32_MAX) + (sum >> 32);
}
