/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * xchacha.h - XChaCha20-Poly1305 with its long random nonce, for cookie replies.
 * Source: draft-irtf-cfrg-xchacha-03; WireGuard paper 5.4.7.
 * Threads: any. */
#ifndef CRYPTO_XCHACHA_H
#define CRYPTO_XCHACHA_H

#include "base/attr.h"
#include "base/std.h"
#include "crypto/aead.h"

#define WG_XCHACHA_NONCE_LEN 24

/* Like wg_aead_seal() and wg_aead_open(), with a 24-byte nonce. */
void wg_xchacha_seal(uint8_t *to, const uint8_t *from, size_t len, const void *ad, size_t ad_len,
                     const uint8_t nonce[WG_XCHACHA_NONCE_LEN], const uint8_t key[WG_AEAD_KEY_LEN]);
bool wg_xchacha_open(uint8_t *to, const uint8_t *from, size_t len, const void *ad, size_t ad_len,
                     const uint8_t nonce[WG_XCHACHA_NONCE_LEN],
                     const uint8_t key[WG_AEAD_KEY_LEN]) WG_MUST_USE;

#endif
