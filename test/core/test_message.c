/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/message.h"

#include <string.h>

#include "crypto/aead.h"
#include "crypto/x25519.h"
#include "test/lib/cmocka.h"

/* Each field begins where the previous one ends. */
_Static_assert(WG_INITIATION_STATIC == WG_INITIATION_EPHEMERAL + WG_KEY_LEN, "");
_Static_assert(WG_INITIATION_TIMESTAMP == WG_INITIATION_STATIC + WG_KEY_LEN + WG_AEAD_TAG_LEN, "");
_Static_assert(WG_INITIATION_MAC1 == WG_INITIATION_TIMESTAMP + 12 + WG_AEAD_TAG_LEN, "");
_Static_assert(WG_INITIATION_LEN == WG_INITIATION_MAC1 + 2 * WG_MESSAGE_MAC_LEN, "");
_Static_assert(WG_RESPONSE_NOTHING == WG_RESPONSE_EPHEMERAL + WG_KEY_LEN, "");
_Static_assert(WG_RESPONSE_MAC1 == WG_RESPONSE_NOTHING + WG_AEAD_TAG_LEN, "");
_Static_assert(WG_RESPONSE_LEN == WG_RESPONSE_MAC1 + 2 * WG_MESSAGE_MAC_LEN, "");
_Static_assert(WG_COOKIE_SEALED == WG_COOKIE_NONCE + 24, "");
_Static_assert(WG_COOKIE_LEN == WG_COOKIE_SEALED + 16 + WG_AEAD_TAG_LEN, "");
_Static_assert(WG_DATA_TEXT == WG_DATA_COUNTER + 8, "");
_Static_assert(WG_DATA_OVERHEAD == WG_DATA_TEXT + WG_AEAD_TAG_LEN, "");

enum { LEN_MAX = 2048 };

static uint32_t expected(uint32_t type, size_t len)
{
        if ((type == 1 && len == 148) || (type == 2 && len == 92) || (type == 3 && len == 64) ||
            (type == 4 && len >= 32))
                return type;
        return 0;
}

static void test_every_type_and_length(void **state)
{
        uint8_t message[LEN_MAX] = {0};

        (void)state;
        for (uint32_t type = 0; type < 256; type++) {
                message[0] = (uint8_t)type;
                for (size_t len = 0; len < sizeof(message); len++)
                        if (wg_message_classify(message, len) !=
                            (len < 4 ? 0 : expected(type, len)))
                                fail_msg("type %u, length %zu", type, len);
        }
}

static void test_reserved_bytes_are_zero(void **state)
{
        static const size_t lens[] = {0, WG_INITIATION_LEN, WG_RESPONSE_LEN, WG_COOKIE_LEN,
                                      WG_DATA_OVERHEAD};
        uint8_t message[LEN_MAX] = {0};

        (void)state;
        for (uint8_t type = 1; type <= 4; type++) {
                message[0] = type;
                assert_int_equal(wg_message_classify(message, lens[type]), type);
                for (unsigned int bit = 8; bit < 32; bit++) {
                        message[bit / 8] = (uint8_t)(1u << bit % 8);
                        assert_int_equal(wg_message_classify(message, lens[type]), 0);
                        message[bit / 8] = 0;
                }
        }
}

/* No byte beyond the length is read: sanitizers watch. */
static void test_reads_no_further(void **state)
{
        uint8_t message[3] = {1, 0, 0};

        (void)state;
        for (size_t len = 0; len <= sizeof(message); len++)
                assert_int_equal(wg_message_classify(message + sizeof(message) - len, len), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_type_and_length),
                cmocka_unit_test(test_reserved_bytes_are_zero),
                cmocka_unit_test(test_reads_no_further),
        };

        return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
