/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_x25519.c - crypto/x25519.h against RFC 7748 and Wycheproof. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/mem.h"
#include "crypto/x25519.h"
#include "test/lib/cmocka.h"
#include "test/lib/vector.h"
#include "test/lib/with_crypto.h"
#include "test/vectors/wycheproof_x25519.h"

/* With a key object made for this exchange only. */
static bool exchange(uint8_t shared[WG_KEY_LEN], const uint8_t private_key[WG_KEY_LEN],
                     const uint8_t public_key[WG_KEY_LEN])
{
        struct wg_x25519_key *key = wg_x25519_key_new(private_key);
        bool is_good;

        assert_non_null(key);
        is_good = wg_x25519(shared, key, public_key);
        wg_x25519_key_free(key);
        return is_good;
}

static void read_key(uint8_t key[WG_KEY_LEN], const char *text)
{
        assert_int_equal(hex_decode(key, WG_KEY_LEN, text), WG_KEY_LEN);
}

/* A vector whose shared secret is zero must be refused, and leave zeros. */
static void assert_vector(const struct x25519_vector *v)
{
        uint8_t private_key[WG_KEY_LEN], public_key[WG_KEY_LEN];
        uint8_t shared[WG_KEY_LEN], answer[WG_KEY_LEN];
        bool is_good;

        read_key(private_key, v->private_key);
        read_key(public_key, v->public_key);
        read_key(answer, v->shared);
        memset(shared, 0xa5, sizeof(shared));
        is_good = exchange(shared, private_key, public_key);
        if (is_good == wg_is_zero(answer, WG_KEY_LEN) || memcmp(shared, answer, WG_KEY_LEN) != 0)
                fail_msg("vector %u", v->number);
}

static void test_rfc7748_vectors(void **state)
{
        /* section 5.2 */
        static const struct x25519_vector vectors[] = {
                {1, "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
                 "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
                 "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"},
                {2, "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
                 "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
                 "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"},
        };

        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(vectors); i++)
                assert_vector(&vectors[i]);
}

