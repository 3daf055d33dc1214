/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * identity.h - the interface's private key and the keys derived from it.
 * Threads: constant once made. The engine publishes and retires it; workers read mac1_key. */
#ifndef CORE_IDENTITY_H
#define CORE_IDENTITY_H

#include "core/env.h"
#include "crypto/blake2s.h"
#include "crypto/x25519.h"

struct wg_identity {
        struct wg_x25519_key *key;
        uint8_t private_key[WG_KEY_LEN]; /* clamped; for `wg show` */
        uint8_t mac1_key[WG_HASH_LEN];   /* for mac1 of messages to us */
        uint8_t cookie_key[WG_HASH_LEN]; /* seals our cookie replies */
        struct wg_retired retired;
        const struct wg_env *env;
};

/* Clamps and prepares a private key. Returns NULL if memory is short. */
struct wg_identity *wg_identity_new(const struct wg_env *env,
                                    const uint8_t private_key[WG_KEY_LEN]) WG_MUST_USE;

/* Wipes and frees it at once. Accepts NULL. */
void wg_identity_free(struct wg_identity *identity);

/* Hands it to env->retire(), which frees it when no worker reads it any more. Accepts NULL. */
void wg_identity_retire(struct wg_identity *identity);

/* Derive the keys of a static public key. Source: WireGuard paper 5.4.4, 5.4.7. */
void wg_identity_mac1_key(uint8_t key[WG_HASH_LEN], const uint8_t public_key[WG_KEY_LEN]);
void wg_identity_cookie_key(uint8_t key[WG_HASH_LEN], const uint8_t public_key[WG_KEY_LEN]);

#endif
