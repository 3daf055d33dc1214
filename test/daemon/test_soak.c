/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * Records that workers hand to the engine, with real threads, loops, eventfds and random pauses:
 * all arrive, in the order of each worker, and the engine never sleeps while there are any. It
 * takes one second; an argument sets another duration in seconds. */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include "daemon/inbox.h"
#include "io/clock.h"
#include "io/loop.h"
#include "test/lib/cmocka.h"

enum { WORKERS = 3, SIZE = 4096, LEN_MAX = 300 };
#define PATIENCE_NS (20 * TL_NS_PER_S)

static uint64_t seconds = 1;

static struct tl_loop loop;
static struct tl_wake wake;
static struct tl_inbox inbox;
static uint64_t end_ns;

struct worker {
        pthread_t thread;
        unsigned int number, seed;
        _Atomic uint64_t put; /* records so far */
        uint64_t taken;       /* engine */
};

static struct worker workers[WORKERS];
static unsigned int wakes;

static void pause_at_random(unsigned int *seed)
{
        struct timespec moment = {.tv_nsec = rand_r(seed) % 30000};
        int chance = rand_r(seed) % 32;

        if (chance == 0)
                nanosleep(&moment, NULL);
        else if (chance < 4)
                sched_yield();
}

/* A batch, then a wake-up, as in a worker's round. */
static void *hand_over(void *ctx)
{
        struct worker *worker = ctx;
        uint8_t bytes[LEN_MAX];

        while (tl_clock_boot_ns() < end_ns) {
                for (int left = rand_r(&worker->seed) % 4; left >= 0; left--) {
                        uint64_t next = atomic_load(&worker->put) + 1;
                        struct tl_inbox_head head = {.arrived_ns = next,
                                                     .len = (uint32_t)(next % LEN_MAX)};

                        memset(bytes, (int)worker->number, sizeof(bytes));
                        head.from.port = (uint16_t)worker->number;
                        if (tl_inbox_put(&inbox, &head, bytes))
                                atomic_store(&worker->put, next);
                }
                tl_wake_set(&wake);
                pause_at_random(&worker->seed);
        }
        tl_wake_set(&wake); /* the end, which the engine waits for as well */
        return NULL;
}

static void woken(void *ctx)
{
        (void)ctx;
        wakes++;
}

static void take_all(void)
{
        struct tl_inbox_head head;
        uint8_t bytes[LEN_MAX];

        while (tl_inbox_take(&inbox, &head, bytes)) {
                struct worker *worker = &workers[head.from.port];

                assert_true(head.from.port < WORKERS);
                assert_int_equal(head.arrived_ns, ++worker->taken);
                assert_int_equal(head.len, head.arrived_ns % LEN_MAX);
                for (uint32_t i = 0; i < head.len; i++)
                        assert_int_equal(bytes[i], head.from.port);
        }
}

static void test_nothing_is_left_behind(void **state)
{
        unsigned int seed = 7;
        uint64_t total = 0;

        (void)state;
        assert_int_equal(tl_loop_init(&loop), 0);
        assert_int_equal(tl_wake_init(&wake, &loop, woken, NULL), 0);
        assert_int_equal(tl_inbox_init(&inbox, SIZE), 0);
        end_ns = tl_clock_boot_ns() + seconds * TL_NS_PER_S;
        for (unsigned int i = 0; i < WORKERS; i++) {
                workers[i].number = i;
                workers[i].seed = 100 + i;
                assert_int_equal(pthread_create(&workers[i].thread, NULL, hand_over, &workers[i]),
                                 0);
        }
        while (tl_clock_boot_ns() < end_ns) {
                int called = tl_loop_run(&loop, end_ns + PATIENCE_NS);

                assert_true(called >= 0);
                if (!called)
                        fail_msg("no worker woke the engine");
                take_all();
                pause_at_random(&seed);
        }
        for (unsigned int i = 0; i < WORKERS; i++)
                pthread_join(workers[i].thread, NULL);
        /* Records that arrived after the last round: if there are any, a wake-up is pending. */
        if (tl_inbox_used(&inbox))
                assert_int_equal(tl_loop_run(&loop, 0), 1);
        take_all();
        for (unsigned int i = 0; i < WORKERS; i++) {
                assert_int_equal(workers[i].taken, atomic_load(&workers[i].put));
                total += workers[i].taken;
        }
        print_message("%llu records, %u wake-ups\n", (unsigned long long)total, wakes);
        assert_true(total > 100);
        tl_inbox_done(&inbox);
        tl_wake_done(&wake);
        tl_loop_done(&loop);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_nothing_is_left_behind)};

        if (argc > 1)
                seconds = strtoull(argv[1], NULL, 10);
        return cmocka_run_group_tests_name("soak", tests, NULL, NULL);
}
