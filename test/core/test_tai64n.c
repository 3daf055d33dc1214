/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/tai64n.h"

#include <string.h>

#include "test/lib/cmocka.h"
#include "test/lib/env.h"

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
        {2, "the last moment with the same stamp", GRAIN - 1, 0x400000000000000a, 0},
        {3, "the first with another", GRAIN, 0x400000000000000a, 0x01000000},
        {4, "the last step in a second", S - 1, 0x400000000000000a, 0x3b000000},
        {5, "before that step", 59 * GRAIN - 1, 0x400000000000000a, 0x3a000000},
        {6, "the next second", S, 0x400000000000000b, 0},
        {7, "more seconds than 32 bits", (UINT64_C(1) << 32) * S, 0x400000010000000a, 0},
        {8, "the end of the clock, in 2554", UINT64_MAX, 0x400000044b82fa13, 0x2a000000},
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

/* Stamps as bytes compare like times: never backwards, and forwards with each second and step. */
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

static const struct {
        int number;
        const char *what;
        uint64_t last_ns, real_ns, next_ns;
} steps[] = {
        {1, "the first stamp", 0, 1700000000 * S + 5, 1700000000 * S},
        {2, "the first stamp, with a clock at 1970", 0, 0, GRAIN},
        {3, "time has passed", 5 * S, 7 * S + GRAIN, 7 * S + GRAIN},
        {4, "less than a step has passed", 5 * S, 5 * S + GRAIN - 1, 5 * S + GRAIN},
        {5, "one step has passed", 5 * S, 5 * S + GRAIN, 5 * S + GRAIN},
        {6, "no time has passed", 5 * S + GRAIN, 5 * S + GRAIN, 5 * S + 2 * GRAIN},
        {7, "a clock set back", 5 * S, 4 * S, 5 * S + GRAIN},
        {8, "a last stamp between two steps", 5 * S + 1, 0, 5 * S + GRAIN},
        {9, "the last step of a second", 5 * S + 59 * GRAIN, 0, 6 * S},
        {10, "before the last step of a second", 5 * S + 58 * GRAIN, 0, 5 * S + 59 * GRAIN},
        {11, "a clock that was centuries ahead", UINT64_MAX - 2 * GRAIN, 0,
         UINT64_MAX - GRAIN - (UINT64_MAX - GRAIN) % S % GRAIN},
        {12, "the end of the clock", UINT64_MAX, 0, UINT64_MAX},
        {13, "just before it", UINT64_MAX - GRAIN + 1, 0, UINT64_MAX - GRAIN + 1},
};

static void test_next(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(steps); i++) {
                uint64_t next_ns = wg_tai64n_next(steps[i].last_ns, steps[i].real_ns);

                if (next_ns != steps[i].next_ns)
                        fail_msg("case %d (%s): %llu", steps[i].number, steps[i].what,
                                 (unsigned long long)next_ns);
        }
}

/* Whatever the clock does, each stamp is later than the previous one, and none is later than
 * necessary. */
static void test_always_later(void **state)
{
        uint64_t last_ns = 1700000000 * S, real_ns = last_ns;
        uint8_t last[WG_TAI64N_LEN], stamp[WG_TAI64N_LEN];
        struct test_env t;

        (void)state;
        test_env_init(&t, test_seed("tai64n"));
        wg_tai64n(last, last_ns);
        for (int i = 0; i < 100000; i++) {
                uint64_t by_ns = test_env_random(&t) % (UINT64_C(1) << (1 + i % 44)), next_ns;

                real_ns += test_env_random(&t) % 2 || real_ns < by_ns ? by_ns : 0 - by_ns;
                next_ns = wg_tai64n_next(last_ns, real_ns);
                wg_tai64n(stamp, next_ns);
                assert_true(memcmp(stamp, last, sizeof(stamp)) > 0);
                assert_true(next_ns <= WG_MAX(real_ns, last_ns + GRAIN));
                last_ns = next_ns;
                memcpy(last, stamp, sizeof(last));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_cases),
                cmocka_unit_test(test_order),
                cmocka_unit_test(test_next),
                cmocka_unit_test(test_always_later),
        };

        return cmocka_run_group_tests_name("tai64n", tests, NULL, NULL);
}
