/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * When retired memory is released: never while a worker may hold it, and soon afterwards. */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/attr.h"
#include "daemon/reclaim.h"
#include "test/lib/cmocka.h"

struct thing {
        struct wg_retired retired;
        unsigned int number; /* 0: released */
        unsigned int *released;
};

static void release(struct wg_retired *retired)
{
        struct thing *thing = WG_CONTAINER_OF(retired, struct thing, retired);

        ++*thing->released;
        thing->number = 0;
        free(thing);
}

static struct thing *new_thing(unsigned int number, unsigned int *released)
{
        struct thing *thing = calloc(1, sizeof(*thing));

        assert_non_null(thing);
        thing->number = number;
        thing->released = released;
        thing->retired.release = release;
        return thing;
}

static void without_workers_the_next_poll_releases(void **state)
{
        struct tl_reclaim reclaim;
        unsigned int released = 0;

        (void)state;
        tl_reclaim_init(&reclaim);
        assert_false(tl_reclaim_poll(&reclaim));
        tl_reclaim_retire(&reclaim, &new_thing(1, &released)->retired);
        tl_reclaim_retire(&reclaim, &new_thing(2, &released)->retired);
        assert_int_equal(released, 0);
        assert_int_equal(reclaim.count, 2);
        assert_false(tl_reclaim_poll(&reclaim));
        assert_int_equal(released, 2);
        assert_int_equal(reclaim.count, 0);
}

static void a_worker_delays_until_it_is_quiescent(void **state)
{
        struct tl_reclaim reclaim;
        unsigned int released = 0;

        (void)state;
        tl_reclaim_init(&reclaim);
        tl_reclaim_online(&reclaim, 0);
        tl_reclaim_online(&reclaim, 5);
        tl_reclaim_retire(&reclaim, &new_thing(1, &released)->retired);
        assert_true(tl_reclaim_poll(&reclaim));
        tl_reclaim_online(&reclaim, 0);
        assert_true(tl_reclaim_poll(&reclaim));
        assert_int_equal(released, 0);
        tl_reclaim_offline(&reclaim, 5);
        assert_false(tl_reclaim_poll(&reclaim));
        assert_int_equal(released, 1);
}

static void a_worker_that_comes_online_later_delays_nothing_older(void **state)
{
        struct tl_reclaim reclaim;
        unsigned int released = 0;

        (void)state;
        tl_reclaim_init(&reclaim);
        tl_reclaim_retire(&reclaim, &new_thing(1, &released)->retired);
        tl_reclaim_online(&reclaim, 1);
        assert_false(tl_reclaim_poll(&reclaim));
        assert_int_equal(released, 1);
        tl_reclaim_retire(&reclaim, &new_thing(2, &released)->retired);
        assert_true(tl_reclaim_poll(&reclaim));
        tl_reclaim_offline(&reclaim, 1);
        assert_false(tl_reclaim_poll(&reclaim));
        assert_int_equal(released, 2);
}

/* One object at a time is published; two workers read it, the engine replaces it constantly. */

enum { ROUNDS = 20000, WORKERS = 2 };

static struct tl_reclaim shared;
static _Atomic(struct thing *) published;
static atomic_bool is_over;

static void *read_it(void *ctx)
{
        unsigned int worker = *(unsigned int *)ctx, last = 0;

        while (!atomic_load(&is_over)) {
                tl_reclaim_online(&shared, worker);
                for (unsigned int i = 0; i < 3; i++) {
                        struct thing *thing = atomic_load(&published);

                        if (!thing->number || thing->number < last)
                                abort();
                        last = thing->number;
                }
                if (last % 3 == 0)
                        tl_reclaim_offline(&shared, worker);
        }
        tl_reclaim_offline(&shared, worker);
        return NULL;
}

static void readers_never_meet_freed_memory(void **state)
{
        unsigned int released = 0, numbers[WORKERS];
        pthread_t threads[WORKERS];

        (void)state;
        tl_reclaim_init(&shared);
        atomic_store(&published, new_thing(1, &released));
        for (unsigned int i = 0; i < WORKERS; i++) {
                numbers[i] = i;
                assert_int_equal(pthread_create(&threads[i], NULL, read_it, &numbers[i]), 0);
        }
        for (unsigned int i = 2; i < ROUNDS; i++) {
                struct thing *old = atomic_exchange(&published, new_thing(i, &released));

                tl_reclaim_retire(&shared, &old->retired);
                tl_reclaim_poll(&shared);
        }
        atomic_store(&is_over, true);
        for (unsigned int i = 0; i < WORKERS; i++)
                pthread_join(threads[i], NULL);
        tl_reclaim_retire(&shared, &atomic_load(&published)->retired);
        assert_false(tl_reclaim_poll(&shared));
        assert_int_equal(released, ROUNDS - 1);
}

/* ---- one worker holds on, another goes offline while the engine checks ---- */

enum { HOLDER = 0, LEAVER = 1, TURNS = 3000 };

static atomic_int stage; /* 0: done, 1: come, 2: has come, 3: go; -1: it is over */

static void *come_and_go(void *ctx)
{
        int now;

        (void)ctx;
        while ((now = atomic_load(&stage)) >= 0) {
                if (now == 1) {
                        tl_reclaim_online(&shared, LEAVER);
                        atomic_store(&stage, 2);
                } else if (now == 3) {
                        tl_reclaim_offline(&shared, LEAVER);
                        atomic_store(&stage, 0);
                } else {
                        sched_yield();
                }
        }
        return NULL;
}

static void a_worker_that_goes_offline_hides_no_other(void **state)
{
        unsigned int released = 0;
        pthread_t leaver;

        (void)state;
        tl_reclaim_init(&shared);
        assert_int_equal(pthread_create(&leaver, NULL, come_and_go, NULL), 0);
        for (unsigned int i = 0; i < TURNS; i++) {
                tl_reclaim_online(&shared, HOLDER);
                atomic_store(&stage, 1);
                while (atomic_load(&stage) != 2)
                        sched_yield();
                tl_reclaim_retire(&shared, &new_thing(1, &released)->retired);
                atomic_store(&stage, 3);
                do {
                        tl_reclaim_poll(&shared);
                        assert_int_equal(released, i);
                } while (atomic_load(&stage));
                tl_reclaim_offline(&shared, HOLDER);
                assert_false(tl_reclaim_poll(&shared));
                assert_int_equal(released, i + 1);
        }
        atomic_store(&stage, -1);
        pthread_join(leaver, NULL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(without_workers_the_next_poll_releases),
                cmocka_unit_test(a_worker_delays_until_it_is_quiescent),
                cmocka_unit_test(a_worker_that_comes_online_later_delays_nothing_older),
                cmocka_unit_test(readers_never_meet_freed_memory),
                cmocka_unit_test(a_worker_that_goes_offline_hides_no_other),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
