/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "crypto/libcrypto/context.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/params.h>

#include "crypto/blake2s.h"
#include "crypto/crypto.h"
#include "crypto/x25519.h"

struct algorithms {
        EVP_MD *hash;
        EVP_MAC *mac;
        EVP_CIPHER *aead;
        EVP_CIPHER *stream;
        pthread_key_t thread_end; /* its destructor frees a thread's contexts */
        bool has_thread_end;
};

static struct algorithms fetched; /* written only by init and done */
static _Thread_local struct wg_crypto_context *mine;

/* Accepts NULL and a half-built object of context_new(). */
static void context_free(struct wg_crypto_context *c)
{
        if (!c)
                return;
        EVP_MD_CTX_free(c->hash);
        EVP_MAC_CTX_free(c->mac);
        EVP_CIPHER_CTX_free(c->aead);
        EVP_CIPHER_CTX_free(c->stream);
        EVP_PKEY_free(c->peer);
        free(c);
}

/* Destructors that run after this one may still call this room. */
static void at_thread_end(void *context)
{
        mine = NULL;
        context_free(context);
}

static bool prepare_mac(EVP_MAC_CTX *mac)
{
        size_t len = WG_MAC_LEN;
        const OSSL_PARAM params[] = {
                OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &len),
                OSSL_PARAM_construct_end(),
        };

        return EVP_MAC_CTX_set_params(mac, params) == 1;
}

static struct wg_crypto_context *context_new(void)
{
        static const uint8_t base_point[WG_KEY_LEN] = {9};
        struct wg_crypto_context *c = calloc(1, sizeof(*c));

        if (!c)
                return NULL;
        c->hash = EVP_MD_CTX_new();
        c->mac = EVP_MAC_CTX_new(fetched.mac);
        c->aead = EVP_CIPHER_CTX_new();
        c->stream = EVP_CIPHER_CTX_new();
        c->peer = EVP_PKEY_new_raw_public_key_ex(NULL, "X25519", NULL, base_point, WG_KEY_LEN);
        if (c->hash && c->mac && c->aead && c->stream && c->peer &&
            EVP_DigestInit_ex2(c->hash, fetched.hash, NULL) == 1 && prepare_mac(c->mac) &&
            EVP_CipherInit_ex2(c->aead, fetched.aead, NULL, NULL, 1, NULL) == 1 &&
            EVP_CipherInit_ex2(c->stream, fetched.stream, NULL, NULL, 1, NULL) == 1)
                return c;
        context_free(c);
        return NULL;
}

bool wg_crypto_context_init(void)
{
        WG_ASSERT(!fetched.has_thread_end);
        fetched.hash = EVP_MD_fetch(NULL, "BLAKE2s256", NULL);
        fetched.mac = EVP_MAC_fetch(NULL, "BLAKE2SMAC", NULL);
        fetched.aead = EVP_CIPHER_fetch(NULL, "ChaCha20-Poly1305", NULL);
        fetched.stream = EVP_CIPHER_fetch(NULL, "ChaCha20", NULL);
        fetched.has_thread_end = pthread_key_create(&fetched.thread_end, at_thread_end) == 0;
        if (fetched.hash && fetched.mac && fetched.aead && fetched.stream &&
            fetched.has_thread_end) {
                /* Making the first set also proves that X25519, which is fetched by name, is
                 * available. */
                mine = context_new();
                if (mine && pthread_setspecific(fetched.thread_end, mine) == 0)
                        return true;
        }
        wg_crypto_context_done();
        return false;
}

void wg_crypto_context_done(void)
{
        context_free(mine);
        mine = NULL;
        EVP_MD_free(fetched.hash);
        EVP_MAC_free(fetched.mac);
        EVP_CIPHER_free(fetched.aead);
        EVP_CIPHER_free(fetched.stream);
        if (fetched.has_thread_end)
                (void)pthread_key_delete(fetched.thread_end);
        fetched = (struct algorithms){0};
}

bool wg_crypto_thread_begin(void)
{
        WG_ASSERT(fetched.has_thread_end);
        if (mine)
                return true;
        mine = context_new();
        if (mine && pthread_setspecific(fetched.thread_end, mine) == 0)
                return true;
        context_free(mine);
        mine = NULL;
        return false;
}

struct wg_crypto_context *wg_crypto_context_get(void)
{
        if (WG_UNLIKELY(mine == NULL))
                WG_ASSERT(wg_crypto_thread_begin());
        return mine;
}
