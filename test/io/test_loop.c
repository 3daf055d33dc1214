/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#define _GNU_SOURCE /* pipe2 */
#include "io/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "io/clock.h"
#include "test/lib/cmocka.h"

/* A watched pipe, and what happens when its handler is called. */
struct end {
        struct tl_watch watch;
        int read_fd, write_fd;
        int called;
        uint32_t events;
        struct end *victim; /* removed and freed by the handler of this one */
};

static struct tl_loop loop;

static int setup(void **state WG_UNUSED)
{
        return tl_loop_init(&loop);
}

static int teardown(void **state WG_UNUSED)
{
        tl_loop_done(&loop);
        return 0;
}

static void free_end(struct end *end)
{
        tl_loop_remove(&end->watch);
        close(end->read_fd);
        close(end->write_fd);
        free(end);
}

static void on_ready(void *ctx, uint32_t events)
{
        struct end *end = ctx;

        struct end *victim = end->victim;

        end->called++;
        end->events = events;
        end->victim = NULL;
        if (victim)
                free_end(victim);
}

static struct end *new_end(void)
{
        struct end *end = calloc(1, sizeof(*end));
        int ends[2];

        assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
        end->read_fd = ends[0];
        end->write_fd = ends[1];
        assert_int_equal(tl_loop_add(&loop, &end->watch, end->read_fd, EPOLLIN, on_ready, end), 0);
        return end;
}

static void poke(const struct end *end)
{
        assert_int_equal(write(end->write_fd, "x", 1), 1);
}

static void test_ready_handlers_are_called(void **state WG_UNUSED)
{
        struct end *a = new_end(), *b = new_end();

        assert_int_equal(tl_loop_run(&loop, 0), 0);
        poke(b);
        assert_int_equal(tl_loop_run(&loop, TL_LOOP_NEVER), 1);
        assert_int_equal(a->called, 0);
        assert_int_equal(b->called, 1);
        assert_int_equal(b->events, EPOLLIN);
        poke(a);
        assert_int_equal(tl_loop_run(&loop, TL_LOOP_NEVER), 2);
        assert_int_equal(a->called, 1);
        free_end(a);
        free_end(b);
}

static void test_a_change_takes_effect_at_once(void **state WG_UNUSED)
{
        struct end *a = new_end();

        poke(a);
        assert_int_equal(tl_loop_change(&a->watch, 0), 0);
        assert_int_equal(tl_loop_run(&loop, 0), 0);
        assert_int_equal(tl_loop_change(&a->watch, EPOLLIN | EPOLLET), 0);
        assert_int_equal(tl_loop_run(&loop, 0), 1);
        assert_int_equal(tl_loop_run(&loop, 0), 0); /* the edge has passed */
        free_end(a);
}

static void test_unwatchable_descriptors_are_refused(void **state WG_UNUSED)
{
        struct tl_watch watch = {0};
        int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);

        assert_int_equal(tl_loop_add(&loop, &watch, -1, EPOLLIN, on_ready, NULL), -EBADF);
        assert_int_equal(tl_loop_add(&loop, &watch, file, EPOLLIN, on_ready, NULL), -EPERM);
        tl_loop_remove(&watch);
        close(file);
}

/* Two watches are ready in one round. The first removes and frees the second, which must then not
 * be called. The sanitizer build would see an access to it. */
static void test_a_handler_may_free_another(void **state WG_UNUSED)
{
        struct end *a = new_end(), *b = new_end();

        a->victim = b;
        poke(a); /* epoll reports in order of readiness */
        poke(b);
        assert_int_equal(tl_loop_run(&loop, 0), 1);
        assert_int_equal(a->called, 1);
        assert_int_equal(tl_loop_run(&loop, 0), 1);
        assert_int_equal(a->called, 2);
        free_end(a);
}

static void test_a_handler_may_free_itself(void **state WG_UNUSED)
{
        struct end *a = new_end(), *b = new_end();

        a->victim = a;
        poke(a);
        poke(b);
        assert_int_equal(tl_loop_run(&loop, 0), 2);
        assert_int_equal(b->called, 1);
        free_end(b);
}

