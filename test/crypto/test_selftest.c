/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_selftest.c - crypto/selftest.h: init must notice a primitive that is missing or wrong. The
 * linker puts the functions below in front of those of the room and of libcrypto (--wrap, see
 * meson.build); they corrupt the selected one. */
#include <stdint.h>
#include <stdio.h>

#include "test/lib/cmocka.h"
#include <openssl/evp.h>

#include "base/mem.h"
#include "crypto/aead.h"
#include "crypto/crypto.h"
#include "crypto/selftest.h"

static enum spoilt {
        NOTHING,
        NO_ALGORITHM,
        NO_CONTEXT,
        HASH,
        MAC,
        KDF,
        X25519_RESULT,
        X25519_REFUSES,
        X25519_ACCEPTS,
        PUBLIC_KEY,
        KEY_NEW,
        SEAL_TAG,
        OPEN_REFUSES,
        OPEN_ACCEPTS,
        OPEN_RESULT,
        OPEN_LEAVES_PLAINTEXT,
        COUNTER,
        XCHACHA_TAG,
        XCHACHA_ACCEPTS,
        XCHACHA_REFUSES,
        SPOILT_COUNT,
} spoilt;

/* The arguments shared by all AEAD functions, before those of the real function. */
#define TO_FROM_AD uint8_t *to, const uint8_t *from, size_t len, const void *ad, size_t ad_len

struct wg_x25519_key;
EVP_MAC *__real_EVP_MAC_fetch(OSSL_LIB_CTX *library, const char *name, const char *properties);
EVP_MAC *__wrap_EVP_MAC_fetch(OSSL_LIB_CTX *library, const char *name, const char *properties);
EVP_CIPHER_CTX *__real_EVP_CIPHER_CTX_new(void);
EVP_CIPHER_CTX *__wrap_EVP_CIPHER_CTX_new(void);
void __real_wg_hash(uint8_t *out, const void *a, size_t a_len, const void *b, size_t b_len);
void __wrap_wg_hash(uint8_t *out, const void *a, size_t a_len, const void *b, size_t b_len);
void __real_wg_mac(uint8_t *out, const uint8_t *key, size_t key_len, const void *in, size_t in_len);
void __wrap_wg_mac(uint8_t *out, const uint8_t *key, size_t key_len, const void *in, size_t in_len);
void __real_wg_kdf(uint8_t *out1, uint8_t *out2, uint8_t *out3, const uint8_t *key, const void *in,
                   size_t in_len);
void __wrap_wg_kdf(uint8_t *out1, uint8_t *out2, uint8_t *out3, const uint8_t *key, const void *in,
                   size_t in_len);
struct wg_x25519_key *__real_wg_x25519_key_new(const uint8_t *private_key);
struct wg_x25519_key *__wrap_wg_x25519_key_new(const uint8_t *private_key);
const uint8_t *__real_wg_x25519_key_public(const struct wg_x25519_key *key);
const uint8_t *__wrap_wg_x25519_key_public(const struct wg_x25519_key *key);
bool __real_wg_x25519(uint8_t *shared, const struct wg_x25519_key *key, const uint8_t *public_key);
bool __wrap_wg_x25519(uint8_t *shared, const struct wg_x25519_key *key, const uint8_t *public_key);
void __real_wg_aead_seal_nonce96(TO_FROM_AD, const uint8_t *nonce, const uint8_t *key);
void __wrap_wg_aead_seal_nonce96(TO_FROM_AD, const uint8_t *nonce, const uint8_t *key);
bool __real_wg_aead_open_nonce96(TO_FROM_AD, const uint8_t *nonce, const uint8_t *key);
bool __wrap_wg_aead_open_nonce96(TO_FROM_AD, const uint8_t *nonce, const uint8_t *key);
void __real_wg_aead_seal(TO_FROM_AD, uint64_t nonce, const uint8_t *key);
void __wrap_wg_aead_seal(TO_FROM_AD, uint64_t nonce, const uint8_t *key);
void __real_wg_xchacha_seal(TO_FROM_AD, const uint8_t *nonce, const uint8_t *key);
void __wrap_wg_xchacha_seal(TO_FROM_AD, const uint8_t *nonce, const uint8_t *key);
bool __real_wg_xchacha_open(TO_FROM_AD, const uint8_t *nonce, const uint8_t *key);
bool __wrap_wg_xchacha_open(TO_FROM_AD, const uint8_t *nonce, const uint8_t *key);

