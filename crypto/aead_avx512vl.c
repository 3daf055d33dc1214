/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * aead_avx512vl.c - eight packets at a time, with AVX-512 instructions in 256-bit registers. */
#include "crypto/vec_avx512vl.h"

#include "crypto/aead_lanes.h"
#include "crypto/aead_native.h"

const struct wg_aead_backend wg_aead_avx512vl = {
        .name = "avx512vl",
        .seal = seal_batch,
        .open = open_batch,
};
