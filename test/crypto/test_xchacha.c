/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_xchacha.c - crypto/xchacha.h against its draft and Wycheproof. */
#include <stdint.h>
#include <stdio.h>

#include "crypto/xchacha.h"
#include "test/lib/aead_check.h"
#include "test/lib/cmocka.h"
#include "test/lib/with_crypto.h"
#include "test/vectors/wycheproof_xchacha20_poly1305.h"

static const struct aead_functions xchacha = {
        .name = "wg_xchacha",
        .nonce_len = WG_XCHACHA_NONCE_LEN,
        .seal = wg_xchacha_seal,
        .open = wg_xchacha_open,
};

/* draft-irtf-cfrg-xchacha-03 A.3.1 */
static const struct aead_vector draft = {
        1,
        true,
        "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
        "404142434445464748494a4b4c4d4e4f5051525354555657",
        "50515253c0c1c2c3c4c5c6c7",
        "4c616469657320616e642047656e746c656d656e206f662074686520636c6173"
        "73206f66202739393a204966204920636f756c64206f6666657220796f75206f"
        "6e6c79206f6e652074697020666f7220746865206675747572652c2073756e73"
        "637265656e20776f756c642062652069742e",
        "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb"
        "731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452"
        "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"
        "21f9664c97637da9768812f615c68b13b52e",
        "c0875924c1c7987947deafd8780acf49",
};

static void test_draft(void **state)
{
        struct aead_bytes b;

        (void)state;
        aead_decode(&b, &draft);
        assert_true(aead_agrees(&xchacha, &b, true));
}

static void test_wycheproof(void **state)
{
        size_t executed = 0, skipped = 0;

        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(wycheproof_xchacha20_poly1305); i++) {
                const struct aead_vector *v = &wycheproof_xchacha20_poly1305[i];
                struct aead_bytes b;

                aead_decode(&b, v);
                if (b.nonce_len != WG_XCHACHA_NONCE_LEN) {
                        skipped++;
                        continue;
                }
                executed++;
                if (!aead_agrees(&xchacha, &b, v->is_valid))
                        fail_msg("vector %u", v->number);
        }
        print_message(
                "Wycheproof XChaCha20-Poly1305: %zu executed, %zu skipped (their nonce is not "
                "of 24 bytes, which the type of the argument rules out)\n",
                executed, skipped);
        assert_int_equal(executed, 306);
        assert_int_equal(skipped, 9);
}

/* Each bit of every input is authenticated. */
static void test_tampering(void **state)
{
        struct aead_bytes b;

        (void)state;
        aead_decode(&b, &draft);
        for (size_t bit = 0; bit < 8 * (b.len + WG_AEAD_TAG_LEN); bit++) {
                b.box[bit / 8] ^= (uint8_t)(1u << bit % 8);
                assert_true(aead_refuses(&xchacha, &b));
                b.box[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        for (size_t bit = 0; bit < 8 * b.nonce_len; bit++) {
                b.nonce[bit / 8] ^= (uint8_t)(1u << bit % 8);
                assert_true(aead_refuses(&xchacha, &b));
                b.nonce[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        for (size_t bit = 0; bit < 8 * b.ad_len; bit++) {
                b.ad[bit / 8] ^= (uint8_t)(1u << bit % 8);
                assert_true(aead_refuses(&xchacha, &b));
                b.ad[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        b.ad_len--;
        assert_true(aead_refuses(&xchacha, &b));
        b.ad_len++;
        assert_true(aead_agrees(&xchacha, &b, true));
}

static void test_too_short(void **state)
{
        static const uint8_t key[WG_AEAD_KEY_LEN], nonce[WG_XCHACHA_NONCE_LEN];
        uint8_t bytes[WG_AEAD_TAG_LEN] = {0};

        (void)state;
        for (size_t len = 0; len < WG_AEAD_TAG_LEN; len++)
                assert_false(wg_xchacha_open(bytes, bytes, len, NULL, 0, nonce, key));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_draft),
                cmocka_unit_test(test_wycheproof),
                cmocka_unit_test(test_tampering),
                cmocka_unit_test(test_too_short),
        };

        return cmocka_run_group_tests(tests, test_crypto_up, test_crypto_down);
}
