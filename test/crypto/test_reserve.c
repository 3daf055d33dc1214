/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "crypto/libcrypto/reserve.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "test/lib/cmocka.h"
#include <openssl/crypto.h>

#include "base/attr.h"
#include "crypto/blake2s.h"
#include "crypto/x25519.h"
#include "test/lib/heap.h"
#include "test/lib/with_crypto.h"

enum { BLOCKS = 64, BLOCK_SIZE = 512 };

/* The blocks that libcrypto gets when there is no memory. */
static void test_blocks(void **state)
{
        uint8_t *blocks[BLOCKS];

        (void)state;
        heap_fail_after(0);
        for (int i = 0; i < BLOCKS; i++) {
                blocks[i] = OPENSSL_malloc(i ? BLOCK_SIZE : 1);
                assert_non_null(blocks[i]);
                assert_int_equal((uintptr_t)blocks[i] % 16, 0);
                memset(blocks[i], i, BLOCK_SIZE);
        }
        for (int i = 0; i < BLOCKS; i++)
                for (int j = 0; j < BLOCK_SIZE; j++)
                        assert_int_equal(blocks[i][j], i);
        assert_null(OPENSSL_malloc(1));
        OPENSSL_free(blocks[7]);
        assert_null(OPENSSL_malloc(BLOCK_SIZE + 1));
        assert_null(OPENSSL_malloc(0));
        blocks[7] = OPENSSL_malloc(100);
        assert_non_null(blocks[7]);
        assert_int_equal(blocks[7][0], 0); /* its old contents are wiped */
        memset(blocks[7], 7, 100);

        /* A block grows: in place, or not at all without memory, or by moving. */
        assert_ptr_equal(OPENSSL_realloc(blocks[7], BLOCK_SIZE), blocks[7]);
        assert_null(OPENSSL_realloc(blocks[7], BLOCK_SIZE + 1));
        heap_fail_after(-1);
        blocks[7] = OPENSSL_realloc(blocks[7], 2 * BLOCK_SIZE);
        assert_non_null(blocks[7]);
        for (int i = 0; i < 100; i++)
                assert_int_equal(blocks[7][i], 7);
        for (int i = 0; i < BLOCKS; i++)
                OPENSSL_free(blocks[i]);
        heap_fail_after(0);
        for (int i = 0; i < BLOCKS; i++)
                assert_non_null(blocks[i] = OPENSSL_malloc(BLOCK_SIZE));
        heap_fail_after(-1);
        for (int i = 0; i < BLOCKS; i++)
                OPENSSL_free(blocks[i]);
}

/* A handshake's computations need no memory that might be refused. */
static void test_primitives_without_memory(void **state)
{
        static const uint8_t key[WG_KEY_LEN] = {1, 2, 3};
        uint8_t with[4][WG_HASH_LEN] = {0}, without[4][WG_HASH_LEN] = {0};

        (void)state;
        for (int round = 0; round < 2; round++) {
                uint8_t(*out)[WG_HASH_LEN] = round ? without : with;

                heap_fail_after(round ? 0 : -1);
                for (int i = 0; i < 100; i++) {
                        wg_hash(out[0], key, sizeof(key), "abc", 3);
                        wg_mac(out[1], key, sizeof(key), "abc", 3);
                        wg_kdf(out[2], out[3], NULL, key, "abc", 3);
                }
                heap_fail_after(-1);
        }
        assert_memory_equal(with, without, sizeof(with));
}

static void *begin_thread(void *ctx)
{
        heap_fail_after(0);
        *(bool *)ctx = wg_crypto_thread_begin();
        heap_fail_after(-1);
        return ctx;
}

static void test_thread_without_memory(void **state)
{
        bool has_begun = true;
        pthread_t thread;

        (void)state;
        assert_int_equal(pthread_create(&thread, NULL, begin_thread, &has_begun), 0);
        pthread_join(thread, NULL);
        assert_false(has_begun);
        assert_true(wg_crypto_thread_begin());
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_blocks),
                cmocka_unit_test(test_primitives_without_memory),
                cmocka_unit_test(test_thread_without_memory),
        };

        return cmocka_run_group_tests_name("reserve", tests, test_crypto_up, test_crypto_down);
}
