/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_waiting.c - core/waiting.h: the count, its bound, and its return to zero. */
#include "core/waiting.h"

#include <pthread.h>

#include "core/limits.h"
#include "test/lib/cmocka.h"

enum { MOST = WG_WAITING_PACKETS_MAX };

static void test_count(void **state)
{
        struct wg_waiting w = {0};

        (void)state;
        assert_false(wg_waiting_has_some(&w));
        assert_true(wg_waiting_add(&w, 1, false));
        assert_true(wg_waiting_has_some(&w));
        assert_true(wg_waiting_add(&w, 128, true));
        assert_int_equal(wg_waiting_count(&w), 129);
        wg_waiting_remove(&w, 0);
        wg_waiting_remove(&w, 100);
        assert_int_equal(wg_waiting_count(&w), 29);
        wg_waiting_remove(&w, 29);
        assert_false(wg_waiting_has_some(&w));
}

/* Without a session there is room again as soon as one leaves; with one, when all have left. */
static void test_bound(void **state)
{
        (void)state;
        for (unsigned int has_session = 0; has_session < 2; has_session++) {
                struct wg_waiting w = {0};

                assert_true(wg_waiting_add(&w, MOST - 1, has_session));
                assert_false(wg_waiting_add(&w, 2, has_session));
                assert_int_equal(wg_waiting_count(&w), MOST - 1);
                assert_true(wg_waiting_add(&w, 1, has_session) == !has_session);
                if (!has_session)
                        wg_waiting_remove(&w, 1);
                while (wg_waiting_count(&w) > 1) {
                        wg_waiting_remove(&w, 1);
                        assert_false(wg_waiting_add(&w, 1, true));
                        assert_true(wg_waiting_add(&w, 1, false));
                        wg_waiting_remove(&w, 1);
                }
                wg_waiting_remove(&w, 1);
                assert_false(wg_waiting_has_some(&w));
                assert_true(wg_waiting_add(&w, 1, true));
        }
}

/* A packet that found no room closes the way, unless it was the only one. */
static void test_refuse(void **state)
{
        struct wg_waiting w = {0};

        (void)state;
        assert_true(wg_waiting_add(&w, 1, true));
        wg_waiting_refuse(&w);
        assert_false(wg_waiting_has_some(&w));
        assert_true(wg_waiting_add(&w, 2, true));
        wg_waiting_refuse(&w);
        assert_int_equal(wg_waiting_count(&w), 1);
        assert_false(wg_waiting_add(&w, 1, true));
        assert_true(wg_waiting_add(&w, 1, false));
        wg_waiting_remove(&w, 2);
        assert_false(wg_waiting_has_some(&w));
}

/* Workers add packets, and refuse some, as fast as they can, while another thread removes the
 * packets that they pass on. */
enum { WORKERS = 3, ROUNDS = 20000 };

static struct wg_waiting shared;
static _Atomic uint32_t handed_over;
static _Atomic unsigned int workers_left;

static void *hand_over(void *arg)
{
        (void)arg;
        for (uint32_t i = 0; i < ROUNDS; i++) {
                if (!wg_waiting_add(&shared, 1 + i % 128, i % 3))
                        continue;
                if (i % 7 == 0)
                        wg_waiting_refuse(&shared);
                atomic_fetch_add(&handed_over, 1 + i % 128 - (i % 7 == 0));
        }
        atomic_fetch_sub(&workers_left, 1);
        return NULL;
}

static void test_threads(void **state)
{
        pthread_t threads[WORKERS];

        (void)state;
        workers_left = WORKERS;
        for (unsigned int i = 0; i < WORKERS; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, hand_over, NULL), 0);
        while (workers_left || handed_over) {
                uint32_t count = atomic_exchange(&handed_over, 0);

                assert_true(count <= MOST);
                wg_waiting_remove(&shared, count);
        }
        for (unsigned int i = 0; i < WORKERS; i++)
                pthread_join(threads[i], NULL);
        assert_false(wg_waiting_has_some(&shared));
        assert_true(wg_waiting_add(&shared, 1, true));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_count),
                cmocka_unit_test(test_bound),
                cmocka_unit_test(test_refuse),
                cmocka_unit_test(test_threads),
        };

        return cmocka_run_group_tests_name("waiting", tests, NULL, NULL);
}