EVP_MAC *__wrap_EVP_MAC_fetch(OSSL_LIB_CTX *library, const char *name, const char *properties)
{
        return spoilt == NO_ALGORITHM ? NULL : __real_EVP_MAC_fetch(library, name, properties);
}

EVP_CIPHER_CTX *__wrap_EVP_CIPHER_CTX_new(void)
{
        return spoilt == NO_CONTEXT ? NULL : __real_EVP_CIPHER_CTX_new();
}

void __wrap_wg_hash(uint8_t *out, const void *a, size_t a_len, const void *b, size_t b_len)
{
        __real_wg_hash(out, a, a_len, b, b_len);
        out[31] ^= spoilt == HASH;
}

void __wrap_wg_mac(uint8_t *out, const uint8_t *key, size_t key_len, const void *in, size_t in_len)
{
        __real_wg_mac(out, key, key_len, in, in_len);
        out[15] ^= spoilt == MAC;
}

void __wrap_wg_kdf(uint8_t *out1, uint8_t *out2, uint8_t *out3, const uint8_t *key, const void *in,
                   size_t in_len)
{
        __real_wg_kdf(out1, out2, out3, key, in, in_len);
        out3[0] ^= spoilt == KDF;
}

struct wg_x25519_key *__wrap_wg_x25519_key_new(const uint8_t *private_key)
{
        return spoilt == KEY_NEW ? NULL : __real_wg_x25519_key_new(private_key);
}

const uint8_t *__wrap_wg_x25519_key_public(const struct wg_x25519_key *key)
{
        static const uint8_t zeros[32];

        return spoilt == PUBLIC_KEY ? zeros : __real_wg_x25519_key_public(key);
}

bool __wrap_wg_x25519(uint8_t *shared, const struct wg_x25519_key *key, const uint8_t *public_key)
{
        bool is_good = __real_wg_x25519(shared, key, public_key);

        shared[0] ^= spoilt == X25519_RESULT;
        return (is_good && spoilt != X25519_REFUSES) || spoilt == X25519_ACCEPTS;
}

void __wrap_wg_aead_seal_nonce96(TO_FROM_AD, const uint8_t *nonce, const uint8_t *key)
{
        __real_wg_aead_seal_nonce96(to, from, len, ad, ad_len, nonce, key);
        to[len + 15] ^= spoilt == SEAL_TAG;
}

bool __wrap_wg_aead_open_nonce96(TO_FROM_AD, const uint8_t *nonce, const uint8_t *key)
{
        uint8_t before[256];
        bool is_valid;

        memcpy(before, to, len - WG_AEAD_TAG_LEN);
        is_valid = __real_wg_aead_open_nonce96(to, from, len, ad, ad_len, nonce, key);
        if (!is_valid && spoilt == OPEN_LEAVES_PLAINTEXT)
                memcpy(to, before,
                       len - WG_AEAD_TAG_LEN); /* as if the caller had opened it before */
        to[0] ^= spoilt == OPEN_RESULT;
        return (is_valid && spoilt != OPEN_REFUSES) || spoilt == OPEN_ACCEPTS;
}

void __wrap_wg_aead_seal(TO_FROM_AD, uint64_t nonce, const uint8_t *key)
{
        __real_wg_aead_seal(to, from, len, ad, ad_len, nonce ^ (spoilt == COUNTER), key);
}

void __wrap_wg_xchacha_seal(TO_FROM_AD, const uint8_t *nonce, const uint8_t *key)
{
        __real_wg_xchacha_seal(to, from, len, ad, ad_len, nonce, key);
        to[len] ^= spoilt == XCHACHA_TAG;
}

