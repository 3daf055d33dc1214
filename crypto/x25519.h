/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * x25519.h - Diffie-Hellman on Curve25519.
 * Source: RFC 7748.
 * Threads: any. A key object is constant; several threads may use it at once. */
#ifndef CRYPTO_X25519_H
#define CRYPTO_X25519_H

#include "base/attr.h"
#include "base/std.h"

#define WG_KEY_LEN 32

/* A private key and its public key, prepared so that each wg_x25519() costs only one scalar
 * multiplication. */
struct wg_x25519_key;

/* Clamps and copies a private key (the caller wipes its own copy). NULL: no memory. */
struct wg_x25519_key *wg_x25519_key_new(const uint8_t private_key[WG_KEY_LEN]) WG_MUST_USE;

/* Wipes and frees; accepts NULL. */
void wg_x25519_key_free(struct wg_x25519_key *key);

/* The public key, borrowed for the life of the object. */
const uint8_t *wg_x25519_key_public(const struct wg_x25519_key *key);

/* Computes the shared secret with a public key. Returns false and zeroes `shared` if the secret is
 * all zero (a public key of low order) or there is no memory. */
bool wg_x25519(uint8_t shared[WG_KEY_LEN], const struct wg_x25519_key *key,
               const uint8_t public_key[WG_KEY_LEN]) WG_MUST_USE;

/* Clamps a private key in place (RFC 7748 section 5). */
static inline void wg_x25519_clamp(uint8_t private_key[WG_KEY_LEN])
{
        private_key[0] &= 248;
        private_key[31] = (uint8_t)((private_key[31] & 127) | 64);
}

#endif
