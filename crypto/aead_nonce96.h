/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * aead_nonce96.h - the single-message functions with a full 12-byte nonce of RFC 8439. WireGuard's
 * nonces start with 4 zeros; those of published vectors do not. Private to this room. */
#ifndef CRYPTO_AEAD_NONCE96_H
#define CRYPTO_AEAD_NONCE96_H

#include "crypto/aead.h"

#define WG_AEAD_NONCE_LEN 12

/* Like wg_aead_seal() and wg_aead_open(). */
void wg_aead_seal_nonce96(uint8_t *to, const uint8_t *from, size_t len, const void *ad,
                          size_t ad_len, const uint8_t nonce[WG_AEAD_NONCE_LEN],
                          const uint8_t key[WG_AEAD_KEY_LEN]);
bool wg_aead_open_nonce96(uint8_t *to, const uint8_t *from, size_t len, const void *ad,
                          size_t ad_len, const uint8_t nonce[WG_AEAD_NONCE_LEN],
                          const uint8_t key[WG_AEAD_KEY_LEN]) WG_MUST_USE;

#endif
