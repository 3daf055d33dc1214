/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * Jobs with real threads: each is done exactly once, and its effect is visible. test_interleaving.c
 * covers all orders of a few steps. */
#include "daemon/jobs.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include "base/attr.h"
#include "test/lib/cmocka.h"

enum { HANDS = 3, JOBS = 20, TURNS = 20000 };

static struct tl_jobs jobs;
static atomic_bool is_over;
static atomic_uint by_hands, woken;

/* Not atomic: a job done by two threads, or whose effect is not visible, is a data race. */
struct job {
        unsigned int done, asked;
};

static void work(struct wg_handshake_job *opaque)
{
        struct job *job = (struct job *)opaque;

        job->done = job->asked;
        job->asked = 0;
}

/* Sometimes a thread starts late, or finishes late. */
static void pause_at_random(unsigned int *seed)
{
        const struct timespec moment = {.tv_nsec = 20000};
        int chance = rand_r(seed) % 64;

        if (chance == 0)
                nanosleep(&moment, NULL);
        else if (chance < 16)
                sched_yield();
}

static void *lend_a_hand(void *ctx)
{
        unsigned int seed = *(unsigned int *)ctx;

        while (!atomic_load(&is_over)) {
                if (tl_jobs_take(&jobs))
                        atomic_fetch_add(&by_hands, 1);
                pause_at_random(&seed);
        }
        return NULL;
}

static void count_more(void *ctx, size_t more)
{
        assert_int_equal(more + 1, *(size_t *)ctx);
        atomic_fetch_add(&woken, 1);
        sched_yield(); /* others may be faster */
}

static void test_each_is_done_once(void **state)
{
        pthread_t threads[HANDS];
        unsigned int seeds[HANDS], seed = 1;
        struct job all[JOBS] = {{0}};
        struct wg_handshake_job *list[JOBS];

        (void)state;
        tl_jobs_init(&jobs, work);
        assert_false(tl_jobs_take(&jobs));
        assert_false(tl_jobs_are_there(&jobs));
        for (unsigned int i = 0; i < JOBS; i++)
                list[i] = (struct wg_handshake_job *)&all[i];
        for (unsigned int i = 0; i < HANDS; i++) {
                seeds[i] = 100 + i;
                assert_int_equal(pthread_create(&threads[i], NULL, lend_a_hand, &seeds[i]), 0);
        }
        for (unsigned int turn = 1; turn <= TURNS; turn++) {
                size_t count = 1 + (size_t)rand_r(&seed) % JOBS;

                for (size_t i = 0; i < count; i++)
                        all[i] = (struct job){.asked = turn};
                tl_jobs_run(&jobs, list, count, count_more, &count);
                for (size_t i = 0; i < count; i++)
                        assert_true(all[i].done == turn && all[i].asked == 0);
        }
        atomic_store(&is_over, true);
        for (unsigned int i = 0; i < HANDS; i++)
                pthread_join(threads[i], NULL);
        assert_int_equal(woken, TURNS);
        assert_true(by_hands > 0);
        tl_jobs_done(&jobs);
}

static void nobody(void *ctx, size_t more)
{
        assert_null(ctx);
        assert_int_equal(more, JOBS - 1);
        assert_true(tl_jobs_are_there(&jobs));
}

static void test_alone_too(void **state)
{
        struct job all[JOBS];
        struct wg_handshake_job *list[JOBS];

        (void)state;
        tl_jobs_init(&jobs, work);
        for (unsigned int i = 0; i < JOBS; i++) {
                all[i] = (struct job){.asked = 7};
                list[i] = (struct wg_handshake_job *)&all[i];
        }
        tl_jobs_run(&jobs, list, JOBS, nobody, NULL);
        for (unsigned int i = 0; i < JOBS; i++)
                assert_int_equal(all[i].done, 7);
        assert_false(tl_jobs_are_there(&jobs));
        tl_jobs_done(&jobs);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_alone_too),
                cmocka_unit_test(test_each_is_done_once),
        };

        return cmocka_run_group_tests_name("jobs", tests, NULL, NULL);
}
