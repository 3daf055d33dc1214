/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * aead_native.h - the back-ends written for the target processor. Private to this room.
 * Threads: any; everything is constant. */
#ifndef CRYPTO_AEAD_NATIVE_H
#define CRYPTO_AEAD_NATIVE_H

#include "crypto/aead.h"

struct wg_aead_native {
        const struct wg_aead_backend *backend;
        bool (*can_run)(void); /* on this processor */
};

/* Best first; the last one has a NULL backend. */
extern const struct wg_aead_native wg_aead_natives[];

/* Only on x86-64. */
extern const struct wg_aead_backend wg_aead_avx512, wg_aead_avx512vl, wg_aead_avx2;

#endif
