/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/identity.h"

#include "base/mem.h"
#include "test/lib/cmocka.h"
#include "test/lib/env.h"
#include "test/lib/transcript.h"
#include "test/lib/vector.h"
#include "test/lib/with_crypto.h"

static void assert_hex(const uint8_t *bytes, const char *text)
{
        uint8_t wanted[32];

        assert_memory_equal(bytes, wanted, hex_decode(wanted, sizeof(wanted), text));
}

static void test_derived_keys(void **state)
{
        uint8_t private_key[WG_KEY_LEN];
        struct wg_identity *identity;
        struct test_env t;

        (void)state;
        test_env_init(&t, 1);
        transcript_count(private_key, sizeof(private_key), TRANSCRIPT_INITIATOR);
        identity = wg_identity_new(&t.env, private_key);
        assert_non_null(identity);
        assert_hex(wg_x25519_key_public(identity->key), transcript.initiator);
        assert_hex(identity->mac1_key, transcript.mac1_key);
        assert_hex(identity->cookie_key, transcript.cookie_key);
        wg_identity_free(identity);
        assert_int_equal(t.blocks, 0);
}

/* `wg show` shows the key that is used; a key that differs only in the clamped bits is the same. */
static void test_private_key_is_clamped(void **state)
{
        uint8_t private_key[WG_KEY_LEN];
        struct wg_identity *identity;
        struct test_env t;

        (void)state;
        test_env_init(&t, 1);
        memset(private_key, 0xff, sizeof(private_key));
        identity = wg_identity_new(&t.env, private_key);
        assert_non_null(identity);
        assert_int_equal(identity->private_key[0], 0xf8);
        assert_int_equal(identity->private_key[31], 0x7f);
        assert_memory_equal(identity->private_key + 1, private_key + 1, 30);
        wg_identity_free(identity);
}

static bool was_wiped;

static void look_and_free(void *ctx, void *memory, size_t len)
{
        was_wiped = wg_is_zero(memory, len);
        test_env_free(ctx, memory, len);
}

static void test_freed_after_its_last_reader(void **state)
{
        uint8_t private_key[WG_KEY_LEN] = {1};
        struct wg_identity *identity;
        struct test_env t;

        (void)state;
        test_env_init(&t, 1);
        t.env.free = look_and_free;
        test_env_defer(&t);
        identity = wg_identity_new(&t.env, private_key);
        assert_non_null(identity);
        wg_identity_retire(identity);
        assert_int_equal(t.blocks, 1);
        assert_false(wg_is_zero(identity->mac1_key, sizeof(identity->mac1_key)));
        test_env_undefer(&t);
        assert_int_equal(t.blocks, 0);
        assert_true(was_wiped);
        wg_identity_retire(NULL);
        wg_identity_free(NULL);
}

static void test_no_memory(void **state)
{
        uint8_t private_key[WG_KEY_LEN] = {1};
        struct test_env t;

        (void)state;
        test_env_init(&t, 1);
        t.allocations = 0;
        assert_null(wg_identity_new(&t.env, private_key));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_derived_keys),
                cmocka_unit_test(test_private_key_is_clamped),
                cmocka_unit_test(test_freed_after_its_last_reader),
                cmocka_unit_test(test_no_memory),
        };

        return cmocka_run_group_tests_name("identity", tests, test_crypto_up, test_crypto_down);
}
