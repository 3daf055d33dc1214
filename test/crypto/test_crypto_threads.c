/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_crypto_threads.c - every function of crypto/ called from several threads at once, which
 * share one key object. Also built with ThreadSanitizer. */
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"
#include "crypto/aead.h"
#include "crypto/blake2s.h"
#include "crypto/crypto.h"
#include "crypto/x25519.h"
#include "crypto/xchacha.h"
#include "test/lib/cmocka.h"

enum { THREADS = 4, ROUNDS = 200, PACKETS = 5, LEN = 100 };

/* Everything that one round computes; it depends only on the seed and the shared key. */
struct results {
        uint8_t hash[WG_HASH_LEN];
        uint8_t mac[WG_MAC_LEN];
        uint8_t kdf[3][WG_HASH_LEN];
        uint8_t shared[WG_KEY_LEN];
        uint8_t own_public[WG_KEY_LEN];
        uint8_t message[LEN + WG_AEAD_TAG_LEN];
        uint8_t cookie[LEN + WG_AEAD_TAG_LEN];
        uint8_t packets[PACKETS][LEN + WG_AEAD_TAG_LEN];
        bool opened_all;
};

static bool reopen(struct results *r, const uint8_t *key, const uint8_t *plain)
{
        struct wg_aead_packet packets[PACKETS];
        uint8_t opened[PACKETS][LEN];
        bool good = wg_aead_open(opened[0], r->message, sizeof(r->message), NULL, 0, 3, key) &&
                    memcmp(opened[0], plain, LEN) == 0 &&
                    wg_xchacha_open(opened[0], r->cookie, sizeof(r->cookie), plain, LEN, plain,
                                    key) &&
                    memcmp(opened[0], plain, LEN) == 0;

        for (size_t i = 0; i < PACKETS; i++)
                packets[i] = (struct wg_aead_packet){opened[i], r->packets[i],
                                                     sizeof(r->packets[i]), i, false};
        wg_aead_libcrypto.open(key, packets, PACKETS);
        for (size_t i = 0; i < PACKETS; i++)
                good = good && packets[i].is_valid && memcmp(opened[i], plain, LEN) == 0;
        return good;
}

static void compute(struct results *r, const struct wg_x25519_key *shared_key, unsigned int seed)
{
        struct wg_aead_packet packets[PACKETS];
        uint8_t plain[LEN], key[WG_KEY_LEN];
        struct wg_x25519_key *own;
        bool agreed;

        memset(r, 0, sizeof(*r));
        memset(plain, (int)seed, sizeof(plain));
        wg_hash(r->hash, plain, sizeof(plain), &seed, sizeof(seed));
        wg_mac(r->mac, r->hash, sizeof(r->hash), plain, sizeof(plain));
        wg_kdf(r->kdf[0], r->kdf[1], r->kdf[2], r->hash, plain, sizeof(plain));
        own = wg_x25519_key_new(r->kdf[2]);
        if (!own)
                return;
        memcpy(r->own_public, wg_x25519_key_public(own), WG_KEY_LEN);
        agreed = wg_x25519(r->shared, shared_key, wg_x25519_key_public(own)) &&
                 wg_x25519(key, own, wg_x25519_key_public(shared_key)) &&
                 memcmp(key, r->shared, WG_KEY_LEN) == 0;
        wg_x25519_key_free(own);
        wg_aead_seal(r->message, plain, LEN, NULL, 0, 3, key);
        wg_xchacha_seal(r->cookie, plain, LEN, plain, LEN, plain, key);
        for (size_t i = 0; i < PACKETS; i++)
                packets[i] = (struct wg_aead_packet){r->packets[i], plain, LEN, i, false};
        wg_aead_libcrypto.seal(key, packets, PACKETS);
        r->opened_all = agreed && reopen(r, key, plain);
}

struct worker {
        pthread_t thread;
        const struct wg_x25519_key *shared_key;
        const struct results *answers; /* of the seeds 0 to THREADS - 1 */
        unsigned int first;
        unsigned int wrong;
};

/* cmocka's assertions work in the main thread only, so a worker counts failures. */
static void *work(void *worker)
{
        struct worker *w = worker;

        for (unsigned int round = 0; round < ROUNDS; round++) {
                unsigned int seed = (w->first + round) % THREADS;
                struct results r;

                compute(&r, w->shared_key, seed);
                w->wrong += memcmp(&r, &w->answers[seed], sizeof(r)) != 0;
        }
        return NULL;
}

static void test_threads(void **state)
{
        static const uint8_t private_key[WG_KEY_LEN] = {42};
        static struct results answers[THREADS];
        struct worker workers[THREADS];
        struct wg_x25519_key *shared_key;

        (void)state;
        assert_true(wg_crypto_init());
        shared_key = wg_x25519_key_new(private_key);
        assert_non_null(shared_key);
        for (unsigned int seed = 0; seed < THREADS; seed++) {
                compute(&answers[seed], shared_key, seed);
                assert_true(answers[seed].opened_all);
        }
        for (unsigned int i = 0; i < THREADS; i++) {
                workers[i] = (struct worker){
                        .shared_key = shared_key, .answers = answers, .first = i};
                assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
        }
        for (unsigned int i = 0; i < THREADS; i++) {
                assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
                assert_int_equal(workers[i].wrong, 0);
        }
        wg_x25519_key_free(shared_key);
        wg_crypto_done();
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_threads),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
