/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/tai64n.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "test/env.h"

#define S WG_NS_PER_S
#define GRAIN (UINT64_C(1) << 24)

/* Labels count from 2^62 at the beginning of 1970 TAI, which was 10 s before that of UTC. */
static const struct {
        int number;
        const char *what;
        uint64_t real_ns;
        uint64_t label;
        uint32_t fraction;
} cases[] = {
        {1, "1970", 0, 0x400000000000000a, 0},
        {2, "the last moment that looks the same", GRAIN - 1, 0x400000000000000a, 0},
        {3, "the first that does not", GRAIN, 0x400000000000000a, 0x01000000},
        {4, "the grain's last step in a second", S - 1, 0x400000000000000a, 0x3b000000},
        {5, "before that step", 59 * GRAIN - 1, 0x400000000000000a, 0x3a000000},
        {6, "the next second", S, 0x400000000000000b, 0},
        {7, "more seconds than 32 bits", (UINT64_C(1) << 32) * S, 0x400000010000000a, 0},
        {8, "the clock's end, in 2554", UINT64_MAX, 0x400000044b82fa13, 0x2a000000},
};

static void test_cases(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                uint8_t stamp[WG_TAI64N_LEN];

                wg_tai64n(stamp, cases[i].real_ns);
                if (wg_be64_load(stamp) != cases[i].label ||
                    wg_be32_load(stamp + 8) != cases[i].fraction)
                        fail_msg("case %d (%s): %016llx %08x", cases[i].number, cases[i].what,
                                 (unsigned long long)wg_be64_load(stamp), wg_be32_load(stamp + 8));
        }
}

/* Bytes compare as times do: never backwards, and forwards with each second and each grain. */
static void test_order(void **state)
{
        struct test_env t;

        (void)state;
        test_env_init(&t, test_seed("tai64n"));
        for (int i = 0; i < 100000; i++) {
                uint64_t a = test_env_random(&t) % (UINT64_C(1) << 40);
                uint64_t b = a + test_env_random(&t) % (UINT64_C(1) << (1 + i % 34));
                bool differ = a / S != b / S || a % S / GRAIN != b % S / GRAIN;
                uint8_t of_a[WG_TAI64N_LEN], of_b[WG_TAI64N_LEN];
                int order;

                wg_tai64n(of_a, a);
                wg_tai64n(of_b, b);
                order = memcmp(of_a, of_b, sizeof(of_a));
                assert_true(differ ? order < 0 : order == 0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_cases),
                cmocka_unit_test(test_order),
        };

        return cmocka_run_group_tests_name("tai64n", tests, NULL, NULL);
}
