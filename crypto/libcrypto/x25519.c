/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * Work that libcrypto would repeat in each exchange is done once. A private key passed as bytes
 * costs a second scalar multiplication (for its public key); validating the peer and fetching a
 * context by name cost a few microseconds each. So a key is a context that is ready to derive. It
 * is never used itself, so threads can share it: each exchange uses a duplicate, and the thread's
 * own object for the peer. */
#include "crypto/x25519.h"

#include <stdlib.h>

#include <openssl/err.h>

#include "base/mem.h"
#include "crypto/libcrypto/context.h"

struct wg_x25519_key {
        EVP_PKEY_CTX *derive; /* has the private key; libcrypto wipes it on free */
        uint8_t public_key[WG_KEY_LEN];
};

struct wg_x25519_key *wg_x25519_key_new(const uint8_t private_key[WG_KEY_LEN])
{
        struct wg_x25519_key *key = calloc(1, sizeof(*key));
        /* X25519 clamps its input by definition. */
        EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key_ex(NULL, "X25519", NULL, private_key,
                                                         WG_KEY_LEN);
        size_t len = WG_KEY_LEN;
        bool is_ready = false;

        if (!key || !pkey)
                goto out;
        key->derive = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
        is_ready = key->derive && EVP_PKEY_derive_init(key->derive) == 1 &&
                   EVP_PKEY_get_raw_public_key(pkey, key->public_key, &len) == 1;
        wg_declassify(key->public_key, WG_KEY_LEN); /* a public key */
out:
        EVP_PKEY_free(pkey); /* the context has its own reference */
        if (is_ready)
                return key;
        wg_x25519_key_free(key);
        return NULL;
}

void wg_x25519_key_free(struct wg_x25519_key *key)
{
        if (!key)
                return;
        EVP_PKEY_CTX_free(key->derive);
        free(key);
}

const uint8_t *wg_x25519_key_public(const struct wg_x25519_key *key)
{
        return key->public_key;
}

bool wg_x25519(uint8_t shared[WG_KEY_LEN], const struct wg_x25519_key *key,
               const uint8_t public_key[WG_KEY_LEN])
{
        EVP_PKEY *peer = wg_crypto_context_get()->peer;
        EVP_PKEY_CTX *derive = EVP_PKEY_CTX_dup(key->derive);
        size_t len = WG_KEY_LEN;
        bool is_good = derive &&
                       EVP_PKEY_set1_encoded_public_key(peer, public_key, WG_KEY_LEN) == 1 &&
                       EVP_PKEY_derive_set_peer_ex(derive, peer, 0) == 1 &&
                       EVP_PKEY_derive(derive, shared, &len) == 1 &&
                       !wg_is_zero(shared, WG_KEY_LEN);

        EVP_PKEY_CTX_free(derive);
        if (!is_good) {
                wg_wipe(shared, WG_KEY_LEN);
                ERR_clear_error(); /* else the thread's list of errors grows and misleads others */
        }
        return is_good;
}
