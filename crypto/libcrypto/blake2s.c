/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "crypto/blake2s.h"

#include "base/mem.h"
#include "crypto/libcrypto/context.h"

#define BLOCK_LEN 64 /* of BLAKE2s; HMAC pads its key to this */

/* A thread finishes each hash before it begins the next. Finishing wipes the state. */
static EVP_MD_CTX *begin(void)
{
        EVP_MD_CTX *hash = wg_crypto_context_get()->hash;

        WG_CRYPTO_MUST(EVP_DigestInit_ex2(hash, NULL, NULL));
        return hash;
}

static void feed(EVP_MD_CTX *hash, const void *bytes, size_t len)
{
        WG_CRYPTO_MUST(EVP_DigestUpdate(hash, bytes, len));
}

static void finish(EVP_MD_CTX *hash, uint8_t out[WG_HASH_LEN])
{
        WG_CRYPTO_MUST(EVP_DigestFinal_ex(hash, out, NULL));
}

static void flip(uint8_t pad[BLOCK_LEN], uint8_t bits)
{
        for (size_t i = 0; i < BLOCK_LEN; i++)
                pad[i] ^= bits;
}

/* HMAC(key, a || b) of RFC 2104. The output may overlap any input. */
static void hmac(uint8_t out[WG_HASH_LEN], const uint8_t key[WG_HASH_LEN], const void *a,
                 size_t a_len, const void *b, size_t b_len)
{
        uint8_t pad[BLOCK_LEN] = {0}, inner[WG_HASH_LEN];
        EVP_MD_CTX *hash;

        memcpy(pad, key, WG_HASH_LEN);
        flip(pad, 0x36);
        hash = begin();
        feed(hash, pad, sizeof(pad));
        feed(hash, a, a_len);
        feed(hash, b, b_len);
        finish(hash, inner);

        flip(pad, 0x36 ^ 0x5c);
        hash = begin();
        feed(hash, pad, sizeof(pad));
        feed(hash, inner, sizeof(inner));
        finish(hash, out);

        wg_wipe(pad, sizeof(pad));
        wg_wipe(inner, sizeof(inner));
}

void wg_hash(uint8_t out[WG_HASH_LEN], const void *a, size_t a_len, const void *b, size_t b_len)
{
        EVP_MD_CTX *hash = begin();

        feed(hash, a, a_len);
        feed(hash, b, b_len);
        finish(hash, out);
}

void wg_mac(uint8_t out[WG_MAC_LEN], const uint8_t *key, size_t key_len, const void *in,
            size_t in_len)
{
        static const uint8_t no_key[1];
        EVP_MAC_CTX *mac = wg_crypto_context_get()->mac;
        size_t out_len;

        WG_CRYPTO_MUST(EVP_MAC_init(mac, key, key_len, NULL));
        WG_CRYPTO_MUST(EVP_MAC_update(mac, in, in_len));
        WG_CRYPTO_MUST(EVP_MAC_final(mac, out, &out_len, WG_MAC_LEN));
        WG_CRYPTO_MUST(EVP_MAC_init(mac, no_key, sizeof(no_key), NULL));
}

void wg_kdf(uint8_t out1[WG_HASH_LEN], uint8_t *out2, uint8_t *out3, const uint8_t key[WG_HASH_LEN],
            const void *in, size_t in_len)
{
        static const uint8_t number[] = {1, 2, 3};
        uint8_t secret[WG_HASH_LEN];

        WG_ASSERT(out2 || !out3);
        hmac(secret, key, in, in_len, NULL, 0);
        hmac(out1, secret, NULL, 0, &number[0], 1);
        if (out2)
                hmac(out2, secret, out1, WG_HASH_LEN, &number[1], 1);
        if (out3)
                hmac(out3, secret, out2, WG_HASH_LEN, &number[2], 1);
        wg_wipe(secret, sizeof(secret));
}
