/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/checksum.h"

#include <string.h>

#include "base/checksum.h"

#if defined(__x86_64__)
#define HAS_AVX2 1
#else
#define HAS_AVX2 0
#endif

/* As wide as the registers: compilers split wider vectors through memory. */
typedef uint64_t lanes16 __attribute__((vector_size(16)));
typedef uint64_t lanes32 __attribute__((vector_size(32)));

#define INLINE __attribute__((always_inline)) static inline

/* The bytes to sum, and where to copy them. `copies` says whether they are copied; it is a constant
 * in every inlined call of the functions below. Without copying, `to` stays NULL. */
struct pass {
        uint8_t *to;
        const uint8_t *from;
        size_t left;
};

/* Moves the next `len` bytes (also a constant) into `value`. */
INLINE void take(struct pass *pass, void *value, size_t len, bool copies)
{
        memcpy(value, pass->from, len);
        if (copies) {
                memcpy(pass->to, value, len);
                pass->to += len;
        }
        pass->from += len;
        pass->left -= len;
}

/* Each lane sums 32-bit words: the lower halves of the loaded words in one sum, the upper halves in
 * another, so nothing is carried before the end. Leaves less than two vectors. */
#define DEFINE_SUM_BLOCKS(sum_blocks, lanes) \
        INLINE uint64_t sum_blocks(struct pass *pass, bool copies) \
        { \
                lanes lower = {0}, upper = {0}, a, b; \
                uint64_t sum = 0; \
\
                while (pass->left >= 2 * sizeof(lanes)) { \
                        take(pass, &a, sizeof(a), copies); \
                        take(pass, &b, sizeof(b), copies); \
                        lower += (a & UINT32_MAX) + (b & UINT32_MAX); \
                        upper += (a >> 32) + (b >> 32); \
                } \
                lower += upper; \
                for (size_t i = 0; i < sizeof(lanes) / sizeof(sum); i++) \
                        sum += lower[i]; \
                return sum; \
        }

DEFINE_SUM_BLOCKS(sum_blocks16, lanes16)
DEFINE_SUM_BLOCKS(sum_blocks32, lanes32)

/* Sums the remaining bytes. A buffer for the last bytes would be slower: writing it in one width
 * and reading it in another costs more time than all the additions. */
INLINE uint64_t sum_rest(struct pass *pass, bool copies)
{
        uint64_t sum = 0, eight;
        uint32_t four;
        uint16_t two;
        uint8_t one;

        while (pass->left >= sizeof(eight)) {
                take(pass, &eight, sizeof(eight), copies);
                sum += (eight & UINT32_MAX) + (eight >> 32);
        }
        if (pass->left >= sizeof(four)) {
                take(pass, &four, sizeof(four), copies);
                sum += four;
        }
        if (pass->left >= sizeof(two)) {
                take(pass, &two, sizeof(two), copies);
                sum += two;
        }
        if (pass->left) {
                take(pass, &one, sizeof(one), copies);
                sum += wg_checksum_of((uint16_t)(one << 8));
        }
        return sum;
}

INLINE uint64_t sum16(uint64_t sum, struct pass pass, bool copies)
{
        uint64_t more = sum_blocks16(&pass, copies);

        return wg_checksum_join(sum, more + sum_rest(&pass, copies));
}

INLINE uint64_t sum32(uint64_t sum, struct pass pass, bool copies)
{
        uint64_t more = sum_blocks32(&pass, copies);

        return wg_checksum_join(sum, more + sum_rest(&pass, copies));
}

static uint64_t add_portable(uint64_t sum, const uint8_t *data, size_t len)
{
        return sum16(sum, (struct pass){NULL, data, len}, false);
}

static uint64_t copy_portable(uint64_t sum, uint8_t *to, const uint8_t *from, size_t len)
{
        return sum16(sum, (struct pass){to, from, len}, true);
}

static const struct tl_checksum_backend portable = {"portable", add_portable, copy_portable};

#if HAS_AVX2
__attribute__((target("avx2"))) static uint64_t add_avx2(uint64_t sum, const uint8_t *data,
                                                         size_t len)
{
        return sum32(sum, (struct pass){NULL, data, len}, false);
}

__attribute__((target("avx2"))) static uint64_t copy_avx2(uint64_t sum, uint8_t *to,
                                                          const uint8_t *from, size_t len)
{
        return sum32(sum, (struct pass){to, from, len}, true);
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
