/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/random.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "test/lib/cmocka.h"

/* getrandom(2) always returns up to 256 bytes at once; it may return more in parts. */
static void test_fills_exactly_the_length(void **state WG_UNUSED)
{
        static const size_t lengths[] = {0, 1, 31, 32, 255, 256, 257, 4096, 1 << 20};

        for (size_t i = 0; i < WG_ARRAY_SIZE(lengths); i++) {
                size_t len = lengths[i], seen = 0;
                uint8_t *bytes = calloc(1, len + 1);
                uint8_t *touched = calloc(1, len + 1);

                /* A byte stays zero in all 32 rounds with probability 2^-256. */
                for (int round = 0; round < 32; round++) {
                        tl_random_fill(bytes, len);
                        assert_int_equal(bytes[len], 0);
                        for (size_t at = 0; at < len; at++)
                                touched[at] |= bytes[at];
                }
                for (size_t at = 0; at < len; at++)
                        seen += touched[at] != 0;
                assert_int_equal(seen, len);
                free(bytes);
                free(touched);
        }
}

static void test_never_repeats(void **state WG_UNUSED)
{
        uint8_t draws[64][16];

        for (size_t i = 0; i < WG_ARRAY_SIZE(draws); i++) {
                tl_random_fill(draws[i], sizeof(draws[i]));
                for (size_t j = 0; j < i; j++)
                        assert_memory_not_equal(draws[i], draws[j], sizeof(draws[i]));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_fills_exactly_the_length),
                cmocka_unit_test(test_never_repeats),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