static void forward(void *ctx, uint32_t events WG_UNUSED)
{
        struct end *end = ctx;

        tl_loop_remove(&end->watch);
        assert_int_equal(tl_loop_add(&loop, &end->watch, end->read_fd, EPOLLIN, on_ready, end), 0);
}

static void test_a_handler_may_replace_itself(void **state WG_UNUSED)
{
        struct end *a = new_end();

        tl_loop_remove(&a->watch);
        assert_int_equal(tl_loop_add(&loop, &a->watch, a->read_fd, EPOLLIN, forward, a), 0);
        poke(a);
        assert_int_equal(tl_loop_run(&loop, 0), 1);
        assert_int_equal(a->called, 0);
        assert_int_equal(tl_loop_run(&loop, 0), 1);
        assert_int_equal(a->called, 1);
        free_end(a);
}

/* More are ready than one round can report: none is left out, or called twice in a round. */
static void test_many_are_served_over_rounds(void **state WG_UNUSED)
{
        struct end *ends[3 * TL_LOOP_BATCH + 1];
        int called = 0;

        for (size_t i = 0; i < WG_ARRAY_SIZE(ends); i++) {
                ends[i] = new_end();
                poke(ends[i]);
        }
        for (int round = 0; round < 4; round++)
                called += tl_loop_run(&loop, 0);
        assert_int_equal(called, 4 * TL_LOOP_BATCH);
        for (size_t i = 0; i < WG_ARRAY_SIZE(ends); i++) {
                assert_in_range(ends[i]->called, 1, 2);
                free_end(ends[i]);
        }
}

static void test_waits_until_the_deadline(void **state WG_UNUSED)
{
        static const uint64_t waits_ns[] = {0, 1, 999, 100000, 999999, 1000001, 30000000};

        for (int pwait2 = 0; pwait2 < 2; pwait2++) {
                loop.has_pwait2 = pwait2;
                for (size_t i = 0; i < WG_ARRAY_SIZE(waits_ns); i++) {
                        uint64_t deadline_ns = tl_clock_boot_ns() + waits_ns[i];

                        assert_int_equal(tl_loop_run(&loop, deadline_ns), 0);
                        assert_true(tl_clock_boot_ns() >= deadline_ns);
                }
        }
}

static void test_a_deadline_in_the_past_does_not_wait(void **state WG_UNUSED)
{
        struct end *a = new_end();

        poke(a);
        assert_int_equal(tl_loop_run(&loop, 1), 1);
        assert_int_equal(tl_loop_run(&loop, tl_clock_boot_ns() - 1), 1);
        free_end(a);
}

static void count_call(void *ctx)
{
        ++*(int *)ctx;
}

static void test_many_wakes_are_one_call(void **state WG_UNUSED)
{
        struct tl_wake wake;
        int called = 0;

        assert_int_equal(tl_wake_init(&wake, &loop, count_call, &called), 0);
        assert_int_equal(tl_loop_run(&loop, 0), 0);
        for (int i = 0; i < 1000; i++)
                tl_wake_set(&wake);
        assert_int_equal(tl_loop_run(&loop, TL_LOOP_NEVER), 1);
        assert_int_equal(tl_loop_run(&loop, 0), 0);
        assert_int_equal(called, 1);
        tl_wake_set(&wake);
        assert_int_equal(tl_loop_run(&loop, TL_LOOP_NEVER), 1);
        assert_int_equal(called, 2);
        tl_wake_done(&wake);
        tl_wake_done(&wake);
        tl_wake_done(NULL);
}

/* Replaces eventfd_read() in the loop, so that a test can wake it at the worst moment: while the
 * previous wake-up is being cleared. The linker diverts the call (--wrap). */
int __real_eventfd_read(int fd, eventfd_t *value);
int __wrap_eventfd_read(int fd, eventfd_t *value);

static struct tl_wake *set_before_read, *set_after_read;

int __wrap_eventfd_read(int fd, eventfd_t *value)
{
        int result;

        if (set_before_read)
                tl_wake_set(set_before_read);
        result = __real_eventfd_read(fd, value);
        if (set_after_read)
                tl_wake_set(set_after_read);
        return result;
}

