/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_siphash.c - base/siphash.h. The result for 15 bytes is the worked example of the SipHash
 * paper's appendix A; those for 0 to 7 bytes are among the 64 published with it. All were also
 * computed by an independent program. The key is 00 01 .. 0f; the input counts up from 00. */
#include <stdint.h>

#include "base/attr.h"
#include "base/siphash.h"
#include "test/lib/cmocka.h"

static const struct {
        size_t len;
        uint64_t hash;
} cases[] = {
        {0, 0x726fdb47dd0e0e31},   {1, 0x74f839c593dc67fd},   {2, 0x0d6c8009d9a94f5a},
        {3, 0x85676696d7fb7e2d},   {4, 0xcf2794e0277187b7},   {5, 0x18765564cd99a68d},
        {6, 0xcbc9466e58fee3ce},   {7, 0xab0200f58b01d137},   {8, 0x93f5f5799a932462},
        {9, 0x9e0082df0ba9e4b0},   {15, 0xa129ca6149be45e5},  {16, 0x3f2acc7f57c29bdb},
        {17, 0x699ae9f52cbe4794},  {63, 0x958a324ceb064572},  {64, 0xacd2c40b8502cad8},
        {255, 0xa9c169fec74db21a}, {256, 0x999d0526d2a7bfd7},
};

static void test_vectors(void **state)
{
        uint8_t key[WG_SIPHASH_KEY_LEN], memory[256 + 8];

        (void)state;
        for (size_t i = 0; i < sizeof(key); i++)
                key[i] = (uint8_t)i;
        for (size_t offset = 0; offset < 8; offset++) {
                for (size_t i = 0; i < 256; i++)
                        memory[offset + i] = (uint8_t)i;
                for (size_t c = 0; c < WG_ARRAY_SIZE(cases); c++)
                        assert_true(wg_siphash(key, memory + offset, cases[c].len) ==
                                    cases[c].hash);
        }
}

static void test_each_bit_counts(void **state)
{
        uint8_t key[WG_SIPHASH_KEY_LEN] = {0}, in[19] = {0};
        uint64_t hash = wg_siphash(key, in, sizeof(in));

        (void)state;
        for (size_t bit = 0; bit < 8 * sizeof(key); bit++) {
                key[bit / 8] ^= (uint8_t)(1u << bit % 8);
                assert_true(wg_siphash(key, in, sizeof(in)) != hash);
                key[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        for (size_t bit = 0; bit < 8 * sizeof(in); bit++) {
                in[bit / 8] ^= (uint8_t)(1u << bit % 8);
                assert_true(wg_siphash(key, in, sizeof(in)) != hash);
                in[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_vectors),
                cmocka_unit_test(test_each_bit_counts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
