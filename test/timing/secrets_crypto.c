/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * secrets_crypto.c - base/ and crypto/ with poisoned keys. Each test also checks that values
 * derived from them are poisoned where they should be, and not where they are public. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/siphash.h"
#include "crypto/aead.h"
#include "crypto/blake2s.h"
#include "crypto/x25519.h"
#include "crypto/xchacha.h"
#include "test/lib/cmocka.h"
#include "test/timing/poison.h"

static uint8_t key[WG_KEY_LEN];

static void fill(uint8_t *bytes, size_t len, uint8_t first)
{
        for (size_t i = 0; i < len; i++)
                bytes[i] = (uint8_t)(first + 59 * i);
}

static void new_key(uint8_t first)
{
        fill(key, sizeof(key), first);
        poison(key, sizeof(key));
}

static void assert_bytes(const uint8_t *bytes, const uint8_t *wanted, size_t len)
{
        wg_declassify(bytes, len);
        assert_memory_equal(bytes, wanted, len);
}

static void test_comparing(void **state)
{
        uint8_t other[WG_KEY_LEN];

        (void)state;
        new_key(1);
        memcpy(other, key, sizeof(other));
        assert_true(wg_equal(key, other, sizeof(key)));
        assert_false(wg_is_zero(key, sizeof(key)));
        other[0] ^= 1;
        assert_false(wg_equal(key, other, sizeof(key)));
        other[0] ^= 1;
        other[sizeof(other) - 1] ^= 0x80;
        assert_false(wg_equal(key, other, sizeof(key)));
        memset(other, 0, sizeof(other));
        poison(other, sizeof(other));
        assert_true(wg_is_zero(other, sizeof(other)));
        assert_true(is_poisoned(key, sizeof(key)));
        wg_wipe(key, sizeof(key));
        assert_false(is_poisoned(key, sizeof(key)));
}

static void test_hashing(void **state)
{
        static const uint8_t message[200] = {1, 2, 3};
        uint8_t hash[WG_HASH_LEN], mac[WG_MAC_LEN], out[3][WG_HASH_LEN];

        (void)state;
        new_key(2);
        wg_hash(hash, key, sizeof(key), message, sizeof(message));
        assert_true(is_poisoned(hash, sizeof(hash)));
        wg_mac(mac, key, sizeof(key), message, sizeof(message));
        assert_true(is_poisoned(mac, sizeof(mac)));
        wg_kdf(out[0], out[1], out[2], key, message, 32);
        assert_true(is_poisoned(out, sizeof(out)));
        wg_kdf(out[0], out[1], NULL, message, key, sizeof(key));
        assert_true(is_poisoned(out[0], 2 * sizeof(out[0])));

        /* No key is left: the next hash is as public as its input. */
        wg_hash(hash, message, sizeof(message), NULL, 0);
        assert_false(is_poisoned(hash, 1));
        wg_mac(mac, message, 32, message, sizeof(message));
        assert_false(is_poisoned(mac, 1));
}

/* The public key is public, and so is whether an exchange failed. */
static void test_exchanging(void **state)
{
        static const uint8_t low_order[WG_KEY_LEN] = {1};
        uint8_t theirs[WG_KEY_LEN], first[WG_KEY_LEN], second[WG_KEY_LEN];
        struct wg_x25519_key *a, *b;

        (void)state;
        new_key(3);
        wg_x25519_clamp(key);
        assert_true(is_poisoned(key + 1, sizeof(key) - 2));
        a = wg_x25519_key_new(key);
        new_key(4);
        b = wg_x25519_key_new(key);
        assert_non_null(a);
        assert_non_null(b);
        memcpy(theirs, wg_x25519_key_public(b), sizeof(theirs));
        assert_true(wg_x25519(first, a, theirs));
        assert_true(is_poisoned(first, sizeof(first)));
        assert_true(wg_x25519(second, b, wg_x25519_key_public(a)));
        assert_true(wg_equal(first, second, sizeof(first)));
        assert_false(wg_x25519(first, a, low_order));
        wg_x25519_key_free(a);
        wg_x25519_key_free(b);
}

enum { TEXT_MAX = 2048 };
static const size_t text_lens[] = {0, 1, 15, 16, 64, 65, 192, 512, 1420, TEXT_MAX};

