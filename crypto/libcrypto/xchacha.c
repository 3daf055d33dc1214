/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "crypto/xchacha.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "crypto/libcrypto/context.h"

#define BLOCK_LEN 64
#define HCHACHA_INPUT_LEN 16

/* One block of ChaCha20 key stream: the permuted state plus the initial state, word by word. The
 * last four words of the initial state are `last_words`: counter and nonce, or other input. */
static void chacha20_block(uint8_t block[BLOCK_LEN], const uint8_t key[WG_AEAD_KEY_LEN],
                           const uint8_t last_words[HCHACHA_INPUT_LEN])
{
        static const uint8_t zeros[BLOCK_LEN];
        EVP_CIPHER_CTX *stream = wg_crypto_context_get()->stream;
        int done;

        WG_CRYPTO_MUST(EVP_CipherInit_ex2(stream, NULL, key, last_words, 1, NULL));
        WG_CRYPTO_MUST(EVP_CipherUpdate(stream, block, &done, zeros, BLOCK_LEN));
        WG_CRYPTO_MUST(EVP_CipherInit_ex2(stream, NULL, zeros, zeros, 1, NULL));
}

/* HChaCha20 (draft-irtf-cfrg-xchacha-03 section 2.2) outputs the first and last four words of the
 * permuted state. In a key-stream block the initial words are added to these; they are known: the
 * constants of RFC 8439 section 2.3, and the input. */
static void hchacha20(uint8_t subkey[WG_AEAD_KEY_LEN], const uint8_t key[WG_AEAD_KEY_LEN],
                      const uint8_t input[HCHACHA_INPUT_LEN])
{
        static const uint32_t constants[4] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
        uint8_t block[BLOCK_LEN];

        chacha20_block(block, key, input);
        for (size_t i = 0; i < 4; i++) {
                const uint8_t *first = block + 4 * i, *last = block + 48 + 4 * i;

                wg_le32_store(subkey + 4 * i, wg_le32_load(first) - constants[i]);
                wg_le32_store(subkey + 16 + 4 * i,
                              wg_le32_load(last) - wg_le32_load(input + 4 * i));
        }
        wg_wipe(block, sizeof(block));
}

void wg_xchacha_seal(uint8_t *to, const uint8_t *from, size_t len, const void *ad, size_t ad_len,
                     const uint8_t nonce[WG_XCHACHA_NONCE_LEN], const uint8_t key[WG_AEAD_KEY_LEN])
{
        uint8_t subkey[WG_AEAD_KEY_LEN];

        hchacha20(subkey, key, nonce);
        wg_aead_seal(to, from, len, ad, ad_len, wg_le64_load(nonce + HCHACHA_INPUT_LEN), subkey);
        wg_wipe(subkey, sizeof(subkey));
}

bool wg_xchacha_open(uint8_t *to, const uint8_t *from, size_t len, const void *ad, size_t ad_len,
                     const uint8_t nonce[WG_XCHACHA_NONCE_LEN], const uint8_t key[WG_AEAD_KEY_LEN])
{
        uint8_t subkey[WG_AEAD_KEY_LEN];
        bool is_valid;

        hchacha20(subkey, key, nonce);
        is_valid = wg_aead_open(to, from, len, ad, ad_len, wg_le64_load(nonce + HCHACHA_INPUT_LEN),
                                subkey);
        wg_wipe(subkey, sizeof(subkey));
        return is_valid;
}
