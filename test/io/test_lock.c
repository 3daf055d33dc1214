/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * A lock excludes others, wakes all waiters, and does not spin while its holder is preempted. */
#include "io/lock.h"

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

#include "test/lib/cmocka.h"

enum { THREADS = 4, TURNS = 20000, HELD_MS = 300, MS_NS = 1000000 };

struct shared {
        _Atomic uint32_t word;
        uint64_t count; /* not atomic: the lock protects it */
        atomic_bool is_held;
};

static void sleep_ms(long ms)
{
        const struct timespec time = {.tv_nsec = ms * MS_NS};

        nanosleep(&time, NULL);
}

static void *count_on(void *arg)
{
        struct shared *s = arg;

        for (int i = 0; i < TURNS; i++) {
                tl_lock_take(&s->word);
                s->count++;
                if (i % 1000 == 0)
                        sleep_ms(1); /* to make others wait */
                tl_lock_release(&s->word);
        }
        return NULL;
}

static void one_at_a_time(void **state)
{
        static struct shared shared;
        pthread_t threads[THREADS];

        (void)state;
        for (int i = 0; i < THREADS; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, count_on, &shared), 0);
        for (int i = 0; i < THREADS; i++)
                pthread_join(threads[i], NULL);
        assert_int_equal(shared.count, THREADS * TURNS);
        assert_int_equal(shared.word, 0);
}

static void *hold(void *arg)
{
        struct shared *s = arg;

        tl_lock_take(&s->word);
        s->is_held = true;
        sleep_ms(HELD_MS);
        tl_lock_release(&s->word);
        return NULL;
}

static long processor_ms(void)
{
        struct timespec time;

        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
        return time.tv_sec * 1000 + time.tv_nsec / MS_NS;
}

static void a_waiter_leaves_the_processor_to_the_holder(void **state)
{
        static struct shared shared;
        pthread_t holder;
        long begun_ms;

        (void)state;
        assert_int_equal(pthread_create(&holder, NULL, hold, &shared), 0);
        while (!shared.is_held)
                sleep_ms(1);
        begun_ms = processor_ms();
        tl_lock_take(&shared.word);
        assert_true(processor_ms() - begun_ms < HELD_MS / 3);
        tl_lock_release(&shared.word);
        pthread_join(holder, NULL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(one_at_a_time),
                cmocka_unit_test(a_waiter_leaves_the_processor_to_the_holder),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