/* A message under a poisoned key: sealed it is public, opened it is as secret as the key. */
static void test_sealing_one(void **state)
{
        static uint8_t text[TEXT_MAX], box[TEXT_MAX + WG_AEAD_TAG_LEN], opened[TEXT_MAX];
        static const uint8_t ad[WG_HASH_LEN] = {9};

        (void)state;
        new_key(5);
        fill(text, sizeof(text), 6);
        for (size_t i = 0; i < WG_ARRAY_SIZE(text_lens); i++) {
                size_t len = text_lens[i], box_len = len + WG_AEAD_TAG_LEN;

                wg_aead_seal(box, text, len, ad, sizeof(ad), i, key);
                assert_false(is_poisoned(box + len, 1));
                assert_true(wg_aead_open(opened, box, box_len, ad, sizeof(ad), i, key));
                assert_true(!len || is_poisoned(opened, len));
                assert_bytes(opened, text, len);

                box[len] ^= 1; /* the first byte of the tag, then its last, then the text */
                assert_false(wg_aead_open(opened, box, box_len, ad, sizeof(ad), i, key));
                box[len] ^= 1;
                box[box_len - 1] ^= 0x80;
                assert_false(wg_aead_open(opened, box, box_len, ad, sizeof(ad), i, key));
                box[box_len - 1] ^= 0x80;
                box[0] ^= 4;
                assert_false(wg_aead_open(opened, box, box_len, ad, sizeof(ad), i, key));
        }
}

/* Secret text under a public key, as with a cookie. */
static void test_sealing_secrets(void **state)
{
        uint8_t secret[WG_MAC_LEN], box[WG_MAC_LEN + WG_AEAD_TAG_LEN], opened[WG_MAC_LEN];
        uint8_t wanted[WG_MAC_LEN], nonce[WG_XCHACHA_NONCE_LEN];

        (void)state;
        fill(nonce, sizeof(nonce), 7);
        fill(secret, sizeof(secret), 8);
        memcpy(wanted, secret, sizeof(wanted));
        poison(secret, sizeof(secret));
        new_key(9);
        wg_xchacha_seal(box, secret, sizeof(secret), nonce, sizeof(nonce), nonce, key);
        assert_false(is_poisoned(box, 1));
        assert_true(wg_xchacha_open(opened, box, sizeof(box), nonce, sizeof(nonce), nonce, key));
        assert_true(is_poisoned(opened, sizeof(opened)));
        assert_bytes(opened, wanted, sizeof(opened));
        box[sizeof(box) - 1] ^= 1;
        assert_false(wg_xchacha_open(opened, box, sizeof(box), nonce, sizeof(nonce), nonce, key));
}

static void seal_and_open_batch(const struct wg_aead_backend *backend)
{
        enum { BATCH = WG_ARRAY_SIZE(text_lens) };
        static uint8_t text[TEXT_MAX], boxes[BATCH][TEXT_MAX + WG_AEAD_TAG_LEN];
        struct wg_aead_packet packets[BATCH];

        print_message("%s\n", backend->name);
        new_key(10);
        fill(text, sizeof(text), 11);
        for (size_t i = 0; i < BATCH; i++) {
                memcpy(boxes[i], text, text_lens[i]);
                packets[i] = (struct wg_aead_packet){
                        .to = boxes[i], .from = boxes[i], .len = text_lens[i], .nonce = 1000 + i};
        }
        backend->seal(key, packets, BATCH);
        for (size_t i = 0; i < BATCH; i++) {
                packets[i].len += WG_AEAD_TAG_LEN;
                assert_false(is_poisoned(boxes[i], 1));
        }
        boxes[3][text_lens[3]] ^= 1;
        boxes[7][text_lens[7] + WG_AEAD_TAG_LEN - 1] ^= 1;
        backend->open(key, packets, BATCH);
        for (size_t i = 0; i < BATCH; i++) {
                assert_int_equal(packets[i].is_valid, i != 3 && i != 7);
                if (packets[i].is_valid)
                        assert_bytes(boxes[i], text, text_lens[i]);
                else
                        assert_int_not_equal(boxes[i][0], text[0]);
        }
}

static void test_sealing_batches(void **state)
{
        (void)state;
        for (size_t i = 0; wg_aead_nth(i); i++)
                seal_and_open_batch(wg_aead_nth(i));
}

/* Its key is secret too: an attacker who knew it could make all peers fall into one bucket. (The
 * bucket itself is an index derived from it, which no outsider sees.) */
static void test_siphash(void **state)
{
        uint64_t value;

        (void)state;
        new_key(12);
        value = wg_siphash(key, "twelve bytes", 12);
        assert_true(is_poisoned(&value, sizeof(value)));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                poison_test(test_comparing),       poison_test(test_hashing),
                poison_test(test_exchanging),      poison_test(test_sealing_one),
                poison_test(test_sealing_secrets), poison_test(test_sealing_batches),
                poison_test(test_siphash),
        };

        return cmocka_run_group_tests(tests, poison_setup, poison_teardown);
}
