/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * blake2s.h - the hash, the keyed MAC and the key derivation of WireGuard.
 * Source: RFC 7693 (BLAKE2s); WireGuard paper 5.4 (HASH, MAC, HMAC, KDFn).
 * Threads: any, no shared state. The functions cannot fail, but call wg_panic() if there is no
 * memory for a thread's contexts on its first use (see crypto.h). */
#ifndef CRYPTO_BLAKE2S_H
#define CRYPTO_BLAKE2S_H

#include "base/std.h"

#define WG_HASH_LEN 32
#define WG_MAC_LEN 16

/* HASH(a || b). Either part may be empty; out may overlap them. */
void wg_hash(uint8_t out[WG_HASH_LEN], const void *a, size_t a_len, const void *b, size_t b_len);

/* MAC(key, in): BLAKE2s with 16 bytes of output, keyed by 1..32 bytes. */
void wg_mac(uint8_t out[WG_MAC_LEN], const uint8_t *key, size_t key_len, const void *in,
            size_t in_len);

/* KDF1..KDF3(key, in): derives out1, and out2 and out3 unless they are NULL (out3 only with out2).
 * Outputs may overlap key and in. */
void wg_kdf(uint8_t out1[WG_HASH_LEN], uint8_t *out2, uint8_t *out3, const uint8_t key[WG_HASH_LEN],
            const void *in, size_t in_len);

#endif
