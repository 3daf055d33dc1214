/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * aead_avx2.c - eight packets at a time, on processors with AVX2. */
#include "crypto/vec_avx2.h"

#include "crypto/aead_native.h"
#include "crypto/aead_woven.h"

const struct wg_aead_backend wg_aead_avx2 = {
        .name = "avx2",
        .seal = seal_batch,
        .open = open_batch,
};
