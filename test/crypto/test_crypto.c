/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_crypto.c - crypto/crypto.h: everything allocated is freed, also in threads, and packets need
 * no allocation. libcrypto's allocations are counted here; sanitizers watch the room's own. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include "test/lib/cmocka.h"
#include <openssl/crypto.h>

#include "base/attr.h"
#include "base/mem.h"
#include "crypto/aead.h"
#include "crypto/blake2s.h"
#include "crypto/crypto.h"
#include "crypto/x25519.h"
#include "crypto/xchacha.h"

static atomic_long allocations, live;
static long good_left = -1; /* allocations until one fails; -1: none fails */

static bool fails_now(void)
{
        return good_left >= 0 && good_left-- == 0;
}

static void *count_malloc(size_t len, const char *file, int line)
{
        (void)file;
        (void)line;
        if (fails_now())
                return NULL;
        allocations++;
        live++;
        return malloc(len);
}

static void *count_realloc(void *memory, size_t len, const char *file, int line)
{
        (void)file;
        (void)line;
        if (fails_now())
                return NULL;
        allocations++;
        live += memory == NULL;
        return realloc(memory, len);
}

static void count_free(void *memory, const char *file, int line)
{
        (void)file;
        (void)line;
        live -= memory != NULL;
        free(memory);
}

/* Calls every function of the room. */
static void use_all(void)
{
        static const uint8_t key[32] = {9}, nonce[WG_XCHACHA_NONCE_LEN] = {1};
        uint8_t hash[WG_HASH_LEN], mac[WG_MAC_LEN], text[5] = "text", box[5 + WG_AEAD_TAG_LEN];
        struct wg_aead_packet packet = {box, text, sizeof(text), 1, false};
        struct wg_x25519_key *pair = wg_x25519_key_new(key);

        assert_non_null(pair);
        assert_true(wg_x25519(hash, pair, key));
        wg_x25519_key_free(pair);
        wg_hash(hash, key, sizeof(key), NULL, 0);
        wg_mac(mac, key, sizeof(key), hash, sizeof(hash));
        wg_kdf(hash, NULL, NULL, hash, mac, sizeof(mac));
        wg_aead_choose(NULL)->seal(key, &packet, 1);
        assert_true(wg_aead_open(text, box, sizeof(box), NULL, 0, 1, key));
        wg_xchacha_seal(box, text, sizeof(text), NULL, 0, nonce, key);
        assert_true(wg_xchacha_open(text, box, sizeof(box), NULL, 0, nonce, key));
        assert_string_equal((char *)text, "text");
}

static void *thread_that_uses_all(void *unused)
{
        use_all();
        return unused;
}

static void run_thread(void)
{
        pthread_t thread;

        assert_int_equal(pthread_create(&thread, NULL, thread_that_uses_all, NULL), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
}

/* libcrypto keeps some of its first allocations until the process ends, so the first round is not
 * counted. */
static void test_done_frees_everything_from_init(void **state)
{
        long after_first = 0;

        (void)state;
        for (int round = 0; round < 4; round++) {
                assert_true(wg_crypto_init());
                use_all();
                wg_crypto_done();
                if (round == 0)
                        after_first = live;
                assert_int_equal(live, after_first);
        }
}

static void test_thread_end_frees_its_contexts(void **state)
{
        long after_first;

        (void)state;
        assert_true(wg_crypto_init());
        run_thread();
        after_first = live;
        for (int round = 0; round < 4; round++)
                run_thread();
        assert_int_equal(live, after_first);
        wg_crypto_done();
}

/* The thread that starts and ends crypto/ need not be the one that uses it. */
static void test_threads_over_two_lives(void **state)
{
        (void)state;
        for (int life = 0; life < 2; life++) {
                assert_true(wg_crypto_init());
                run_thread();
                use_all();
                run_thread();
                wg_crypto_done();
        }
}

static void test_packets_allocate_nothing(void **state)
{
        static const uint8_t key[WG_AEAD_KEY_LEN] = {1};
        static uint8_t memory[33][1500 + WG_AEAD_TAG_LEN];
        struct wg_aead_packet packets[33];
        uint8_t mac[WG_MAC_LEN];
        long before;

        (void)state;
        assert_true(wg_crypto_init());
        before = allocations;
        for (int round = 0; round < 10; round++) {
                for (size_t i = 0; i < WG_ARRAY_SIZE(packets); i++)
                        packets[i] = (struct wg_aead_packet){memory[i], memory[i], 1500, i, false};
                wg_aead_libcrypto.seal(key, packets, WG_ARRAY_SIZE(packets));
                for (size_t i = 0; i < WG_ARRAY_SIZE(packets); i++)
                        packets[i].len += WG_AEAD_TAG_LEN;
                memory[round][0] ^= 1;
                wg_aead_libcrypto.open(key, packets, WG_ARRAY_SIZE(packets));
                assert_false(packets[round].is_valid);
                assert_true(packets[round + 1].is_valid);
                wg_mac(mac, key, sizeof(key), memory[0], 148);
        }
        assert_int_equal(allocations, before);
        wg_crypto_done();
}

/* Each allocation fails in turn. A key object or a shared secret is either complete or absent, and
 * what was allocated before is freed. The thread's error list grows meanwhile, so it is dropped. */
static void test_x25519_without_memory(void **state)
{
        static const uint8_t bytes[WG_KEY_LEN] = {9};
        unsigned int failures = 0, successes = 0;

        (void)state;
        assert_true(wg_crypto_init());
        for (long n = 0; successes < 3; n++) {
                uint8_t shared[WG_KEY_LEN] = {1};
                struct wg_x25519_key *key;
                long before;

                OPENSSL_thread_stop();
                before = live;
                good_left = n;
                key = wg_x25519_key_new(bytes);
                if (key && wg_x25519(shared, key, bytes))
                        assert_memory_equal(shared, wg_x25519_key_public(key), WG_KEY_LEN);
                else if (key)
                        assert_true(wg_is_zero(shared, WG_KEY_LEN));
                if (good_left < 0)
                        failures++;
                else
                        successes++;
                good_left = -1;
                wg_x25519_key_free(key);
                OPENSSL_thread_stop();
                assert_int_equal(live, before);
        }
        assert_true(failures > 5);
        wg_crypto_done();
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_done_frees_everything_from_init),
                cmocka_unit_test(test_thread_end_frees_its_contexts),
                cmocka_unit_test(test_threads_over_two_lives),
                cmocka_unit_test(test_packets_allocate_nothing),
                cmocka_unit_test(test_x25519_without_memory),
        };

        if (!CRYPTO_set_mem_functions(count_malloc, count_realloc, count_free))
                return EXIT_FAILURE;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