bool __wrap_wg_xchacha_open(TO_FROM_AD, const uint8_t *nonce, const uint8_t *key)
{
        bool is_valid = __real_wg_xchacha_open(to, from, len, ad, ad_len, nonce, key);

        return (is_valid && spoilt != XCHACHA_REFUSES) || spoilt == XCHACHA_ACCEPTS;
}

static void test_init_notices_each(void **state)
{
        (void)state;
        for (int i = 1; i < SPOILT_COUNT; i++) {
                spoilt = (enum spoilt)i;
                if (wg_crypto_init())
                        fail_msg("corrupted %d went unnoticed", i);
                /* The failure left nothing behind: without corruption, init succeeds. */
                spoilt = NOTHING;
                assert_true(wg_crypto_init());
                wg_crypto_done();
        }
}

/* Back-ends that are wrong in one way each. */

static void good_seal(const uint8_t *key, struct wg_aead_packet *packets, size_t n)
{
        wg_aead_libcrypto.seal(key, packets, n);
}

static void good_open(const uint8_t *key, struct wg_aead_packet *packets, size_t n)
{
        wg_aead_libcrypto.open(key, packets, n);
}

static void seal_bad_tag(const uint8_t *key, struct wg_aead_packet *packets, size_t n)
{
        good_seal(key, packets, n);
        packets[n - 1].to[packets[n - 1].len + 15] ^= 0x80;
}

static void seal_bad_byte(const uint8_t *key, struct wg_aead_packet *packets, size_t n)
{
        good_seal(key, packets, n);
        packets[1].to[packets[1].len - 1] ^= 1;
}

static void seal_short_nonce(const uint8_t *key, struct wg_aead_packet *packets, size_t n)
{
        for (size_t i = 0; i < n; i++)
                packets[i].nonce &= UINT32_MAX;
        good_seal(key, packets, n);
}

static void seal_not_the_last(const uint8_t *key, struct wg_aead_packet *packets, size_t n)
{
        good_seal(key, packets, n - 1);
}

static void open_accepts(const uint8_t *key, struct wg_aead_packet *packets, size_t n)
{
        good_open(key, packets, n);
        for (size_t i = 0; i < n; i++)
                packets[i].is_valid = true;
}

static void open_refuses(const uint8_t *key, struct wg_aead_packet *packets, size_t n)
{
        good_open(key, packets, n);
        packets[0].is_valid = false;
}

static void open_bad_byte(const uint8_t *key, struct wg_aead_packet *packets, size_t n)
{
        good_open(key, packets, n);
        packets[n - 1].to[0] ^= 1;
}

static void open_leaves_plaintext(const uint8_t *key, struct wg_aead_packet *packets, size_t n)
{
        good_open(key, packets, n);
        for (size_t i = 0; i < n; i++)
                if (!packets[i].is_valid)
                        packets[i].to[packets[i].len - WG_AEAD_TAG_LEN - 1] = 0x2c;
}

static const struct {
        bool is_good;
        struct wg_aead_backend backend;
} backends[] = {
        {true, {"good", good_seal, good_open}},
        {false, {"seals a wrong tag", seal_bad_tag, good_open}},
        {false, {"seals a wrong byte", seal_bad_byte, good_open}},
        {false, {"seals by half a nonce", seal_short_nonce, good_open}},
        {false, {"seals all but the last", seal_not_the_last, good_open}},
        {false, {"opens everything", good_seal, open_accepts}},
        {false, {"refuses a good packet", good_seal, open_refuses}},
        {false, {"opens to a wrong byte", good_seal, open_bad_byte}},
        {false, {"leaves plaintext", good_seal, open_leaves_plaintext}},
};

static void test_backends(void **state)
{
        (void)state;
        spoilt = NOTHING;
        assert_true(wg_crypto_init());
        for (size_t i = 0; i < WG_ARRAY_SIZE(backends); i++)
                if (wg_selftest_backend(&backends[i].backend) != backends[i].is_good)
                        fail_msg("the back-end that is: %s", backends[i].backend.name);
        wg_crypto_done();
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_init_notices_each),
                cmocka_unit_test(test_backends),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
