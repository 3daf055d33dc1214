/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_blake2s.c - crypto/blake2s.h against published results, against a naive BLAKE2s written from
 * RFC 7693 (which passes that document's self-test), and against libcrypto's HMAC. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "test/lib/cmocka.h"
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "crypto/blake2s.h"
#include "test/lib/vector.h"
#include "test/lib/with_crypto.h"

enum { LONGEST = 300 };

/* The naive twin: one message in one piece. */

static const uint32_t iv[8] = {
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

static const uint8_t sigma[10][16] = {
        {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
        {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
        {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
        {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
        {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
        {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
        {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
        {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
        {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
        {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
};

static uint32_t rotate_right(uint32_t value, unsigned int by)
{
        return value >> by | value << (32 - by);
}

static void quarter(uint32_t *v, int a, int b, int c, int d, uint32_t x, uint32_t y)
{
        v[a] += v[b] + x;
        v[d] = rotate_right(v[d] ^ v[a], 16);
        v[c] += v[d];
        v[b] = rotate_right(v[b] ^ v[c], 12);
        v[a] += v[b] + y;
        v[d] = rotate_right(v[d] ^ v[a], 8);
        v[c] += v[d];
        v[b] = rotate_right(v[b] ^ v[c], 7);
}

static void plain_compress(uint32_t h[8], const uint8_t block[64], uint32_t counter, bool is_last)
{
        uint32_t v[16], m[16];

        memcpy(v, h, 32);
        memcpy(v + 8, iv, 32);
        v[12] ^= counter;
        if (is_last)
                v[14] = ~v[14];
        for (int i = 0; i < 16; i++)
                m[i] = wg_le32_load(block + 4 * i);
        for (int round = 0; round < 10; round++) {
                const uint8_t *s = sigma[round];

                for (int i = 0; i < 4; i++)
                        quarter(v, i, 4 + i, 8 + i, 12 + i, m[s[2 * i]], m[s[2 * i + 1]]);
                for (int i = 0; i < 4; i++)
                        quarter(v, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4,
                                m[s[8 + 2 * i]], m[s[9 + 2 * i]]);
        }
        for (int i = 0; i < 8; i++)
                h[i] ^= v[i] ^ v[8 + i];
}

static void plain_blake2s(uint8_t *out, size_t out_len, const uint8_t *key, size_t key_len,
                          const uint8_t *in, size_t in_len)
{
        uint8_t padded[64 + 64 * 48] = {0};
        size_t key_block = key_len ? 64 : 0;
        size_t len = key_block + in_len, done = 0;
        uint32_t h[8];

        assert_true(len <= sizeof(padded));
        if (key_len)
                memcpy(padded, key, key_len);
        if (in_len)
                memcpy(padded + key_block, in, in_len);
        memcpy(h, iv, sizeof(h));
        h[0] ^= 0x01010000 ^ (uint32_t)key_len << 8 ^ (uint32_t)out_len;
        for (; done + 64 < len; done += 64)
                plain_compress(h, padded + done, (uint32_t)(done + 64), false);
        plain_compress(h, padded + done, (uint32_t)len, true);
        for (size_t i = 0; i < out_len; i++)
                out[i] = (uint8_t)(h[i / 4] >> 8 * (i % 4));
}

/* RFC 7693 appendix E: the hash of all hashes, unkeyed and keyed, of its generated inputs. */

static void rfc7693_sequence(uint8_t *out, size_t len, uint32_t seed)
{
        uint32_t a = 0xdead4bad * seed, b = 1;

        for (size_t i = 0; i < len; i++) {
                uint32_t sum = a + b;

                a = b;
                b = sum;
                out[i] = (uint8_t)(sum >> 24);
        }
}

static void test_twin_passes_rfc7693_self_test(void **state)
{
        static const size_t out_lens[] = {16, 20, 28, 32}, in_lens[] = {0, 3, 64, 65, 255, 1024};
        uint8_t all[2 * 6 * (16 + 20 + 28 + 32)], in[1024], key[32], grand[32], answer[32];
        size_t len = 0;

        (void)state;
        for (size_t o = 0; o < WG_ARRAY_SIZE(out_lens); o++)
                for (size_t i = 0; i < WG_ARRAY_SIZE(in_lens); i++) {
                        size_t out_len = out_lens[o], in_len = in_lens[i];

                        rfc7693_sequence(in, in_len, (uint32_t)in_len);
                        rfc7693_sequence(key, out_len, (uint32_t)out_len);
                        plain_blake2s(all + len, out_len, NULL, 0, in, in_len);
                        len += out_len;
                        plain_blake2s(all + len, out_len, key, out_len, in, in_len);
                        len += out_len;
                }
        assert_int_equal(len, sizeof(all));
        plain_blake2s(grand, sizeof(grand), NULL, 0, all, len);
        hex_decode(answer, sizeof(answer),
                   "6a411f08ce25adcdfb02aba641451cec53c598b24f4fc787fbdc88797f4c1dfe");
        assert_memory_equal(grand, answer, sizeof(answer));
}

static void fill(uint8_t *out, size_t len, uint32_t seed)
{
        for (size_t i = 0; i < len; i++) {
                seed = seed * 1664525 + 1013904223;
                out[i] = (uint8_t)(seed >> 24);
        }
}

static void assert_hash(const char *a, const char *b, const char *answer)
{
        uint8_t out[WG_HASH_LEN], expected[WG_HASH_LEN];

        wg_hash(out, a, strlen(a), b, strlen(b));
        hex_decode(expected, sizeof(expected), answer);
        assert_memory_equal(out, expected, sizeof(expected));
}

static void test_hash_vectors(void **state)
{
        (void)state;
        /* RFC 7693 appendix B */
        assert_hash("abc", "", "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982");
        assert_hash("", "abc", "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982");
        assert_hash("", "", "69217a3079908094e11121d042354a7c1f55b6482ca1a51e1b250dfd1ed0eef9");
}

/* The start of every WireGuard handshake: Noise's name hashed, and mixed with the identifier. */
static void test_wireguard_initial_values(void **state)
{
        static const char name[] = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s";
        static const char identifier[] = "WireGuard v1 zx2c4 Jason@zx2c4.com";
        uint8_t chaining_key[WG_HASH_LEN], hash[WG_HASH_LEN];

        (void)state;
        wg_hash(chaining_key, name, strlen(name), NULL, 0);
        wg_hash(hash, chaining_key, sizeof(chaining_key), identifier, strlen(identifier));
        assert_true(wg_be32_load(chaining_key) == 0x60e26dae);
        assert_true((wg_be32_load(chaining_key + 28) & 0xffffff) == 0x78cd36);
        assert_true(wg_be32_load(hash) == 0x2211b361);
        assert_true((wg_be32_load(hash + 28) & 0xffffff) == 0x079ef3);
}

static void test_hash_against_twin(void **state)
{
        uint8_t in[LONGEST], out[WG_HASH_LEN], answer[WG_HASH_LEN];

        (void)state;
        fill(in, sizeof(in), 1);
        for (size_t len = 0; len <= LONGEST; len++) {
                plain_blake2s(answer, sizeof(answer), NULL, 0, in, len);
                for (size_t cut = 0; cut <= len; cut += 1 + len / 7) {
                        wg_hash(out, in, cut, in + cut, len - cut);
                        assert_memory_equal(out, answer, sizeof(answer));
                }
        }
}

static void test_hash_may_overlap(void **state)
{
        uint8_t in[64], answer[WG_HASH_LEN];

        (void)state;
        fill(in, sizeof(in), 2);
        plain_blake2s(answer, sizeof(answer), NULL, 0, in, sizeof(in));
        wg_hash(in + 16, in, 32, in + 32, 32);
        assert_memory_equal(in + 16, answer, sizeof(answer));
}

static void test_mac_against_twin(void **state)
{
        uint8_t key[32], in[LONGEST], out[WG_MAC_LEN], answer[WG_MAC_LEN];

        (void)state;
        fill(key, sizeof(key), 3);
        fill(in, sizeof(in), 4);
        for (size_t key_len = 1; key_len <= sizeof(key); key_len++)
                for (size_t len = 0; len <= LONGEST; len += key_len == 32 ? 1 : 13) {
                        plain_blake2s(answer, sizeof(answer), key, key_len, in, len);
                        wg_mac(out, key, key_len, in, len);
                        assert_memory_equal(out, answer, sizeof(answer));
                }
}

/* libcrypto's HMAC shares only the compression function with wg_kdf(). */
static void hmac(uint8_t out[WG_HASH_LEN], const uint8_t key[WG_HASH_LEN], const uint8_t *in,
                 size_t len)
{
        EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
        EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
        char digest[] = "BLAKE2s256";
        const OSSL_PARAM params[] = {
                OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                OSSL_PARAM_construct_end(),
        };
        size_t out_len;

        assert_int_equal(EVP_MAC_init(ctx, key, WG_HASH_LEN, params), 1);
        assert_int_equal(EVP_MAC_update(ctx, in, len), 1);
        assert_int_equal(EVP_MAC_final(ctx, out, &out_len, WG_HASH_LEN), 1);
        EVP_MAC_CTX_free(ctx);
        EVP_MAC_free(mac);
}

/* T0 = HMAC(key, in); T1 = HMAC(T0, 1); Tn = HMAC(T0, Tn-1 || n) (WireGuard paper 5.4) */
static void plain_kdf(uint8_t out[3][WG_HASH_LEN], const uint8_t key[WG_HASH_LEN],
                      const uint8_t *in, size_t len)
{
        uint8_t secret[WG_HASH_LEN], next[WG_HASH_LEN + 1];

        hmac(secret, key, in, len);
        next[0] = 1;
        hmac(out[0], secret, next, 1);
        for (uint8_t n = 2; n <= 3; n++) {
                memcpy(next, out[n - 2], WG_HASH_LEN);
                next[WG_HASH_LEN] = n;
                hmac(out[n - 1], secret, next, sizeof(next));
        }
}

static void test_kdf_against_hmac(void **state)
{
        uint8_t key[WG_HASH_LEN], in[LONGEST], answer[3][WG_HASH_LEN];

        (void)state;
        fill(key, sizeof(key), 5);
        fill(in, sizeof(in), 6);
        for (size_t len = 0; len <= LONGEST; len++) {
                uint8_t out[3][WG_HASH_LEN];

                plain_kdf(answer, key, in, len);
                for (int outputs = 1; outputs <= 3; outputs++) {
                        memset(out, 0, sizeof(out));
                        wg_kdf(out[0], outputs >= 2 ? out[1] : NULL, outputs >= 3 ? out[2] : NULL,
                               key, in, len);
                        assert_memory_equal(out, answer, (size_t)outputs * WG_HASH_LEN);
                }
        }
}

static void test_kdf_may_overlap(void **state)
{
        uint8_t key[WG_HASH_LEN], in[WG_HASH_LEN], other[WG_HASH_LEN], answer[3][WG_HASH_LEN];

        (void)state;
        fill(key, sizeof(key), 7);
        fill(in, sizeof(in), 8);
        plain_kdf(answer, key, in, sizeof(in));
        wg_kdf(key, in, other, key, in, sizeof(in));
        assert_memory_equal(key, answer[0], WG_HASH_LEN);
        assert_memory_equal(in, answer[1], WG_HASH_LEN);
        assert_memory_equal(other, answer[2], WG_HASH_LEN);

        fill(key, sizeof(key), 7);
        fill(in, sizeof(in), 8);
        wg_kdf(in, key, NULL, key, in, sizeof(in));
        assert_memory_equal(in, answer[0], WG_HASH_LEN);
        assert_memory_equal(key, answer[1], WG_HASH_LEN);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_twin_passes_rfc7693_self_test),
                cmocka_unit_test(test_hash_vectors),
                cmocka_unit_test(test_wireguard_initial_values),
                cmocka_unit_test(test_hash_against_twin),
                cmocka_unit_test(test_hash_may_overlap),
                cmocka_unit_test(test_mac_against_twin),
                cmocka_unit_test(test_kdf_against_hmac),
                cmocka_unit_test(test_kdf_may_overlap),
        };

        return cmocka_run_group_tests(tests, test_crypto_up, test_crypto_down);
}