static void test_a_wake_while_the_last_is_cleared(void **state WG_UNUSED)
{
        struct tl_wake wake;
        int called = 0;

        assert_int_equal(tl_wake_init(&wake, &loop, count_call, &called), 0);
        for (int where = 1; where <= 3; where++) {
                set_before_read = where & 1 ? &wake : NULL;
                set_after_read = where & 2 ? &wake : NULL;
                tl_wake_set(&wake);
                assert_int_equal(tl_loop_run(&loop, TL_LOOP_NEVER), 1);
                set_before_read = set_after_read = NULL;
                while (tl_loop_run(&loop, 0) > 0)
                        continue;
                called = 0;
                tl_wake_set(&wake);
                assert_int_equal(tl_loop_run(&loop, 0), 1);
                assert_int_equal(called, 1);
        }
        tl_wake_done(&wake);
}

/* Threads hand over work and wake the loop, which sleeps when there is none. A lost wake-up would
 * leave it asleep forever, and the test would time out. */
enum { PRODUCERS = 4, PIECES = 20000 };

struct soak {
        struct tl_wake wake;
        atomic_int waiting; /* handed over, not yet taken */
        int taken;
};

static void take_work(void *ctx)
{
        struct soak *soak = ctx;

        /* Relaxed: only the wake-up itself may order this after the producer's addition. */
        soak->taken += atomic_exchange_explicit(&soak->waiting, 0, memory_order_relaxed);
}

static void *produce(void *ctx)
{
        struct soak *soak = ctx;

        for (int i = 0; i < PIECES; i++) {
                atomic_fetch_add_explicit(&soak->waiting, 1, memory_order_relaxed);
                tl_wake_set(&soak->wake);
                if (i % 64 == 0)
                        usleep(50); /* lets the loop fall asleep sometimes */
        }
        return NULL;
}

static void test_no_wake_is_lost(void **state WG_UNUSED)
{
        struct soak soak = {0};
        pthread_t threads[PRODUCERS];

        assert_int_equal(tl_wake_init(&soak.wake, &loop, take_work, &soak), 0);
        for (int i = 0; i < PRODUCERS; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, produce, &soak), 0);
        while (soak.taken < PRODUCERS * PIECES)
                assert_true(tl_loop_run(&loop, TL_LOOP_NEVER) >= 0);
        for (int i = 0; i < PRODUCERS; i++)
                pthread_join(threads[i], NULL);
        tl_wake_done(&soak.wake);
}

struct caught {
        struct tl_signals signals;
        int last, count;
        bool ends;
};

static void on_signal(void *ctx, int signal)
{
        struct caught *caught = ctx;

        caught->last = signal;
        caught->count++;
        if (caught->ends)
                tl_signals_done(&caught->signals);
}

static void test_signals_are_events(void **state WG_UNUSED)
{
        struct caught caught = {0};
        sigset_t set, now;

        sigemptyset(&set);
        sigaddset(&set, SIGUSR1);
        sigaddset(&set, SIGTERM);
        assert_int_equal(tl_signals_init(&caught.signals, &loop, &set, on_signal, &caught), 0);
        raise(SIGTERM);
        assert_int_equal(tl_loop_run(&loop, TL_LOOP_NEVER), 1);
        assert_int_equal(caught.last, SIGTERM);
        raise(SIGUSR1);
        caught.ends = true;
        assert_int_equal(tl_loop_run(&loop, TL_LOOP_NEVER), 1);
        assert_int_equal(caught.last, SIGUSR1);
        assert_int_equal(caught.count, 2);
        pthread_sigmask(SIG_BLOCK, NULL, &now);
        assert_false(sigismember(&now, SIGTERM));
        assert_false(sigismember(&now, SIGUSR1));
        tl_signals_done(&caught.signals);
        tl_signals_done(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_ready_handlers_are_called),
                TEST(test_a_change_takes_effect_at_once),
                TEST(test_unwatchable_descriptors_are_refused),
                TEST(test_a_handler_may_free_another),
                TEST(test_a_handler_may_free_itself),
                TEST(test_a_handler_may_replace_itself),
                TEST(test_many_are_served_over_rounds),
                TEST(test_waits_until_the_deadline),
                TEST(test_a_deadline_in_the_past_does_not_wait),
                TEST(test_many_wakes_are_one_call),
                TEST(test_a_wake_while_the_last_is_cleared),
                TEST(test_no_wake_is_lost),
                TEST(test_signals_are_events),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
