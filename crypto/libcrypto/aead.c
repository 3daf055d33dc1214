/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "crypto/aead.h"

#include <limits.h>

#include <openssl/core_names.h>
#include <openssl/params.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "crypto/aead_nonce96.h"
#include "crypto/libcrypto/context.h"

/* libcrypto's numbers for the direction. */
enum { OPEN = 0, SEAL = 1 };

static void expand_nonce(uint8_t nonce[WG_AEAD_NONCE_LEN], uint64_t counter)
{
        memset(nonce, 0, 4);
        wg_le64_store(nonce + 4, counter);
}

/* The tag is a parameter, passed at the end when sealing, and with the nonce when opening. */
static OSSL_PARAM tag_at(const uint8_t *tag)
{
        return OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, (void *)tag,
                                                 WG_AEAD_TAG_LEN);
}

/* The calling thread's context with this key, for use until forget_key(). */
static EVP_CIPHER_CTX *with_key(const uint8_t key[WG_AEAD_KEY_LEN], int direction)
{
        EVP_CIPHER_CTX *cipher = wg_crypto_context_get()->aead;

        WG_CRYPTO_MUST(EVP_CipherInit_ex2(cipher, NULL, key, NULL, direction, NULL));
        return cipher;
}

/* Besides the key, the last packet leaves the rest of a key-stream block, which is never used again
 * and which the next packet overwrites. */
static void forget_key(EVP_CIPHER_CTX *cipher)
{
        static const uint8_t no_key[WG_AEAD_KEY_LEN];

        WG_CRYPTO_MUST(EVP_CipherInit_ex2(cipher, NULL, no_key, NULL, SEAL, NULL));
}

/* Runs len bytes through the cipher, as associated data if `to` is NULL. */
static void feed(EVP_CIPHER_CTX *cipher, uint8_t *to, const void *from, size_t len)
{
        int done;

        if (len == 0)
                return;
        WG_ASSERT(len <= INT_MAX);
        WG_CRYPTO_MUST(EVP_CipherUpdate(cipher, to, &done, from, (int)len));
}

static void seal_one(EVP_CIPHER_CTX *cipher, uint8_t *to, const uint8_t *from, size_t len,
                     const void *ad, size_t ad_len, const uint8_t nonce[WG_AEAD_NONCE_LEN])
{
        OSSL_PARAM tag[] = {tag_at(to + len), OSSL_PARAM_construct_end()};
        uint8_t nothing[1];
        int done;

        WG_CRYPTO_MUST(EVP_CipherInit_ex2(cipher, NULL, NULL, nonce, SEAL, NULL));
        feed(cipher, NULL, ad, ad_len);
        feed(cipher, to, from, len);
        WG_CRYPTO_MUST(EVP_CipherFinal_ex(cipher, nothing, &done));
        WG_CRYPTO_MUST(EVP_CIPHER_CTX_get_params(cipher, tag));
        wg_declassify(to, len + WG_AEAD_TAG_LEN); /* sealed, so public */
}

static bool open_one(EVP_CIPHER_CTX *cipher, uint8_t *to, const uint8_t *from, size_t len,
                     const void *ad, size_t ad_len, const uint8_t nonce[WG_AEAD_NONCE_LEN])
{
        uint8_t nothing[1];
        int done;

        if (len < WG_AEAD_TAG_LEN)
                return false;
        len -= WG_AEAD_TAG_LEN;
        OSSL_PARAM tag[] = {tag_at(from + len), OSSL_PARAM_construct_end()};

        WG_CRYPTO_MUST(EVP_CipherInit_ex2(cipher, NULL, NULL, nonce, OPEN, tag));
        feed(cipher, NULL, ad, ad_len);
        feed(cipher, to, from, len);
        if (EVP_CipherFinal_ex(cipher, nothing, &done) == 1)
                return true;
        /* libcrypto decrypts while it authenticates. */
        wg_wipe(to, len);
        return false;
}

void wg_aead_seal_nonce96(uint8_t *to, const uint8_t *from, size_t len, const void *ad,
                          size_t ad_len, const uint8_t nonce[WG_AEAD_NONCE_LEN],
                          const uint8_t key[WG_AEAD_KEY_LEN])
{
        EVP_CIPHER_CTX *cipher = with_key(key, SEAL);

        seal_one(cipher, to, from, len, ad, ad_len, nonce);
        forget_key(cipher);
}

bool wg_aead_open_nonce96(uint8_t *to, const uint8_t *from, size_t len, const void *ad,
                          size_t ad_len, const uint8_t nonce[WG_AEAD_NONCE_LEN],
                          const uint8_t key[WG_AEAD_KEY_LEN])
{
        EVP_CIPHER_CTX *cipher = with_key(key, OPEN);
        bool is_valid = open_one(cipher, to, from, len, ad, ad_len, nonce);

        forget_key(cipher);
        return is_valid;
}

void wg_aead_seal(uint8_t *to, const uint8_t *from, size_t len, const void *ad, size_t ad_len,
                  uint64_t nonce, const uint8_t key[WG_AEAD_KEY_LEN])
{
        uint8_t expanded[WG_AEAD_NONCE_LEN];

        expand_nonce(expanded, nonce);
        wg_aead_seal_nonce96(to, from, len, ad, ad_len, expanded, key);
}

bool wg_aead_open(uint8_t *to, const uint8_t *from, size_t len, const void *ad, size_t ad_len,
                  uint64_t nonce, const uint8_t key[WG_AEAD_KEY_LEN])
{
        uint8_t expanded[WG_AEAD_NONCE_LEN];

        expand_nonce(expanded, nonce);
        return wg_aead_open_nonce96(to, from, len, ad, ad_len, expanded, key);
}

static void seal_batch(const uint8_t key[WG_AEAD_KEY_LEN], struct wg_aead_packet *packets, size_t n)
{
        EVP_CIPHER_CTX *cipher = with_key(key, SEAL);
        uint8_t nonce[WG_AEAD_NONCE_LEN];

        for (struct wg_aead_packet *p = packets; p < packets + n; p++) {
                expand_nonce(nonce, p->nonce);
                seal_one(cipher, p->to, p->from, p->len, NULL, 0, nonce);
        }
        forget_key(cipher);
}

static void open_batch(const uint8_t key[WG_AEAD_KEY_LEN], struct wg_aead_packet *packets, size_t n)
{
        EVP_CIPHER_CTX *cipher = with_key(key, OPEN);
        uint8_t nonce[WG_AEAD_NONCE_LEN];

        for (struct wg_aead_packet *p = packets; p < packets + n; p++) {
                expand_nonce(nonce, p->nonce);
                p->is_valid = open_one(cipher, p->to, p->from, p->len, NULL, 0, nonce);
        }
        forget_key(cipher);
}

const struct wg_aead_backend wg_aead_libcrypto = {
        .name = "libcrypto",
        .seal = seal_batch,
        .open = open_batch,
};
