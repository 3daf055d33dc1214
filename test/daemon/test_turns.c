/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * No direction waits long, and those that stay busy get equal shares. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/turns.h"
#include "test/lib/cmocka.h"

#define US UINT64_C(1000)

static void a_single_direction_continues_alone(void **state)
{
        struct tl_turns turns = {0};

        (void)state;
        assert_false(tl_turns_are_due(&turns));
        tl_turns_set_ready(&turns, TL_FROM_IPV6);
        for (int i = 0; i < 3; i++) {
                assert_true(tl_turns_are_due(&turns));
                assert_int_equal(tl_turns_begin(&turns), TL_FROM_IPV6);
                tl_turns_end(&turns, TL_FROM_IPV6, 100 * US, i < 2);
        }
        assert_false(tl_turns_are_due(&turns));
}

static void a_direction_without_a_socket_gets_no_turn(void **state)
{
        struct tl_turns turns = {0};

        (void)state;
        tl_turns_set_ready(&turns, TL_FROM_IPV4);
        tl_turns_set_ready(&turns, TL_FROM_IPV6);
        tl_turns_clear_ready(&turns, TL_FROM_IPV4);
        assert_int_equal(tl_turns_begin(&turns), TL_FROM_IPV6);
        tl_turns_end(&turns, TL_FROM_IPV6, US, false);
        assert_false(tl_turns_are_due(&turns));
}

/* However long another direction ran alone, or this one was idle. */
static void a_newcomer_is_next(void **state)
{
        struct tl_turns turns = {0};

        (void)state;
        for (int busy = 0; busy < TL_DIRECTIONS; busy++) {
                int other = (busy + 1) % TL_DIRECTIONS;

                tl_turns_set_ready(&turns, (enum tl_direction)busy);
                for (int i = 0; i < 10000; i++) {
                        assert_int_equal(tl_turns_begin(&turns), busy);
                        tl_turns_end(&turns, (enum tl_direction)busy, 700 * US, true);
                }
                tl_turns_set_ready(&turns, (enum tl_direction)other);
                assert_int_equal(tl_turns_begin(&turns), other);
                tl_turns_end(&turns, (enum tl_direction)other, 20 * US, false);
                tl_turns_end(&turns, (enum tl_direction)busy, 0, false);
        }
}

/* A turn in which the thread was preempted does not exclude its direction for that long. */
static void a_long_turn_costs_little(void **state)
{
        struct tl_turns turns = {0};
        uint64_t waited_ns = 0;

        (void)state;
        tl_turns_set_ready(&turns, TL_FROM_TUN);
        tl_turns_set_ready(&turns, TL_FROM_IPV4);
        assert_int_equal(tl_turns_begin(&turns), TL_FROM_TUN);
        tl_turns_end(&turns, TL_FROM_TUN, 5000000 * US, true);
        while (tl_turns_begin(&turns) == TL_FROM_IPV4) {
                tl_turns_end(&turns, TL_FROM_IPV4, TL_TURN_NS, true);
                waited_ns += TL_TURN_NS;
        }
        assert_true(waited_ns <= TL_TURN_CHARGE_MAX_NS + TL_TURN_NS);
}

/* The cost of a batch differs widely between directions, and changes. */
static void random_turns_are_shared_and_bounded(void **state)
{
        static const uint64_t most_ns[TL_DIRECTIONS] = {60 * US, 800 * US, 300 * US};
        uint64_t total_ns[TL_DIRECTIONS] = {0}, waited_ns[TL_DIRECTIONS] = {0};
        struct tl_turns turns = {0};
        const char *given = getenv("SEED");
        unsigned int seed = given ? (unsigned int)atoi(given) : 20261130;

        (void)state;
        print_message("SEED=%u\n", seed);
        srand(seed);
        for (int i = 0; i < TL_DIRECTIONS; i++)
                tl_turns_set_ready(&turns, (enum tl_direction)i);
        for (int n = 0; n < 200000; n++) {
                enum tl_direction direction = tl_turns_begin(&turns);
                uint64_t took_ns = 1 + (uint64_t)rand() % most_ns[direction];

                tl_turns_end(&turns, direction, took_ns, true);
                total_ns[direction] += took_ns;
                for (int i = 0; i < TL_DIRECTIONS; i++)
                        waited_ns[i] = i == (int)direction ? 0 : waited_ns[i] + took_ns;
                /* At most its own longest turn, and a last turn of each. */
                for (int i = 0; i < TL_DIRECTIONS; i++)
                        assert_true(waited_ns[i] < 3 * (800 + 300 + 60) * US);
        }
        for (int i = 1; i < TL_DIRECTIONS; i++) {
                uint64_t apart_ns = total_ns[i] > total_ns[0] ? total_ns[i] - total_ns[0]
                                                              : total_ns[0] - total_ns[i];

                print_message("%d: %" PRIu64 " us more or less\n", i, apart_ns / US);
                assert_true(apart_ns <= 800 * US);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_single_direction_continues_alone),
                cmocka_unit_test(a_direction_without_a_socket_gets_no_turn),
                cmocka_unit_test(a_newcomer_is_next),
                cmocka_unit_test(a_long_turn_costs_little),
                cmocka_unit_test(random_turns_are_shared_and_bounded),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
