/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * aead_avx512.c - sixteen packets at a time, in 512-bit registers. Batches that would fill less
 * than half of a register go to the 256-bit form. */
#include "crypto/vec_avx512.h"

#include "crypto/aead_lanes.h"
#include "crypto/aead_native.h"

/* Whether a whole batch, with one block per packet for its key, fits into one pass of the 256-bit
 * form. `tag_len` bytes of each packet are not text. */
static bool is_small(const struct wg_aead_packet *packets, size_t n, size_t tag_len)
{
        size_t blocks = 0;

        for (size_t i = 0; i < n && blocks <= LANES / 2; i++)
                blocks += 1 +
                          (packets[i].len - WG_MIN(packets[i].len, tag_len) + BLOCK - 1) / BLOCK;
        return blocks <= LANES / 2;
}

static void seal_any(const uint8_t key[WG_AEAD_KEY_LEN], struct wg_aead_packet *packets, size_t n)
{
        if (is_small(packets, n, 0))
                wg_aead_avx512vl.seal(key, packets, n);
        else
                seal_batch(key, packets, n);
}

static void open_any(const uint8_t key[WG_AEAD_KEY_LEN], struct wg_aead_packet *packets, size_t n)
{
        if (is_small(packets, n, WG_AEAD_TAG_LEN))
                wg_aead_avx512vl.open(key, packets, n);
        else
                open_batch(key, packets, n);
}

const struct wg_aead_backend wg_aead_avx512 = {
        .name = "avx512",
        .seal = seal_any,
        .open = open_any,
};
