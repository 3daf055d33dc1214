/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * identity.h - who we are: the private key of the interface and what follows from it.
 * Threads: constant once made. The engine publishes it and retires it; workers read mac1_key. */
#ifndef CORE_IDENTITY_H
#define CORE_IDENTITY_H

#include "core/env.h"
#include "crypto/blake2s.h"
#include "crypto/x25519.h"

struct wg_identity {
        struct wg_x25519_key *key;
        uint8_t private_key[WG_KEY_LEN]; /* clamped; for `wg show` */
        uint8_t mac1_key[WG_HASH_LEN];   /* messages to us carry a MAC under it */
        uint8_t cookie_key[WG_HASH_LEN]; /* our cookie replies are sealed under it */
        struct wg_retired retired;
        const struct wg_env *env;
};

/* Clamps and prepares a private key. NULL: no memory. */
struct wg_identity *wg_identity_new(const struct wg_env *env,
                                    const uint8_t private_key[WG_KEY_LEN]) WG_MUST_USE;

/* Wipes and frees at once; takes NULL. */
void wg_identity_free(struct wg_identity *identity);

/* Hands it to env->retire(), to be freed when no worker reads it; takes NULL. */
void wg_identity_retire(struct wg_identity *identity);

/* The keys that follow from a static public key. Source: WireGuard paper 5.4.4, 5.4.7. */
void wg_identity_mac1_key(uint8_t key[WG_HASH_LEN], const uint8_t public_key[WG_KEY_LEN]);
void wg_identity_cookie_key(uint8_t key[WG_HASH_LEN], const uint8_t public_key[WG_KEY_LEN]);

#endif
