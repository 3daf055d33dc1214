/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "crypto/aead_native.h"

/* __builtin_cpu_supports() also checks that the system saves these registers. */
static bool has_avx512(void)
{
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512ifma") && __builtin_cpu_supports("bmi2");
}

static bool has_avx2(void)
{
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
}

/* Zen 4 splits 512-bit operations in two, so they gain nothing, and 256-bit registers leave no
 * lanes idle when packets are few. */
static bool has_avx512_in_halves(void)
{
        return has_avx512() && __builtin_cpu_is("amdfam19h");
}

static bool has_avx512_whole(void)
{
        return has_avx512() && !has_avx512_in_halves();
}

const struct wg_aead_native wg_aead_natives[] = {
        {&wg_aead_avx512vl, has_avx512_in_halves},
        {&wg_aead_avx512, has_avx512},
        {&wg_aead_avx512vl, has_avx512_whole},
        {&wg_aead_avx2, has_avx2},
        {NULL, NULL},
};
