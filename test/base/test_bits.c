/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_bits.c - base/bits.h. */
#include <stdint.h>

#include "base/bits.h"
#include "test/lib/cmocka.h"

static void test_last_bit(void **state)
{
        (void)state;
        assert_int_equal(wg_bits_last32(0), 0);
        assert_int_equal(wg_bits_last64(0), 0);
        for (unsigned int bit = 0; bit < 64; bit++) {
                uint64_t one = (uint64_t)1 << bit;

                assert_int_equal(wg_bits_last64(one), bit + 1);
                assert_int_equal(wg_bits_last64(one | (one - 1)), bit + 1);
                assert_int_equal(wg_bits_last64(one | 1), bit + 1);
                if (bit < 32) {
                        assert_int_equal(wg_bits_last32((uint32_t)one), bit + 1);
                        assert_int_equal(wg_bits_last32((uint32_t)(one | (one - 1))), bit + 1);
                }
        }
}

static void test_round_up(void **state)
{
        (void)state;
        assert_int_equal(wg_bits_round_up_pow2(0), 1);
        assert_int_equal(wg_bits_round_up_pow2(1), 1);
        assert_int_equal(wg_bits_round_up_pow2(2), 2);
        for (unsigned int bit = 2; bit < 32; bit++) {
                uint32_t power = (uint32_t)1 << bit;

                assert_int_equal(wg_bits_round_up_pow2(power - 1), power);
                assert_int_equal(wg_bits_round_up_pow2(power), power);
                assert_int_equal(wg_bits_round_up_pow2(power / 2 + 1), power);
        }
}

static void test_keep_first(void **state)
{
        (void)state;
        assert_int_equal(wg_bits_keep_first64(UINT64_MAX, 0), 0);
        for (unsigned int count = 1; count <= 64; count++) {
                uint64_t kept = wg_bits_keep_first64(UINT64_MAX, count);

                assert_int_equal(kept, ~(((uint64_t)1 << (64 - count)) - 1));
                assert_int_equal(wg_bits_keep_first64(~kept, count), 0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_last_bit),
                cmocka_unit_test(test_round_up),
                cmocka_unit_test(test_keep_first),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
