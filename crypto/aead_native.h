/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * aead_native.h - the back-ends that were written for the processor this is built for. Private to this
 * room. Threads: any; all of it is constant. */
#ifndef CRYPTO_AEAD_NATIVE_H
#define CRYPTO_AEAD_NATIVE_H

#include "crypto/aead.h"

struct wg_aead_native {
        const struct wg_aead_backend *backend;
        bool (*can_run)(void); /* on the processor this runs on */
};

/* The best first; the last one's backend is NULL. */
extern const struct wg_aead_native wg_aead_natives[];

/* On x86-64 alone. */
extern const struct wg_aead_backend wg_aead_avx512, wg_aead_avx512vl, wg_aead_avx2;

#endif
