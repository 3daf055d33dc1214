/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * x25519.h - Diffie-Hellman on Curve25519.
 * Source: RFC 7748.
 * Threads: any. A key object is constant once made and may be used by several threads at a time. */
#ifndef CRYPTO_X25519_H
#define CRYPTO_X25519_H

#include "base/attr.h"
#include "base/std.h"

#define WG_KEY_LEN 32

/* A private key with its public key, prepared so that each wg_x25519() costs one scalar
 * multiplication and no more. */
struct wg_x25519_key;

/* Clamps and takes over a private key (the caller still wipes its bytes). NULL: no memory. */
struct wg_x25519_key *wg_x25519_key_new(const uint8_t private_key[WG_KEY_LEN]) WG_MUST_USE;

/* Wipes and frees; takes NULL. */
void wg_x25519_key_free(struct wg_x25519_key *key);

/* The public key, borrowed for the life of the object. */
const uint8_t *wg_x25519_key_public(const struct wg_x25519_key *key);

/* The shared secret with a public key. Returns false and leaves `shared` zero when the result is
 * all zero (a public key of low order) or memory is missing. */
bool wg_x25519(uint8_t shared[WG_KEY_LEN], const struct wg_x25519_key *key,
               const uint8_t public_key[WG_KEY_LEN]) WG_MUST_USE;

/* Clamps the bytes of a private key in place, as RFC 7748 section 5 says. */
static inline void wg_x25519_clamp(uint8_t private_key[WG_KEY_LEN])
{
        private_key[0] &= 248;
        private_key[31] = (uint8_t)((private_key[31] & 127) | 64);
}

#endif