/* Also from section 5.2: the old scalar becomes the point. */
static void test_rfc7748_iterations(void **state)
{
        uint8_t scalar[WG_KEY_LEN] = {9}, point[WG_KEY_LEN] = {9};
        uint8_t after_1[WG_KEY_LEN], after_1000[WG_KEY_LEN];

        (void)state;
        read_key(after_1, "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
        read_key(after_1000, "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
        for (int i = 1; i <= 1000; i++) {
                uint8_t shared[WG_KEY_LEN];

                assert_true(exchange(shared, scalar, point));
                memcpy(point, scalar, WG_KEY_LEN);
                memcpy(scalar, shared, WG_KEY_LEN);
                if (i == 1)
                        assert_memory_equal(scalar, after_1, WG_KEY_LEN);
        }
        assert_memory_equal(scalar, after_1000, WG_KEY_LEN);
}

static void test_rfc7748_diffie_hellman(void **state)
{
        /* section 6.1 */
        static const struct {
                const char *private_key, *public_key;
        } people[2] = {
                {"77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
                 "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"},
                {"5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
                 "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"},
        };
        uint8_t answer[WG_KEY_LEN];
        struct wg_x25519_key *keys[2];

        (void)state;
        read_key(answer, "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
        for (int i = 0; i < 2; i++) {
                uint8_t private_key[WG_KEY_LEN], public_key[WG_KEY_LEN];

                read_key(private_key, people[i].private_key);
                read_key(public_key, people[i].public_key);
                keys[i] = wg_x25519_key_new(private_key);
                assert_non_null(keys[i]);
                assert_memory_equal(wg_x25519_key_public(keys[i]), public_key, WG_KEY_LEN);
        }
        /* A key object can be used any number of times. */
        for (int i = 0; i < 6; i++) {
                uint8_t shared[WG_KEY_LEN];

                assert_true(wg_x25519(shared, keys[i % 2], wg_x25519_key_public(keys[1 - i % 2])));
                assert_memory_equal(shared, answer, WG_KEY_LEN);
        }
        wg_x25519_key_free(keys[0]);
        wg_x25519_key_free(keys[1]);
}

static void test_wycheproof(void **state)
{
        size_t refused = 0;

        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(wycheproof_x25519); i++) {
                const struct x25519_vector *v = &wycheproof_x25519[i];

                assert_vector(v);
                refused += strspn(v->shared, "0") == 2 * (size_t)WG_KEY_LEN;
        }
        print_message("Wycheproof X25519: %zu executed (%zu of which must be refused), 0 skipped\n",
                      WG_ARRAY_SIZE(wycheproof_x25519), refused);
        assert_int_equal(WG_ARRAY_SIZE(wycheproof_x25519), 518);
        assert_true(refused > 0);
}

/* A refusal leaves nothing behind that affects the next exchange. */
static void test_after_a_refusal(void **state)
{
        static const uint8_t private_key[WG_KEY_LEN] = {1, 2, 3}, low_order[WG_KEY_LEN] = {1};
        static const uint8_t base_point[WG_KEY_LEN] = {9};
        struct wg_x25519_key *key = wg_x25519_key_new(private_key);
        uint8_t shared[WG_KEY_LEN];

        (void)state;
        assert_non_null(key);
        assert_false(wg_x25519(shared, key, low_order));
        assert_true(wg_x25519(shared, key, base_point));
        assert_memory_equal(shared, wg_x25519_key_public(key), WG_KEY_LEN);
        wg_x25519_key_free(key);
}

static void test_clamp(void **state)
{
        uint8_t ones[WG_KEY_LEN], zeros[WG_KEY_LEN] = {0}, once[WG_KEY_LEN];

        (void)state;
        memset(ones, 0xff, sizeof(ones));
        wg_x25519_clamp(ones);
        wg_x25519_clamp(zeros);
        assert_int_equal(ones[0], 0xf8);
        assert_int_equal(ones[31], 0x7f);
        assert_int_equal(zeros[0], 0);
        assert_int_equal(zeros[31], 0x40);
        for (size_t i = 1; i < 31; i++) {
                assert_int_equal(ones[i], 0xff);
                assert_int_equal(zeros[i], 0);
        }
        memcpy(once, ones, sizeof(once));
        wg_x25519_clamp(ones);
        assert_memory_equal(ones, once, sizeof(once));
}

/* Clamped or not, the bytes make the same key; the caller's bytes stay as they were. */
static void test_key_new_clamps(void **state)
{
        uint8_t raw[WG_KEY_LEN], clamped[WG_KEY_LEN], before[WG_KEY_LEN];
        struct wg_x25519_key *a, *b;

        (void)state;
        memset(raw, 0xff, sizeof(raw));
        memcpy(before, raw, sizeof(before));
        memcpy(clamped, raw, sizeof(clamped));
        wg_x25519_clamp(clamped);
        a = wg_x25519_key_new(raw);
        b = wg_x25519_key_new(clamped);
        assert_non_null(a);
        assert_non_null(b);
        assert_memory_equal(wg_x25519_key_public(a), wg_x25519_key_public(b), WG_KEY_LEN);
        assert_memory_equal(raw, before, sizeof(before));
        wg_x25519_key_free(a);
        wg_x25519_key_free(b);
        wg_x25519_key_free(NULL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rfc7748_vectors),
                cmocka_unit_test(test_rfc7748_iterations),
                cmocka_unit_test(test_rfc7748_diffie_hellman),
                cmocka_unit_test(test_wycheproof),
                cmocka_unit_test(test_after_a_refusal),
                cmocka_unit_test(test_clamp),
                cmocka_unit_test(test_key_new_clamps),
        };

        return cmocka_run_group_tests(tests, test_crypto_up, test_crypto_down);
}
