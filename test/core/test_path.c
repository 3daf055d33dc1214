/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#define _GNU_SOURCE /* CPU_SET, SCHED_IDLE */
#include "core/path.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "test/lib/cmocka.h"
#include "test/lib/env.h"

static const struct {
        int number;
        const char *what;
        struct wg_endpoint endpoint;
} cases[] = {
        {1, "none", {.port = 0}},
        {2, "IPv4", {.ip = {4, {192, 0, 2, 1}}, .port = 51820}},
        {3,
         "IPv4 with a source",
         {.ip = {4, {192, 0, 2, 1}}, .port = 1, .source = {4, {198, 51, 100, 255}}}},
        {4,
         "IPv6, every byte different",
         {.ip = {6, {0x20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}},
          .port = 0xfedc,
          .source = {6, {0xfd, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45}}}},
        {5,
         "link-local, the greatest numbers",
         {.ip = {6, {0xfe, 0x80, [15] = 1}},
          .port = 0xffff,
          .scope = 0xffffffff,
          .source = {6, {0xfe, 0x80, [15] = 2}},
          .source_ifindex = 0xfffffffe}},
};

static void assert_same(const struct wg_endpoint *a, const struct wg_endpoint *b)
{
        assert_true(wg_endpoint_is_same_remote(a, b));
        assert_true(wg_ip_equal(&a->source, &b->source));
        assert_int_equal(a->source_ifindex, b->source_ifindex);
}

static void test_read_returns_the_last_write(void **state)
{
        struct test_env t;

        (void)state;
        test_env_init(&t, 1);
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++)
                for (size_t before = 0; before < WG_ARRAY_SIZE(cases); before++) {
                        struct wg_path path = {0};
                        struct wg_endpoint e;

                        wg_path_read(&path, &e);
                        assert_same(&e, &cases[0].endpoint);
                        wg_path_write(&path, &t.env, &cases[before].endpoint);
                        wg_path_write(&path, &t.env, &cases[i].endpoint);
                        memset(&e, 0xaa, sizeof(e));
                        wg_path_read(&path, &e);
                        assert_same(&e, &cases[i].endpoint);
                }
}

static void test_the_same_again_takes_no_lock(void **state)
{
        struct test_env t;

        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                struct wg_path path = {0};

                test_env_init(&t, 1);
                wg_path_write(&path, &t.env, &cases[i].endpoint);
                wg_path_write(&path, &t.env, &cases[i].endpoint);
                assert_int_equal(t.locks, i != 0);
                assert_int_equal(path.version, i != 0);
        }
}

/* The endpoints that readers find while a writer takes and releases the lock. In `moves`, another
 * writer was faster. */
struct watch {
        struct wg_env env;
        struct wg_path path;
        bool is_locked;
        const struct wg_endpoint *moves;
        struct wg_endpoint before, after;
};

static void watch_lock(void *ctx, _Atomic uint32_t *word)
{
        struct watch *w = ctx;
        struct test_env t;

        assert_ptr_equal(word, &w->path.lock);
        assert_false(w->is_locked);
        test_env_init(&t, 1);
        if (w->moves)
                wg_path_write(&w->path, &t.env, w->moves);
        wg_path_read(&w->path, &w->before);
        w->is_locked = true;
}

static void watch_unlock(void *ctx, _Atomic uint32_t *word)
{
        struct watch *w = ctx;

        assert_ptr_equal(word, &w->path.lock);
        assert_true(w->is_locked);
        w->is_locked = false;
        wg_path_read(&w->path, &w->after);
}

static void watch_init(struct watch *w, const struct wg_endpoint *first)
{
        struct test_env t;

        memset(w, 0, sizeof(*w));
        test_env_init(&t, 1);
        wg_path_write(&w->path, &t.env, first);
        w->env = (struct wg_env){.ctx = w, .lock = watch_lock, .unlock = watch_unlock};
}

static void test_writers_take_the_lock(void **state)
{
        const struct wg_endpoint *pinned = &cases[4].endpoint, *other = &cases[3].endpoint;
        struct wg_endpoint unpinned = *pinned;
        struct watch w;

        (void)state;
        memset(&unpinned.source, 0, sizeof(unpinned.source));
        unpinned.source_ifindex = 0;

        watch_init(&w, pinned);
        wg_path_write(&w.path, &w.env, other);
        assert_false(w.is_locked);
        assert_same(&w.before, pinned);
        assert_same(&w.after, other);

        watch_init(&w, pinned);
        wg_path_unpin(&w.path, &w.env, NULL);
        assert_false(w.is_locked);
        assert_same(&w.before, pinned);
        assert_same(&w.after, &unpinned);
}

static void test_the_last_writer_wins(void **state)
{
        const struct wg_endpoint *pinned = &cases[4].endpoint, *moved = &cases[3].endpoint;
        struct watch w;

        (void)state;
        watch_init(&w, pinned);
        w.moves = moved;
        wg_path_write(&w.path, &w.env, &cases[1].endpoint);
        assert_same(&w.after, &cases[1].endpoint);

        /* The peer moved before its pin could be dropped, and must not be moved back. */
        watch_init(&w, pinned);
        w.moves = moved;
        wg_path_unpin(&w.path, &w.env, pinned);
        assert_same(&w.after, moved);
}

static void test_unpin(void **state)
{
        const struct wg_endpoint *pinned = &cases[4].endpoint, *other = &cases[3].endpoint;
        struct wg_endpoint unpinned = *pinned, e;
        struct wg_path path = {0};
        struct test_env t;

        (void)state;
        test_env_init(&t, 1);
        memset(&unpinned.source, 0, sizeof(unpinned.source));
        unpinned.source_ifindex = 0;

        wg_path_unpin(&path, &t.env, NULL);
        wg_path_read(&path, &e);
        assert_same(&e, &cases[0].endpoint);

        wg_path_write(&path, &t.env, pinned);
        wg_path_unpin(&path, &t.env, other);
        wg_path_read(&path, &e);
        assert_same(&e, pinned);

        wg_path_unpin(&path, &t.env, pinned);
        wg_path_read(&path, &e);
        assert_same(&e, &unpinned);

        wg_path_write(&path, &t.env, pinned);
        wg_path_unpin(&path, &t.env, NULL);
        wg_path_read(&path, &e);
        assert_same(&e, &unpinned);
}

/* All of an endpoint follows from one number, so that a mixture of two is detected. */
static void endpoint_of(uint32_t n, struct wg_endpoint *e)
{
        memset(e, 0, sizeof(*e));
        e->ip.family = WG_FAMILY_IPV6;
        e->source.family = WG_FAMILY_IPV6;
        for (size_t i = 0; i < 16; i += 4) {
                memcpy(e->ip.bytes + i, &n, sizeof(n));
                memcpy(e->source.bytes + i, &n, sizeof(n));
        }
        e->port = (uint16_t)n;
        e->scope = e->source_ifindex = n;
}

/* A mover's endpoints have rising numbers, and a bystander drops sources meanwhile: readers must
 * never see a mixture, nor an older endpoint after a newer one. */
struct race {
        struct test_env t;
        struct wg_path path;
        _Atomic bool is_over;
        _Atomic unsigned int mistakes;
        _Atomic uint64_t reads, unpins;
};

static void *read_on(void *arg)
{
        struct race *race = arg;
        uint32_t newest = 0;

        while (!race->is_over) {
                struct wg_endpoint e, whole;

                wg_path_read(&race->path, &e);
                endpoint_of(e.scope, &whole);
                if (e.source.family == WG_FAMILY_NONE) {
                        memset(&whole.source, 0, sizeof(whole.source));
                        whole.source_ifindex = 0;
                }
                if (!wg_endpoint_is_same_remote(&e, &whole) ||
                    !wg_ip_equal(&e.source, &whole.source) ||
                    e.source_ifindex != whole.source_ifindex || e.scope < newest)
                        race->mistakes++;
                newest = e.scope;
                race->reads++;
        }
        return NULL;
}

static void *unpin_on(void *arg)
{
        struct race *race = arg;

        while (!race->is_over) {
                wg_path_unpin(&race->path, &race->t.env, NULL);
                race->unpins++;
        }
        return NULL;
}

static void test_readers_never_meet_a_mixture(void **state)
{
        enum { ENOUGH = 100000, READERS = 2 };
        static struct race race;
        pthread_t readers[READERS], bystander;
        struct wg_endpoint e;

        (void)state;
        test_env_init(&race.t, 1);
        endpoint_of(0, &e);
        wg_path_write(&race.path, &race.t.env, &e);
        for (int i = 0; i < READERS; i++)
                assert_int_equal(pthread_create(&readers[i], NULL, read_on, &race), 0);
        assert_int_equal(pthread_create(&bystander, NULL, unpin_on, &race), 0);
        for (uint32_t n = 1; n <= ENOUGH || race.reads < ENOUGH || race.unpins < ENOUGH; n++) {
                endpoint_of(n, &e);
                wg_path_write(&race.path, &race.t.env, &e);
                /* No other thread moves it, so dropping the pin must not restore an old one. */
                wg_path_read(&race.path, &e);
                if (e.scope != n)
                        race.mistakes++;
        }
        race.is_over = true;
        for (int i = 0; i < READERS; i++)
                pthread_join(readers[i], NULL);
        pthread_join(bystander, NULL);
        assert_int_equal(race.mistakes, 0);
}

/* Two movers at once: whichever is last, its endpoint is complete. */
static void *move_on(void *arg)
{
        enum { MOVES = 100000 };
        struct race *race = arg;

        for (uint32_t n = 1; n <= MOVES; n++) {
                struct wg_endpoint e, whole;

                endpoint_of(n, &e);
                wg_path_write(&race->path, &race->t.env, &e);
                wg_path_read(&race->path, &e);
                endpoint_of(e.scope, &whole);
                if (memcmp(e.ip.bytes, whole.ip.bytes, 16) != 0 || e.port != whole.port ||
                    !wg_ip_equal(&e.source, &whole.source))
                        race->mistakes++;
        }
        return NULL;
}

static void test_writers_take_turns(void **state)
{
        static struct race race;
        pthread_t other;

        (void)state;
        test_env_init(&race.t, 1);
        assert_int_equal(pthread_create(&other, NULL, move_on, &race), 0);
        move_on(&race);
        pthread_join(other, NULL);
        assert_int_equal(race.mistakes, 0);
}

/* Writes constantly while the processor is otherwise idle. */
static void *write_when_idle(void *arg)
{
        struct race *race = arg;

        for (uint32_t n = 0; !race->is_over; n++) {
                struct wg_endpoint e;

                endpoint_of(n, &e);
                wg_path_write(&race->path, &race->t.env, &e);
        }
        return NULL;
}

static uint64_t processor_ns(void)
{
        struct timespec time;

        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
        return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* A reader that wakes up preempts a writer of low priority, mostly in the middle of a write.
 * Waiting for it would mean spinning for one time slice, or many. */
static void test_no_reader_waits_for_a_preempted_writer(void **state)
{
        enum { VISITS = 500, PAUSE_NS = 200000, SPENT_MAX_NS = 500000000 };
        const struct timespec pause = {.tv_nsec = PAUSE_NS};
        const struct sched_param param = {0};
        static struct race race;
        cpu_set_t allowed, one;
        struct wg_endpoint e;
        uint64_t spent_ns = 0;
        pthread_t writer;

        (void)state;
        test_env_init(&race.t, 1);
        assert_int_equal(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
        CPU_ZERO(&one);
        for (int cpu = 0; cpu < CPU_SETSIZE && !CPU_COUNT(&one); cpu++)
                if (CPU_ISSET(cpu, &allowed))
                        CPU_SET(cpu, &one);
        assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
        assert_int_equal(pthread_create(&writer, NULL, write_when_idle, &race), 0);
        assert_int_equal(pthread_setschedparam(writer, SCHED_IDLE, &param), 0);
        for (uint32_t i = 0; i < VISITS && spent_ns < SPENT_MAX_NS; i++) {
                uint64_t begun_ns;

                nanosleep(&pause, NULL);
                begun_ns = processor_ns();
                wg_path_read(&race.path, &e);
                spent_ns += processor_ns() - begun_ns;
        }
        race.is_over = true;
        sched_setaffinity(0, sizeof(allowed), &allowed);
        pthread_join(writer, NULL);
        assert_true(spent_ns < SPENT_MAX_NS);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_read_returns_the_last_write),
                cmocka_unit_test(test_the_same_again_takes_no_lock),
                cmocka_unit_test(test_writers_take_the_lock),
                cmocka_unit_test(test_the_last_writer_wins),
                cmocka_unit_test(test_unpin),
                cmocka_unit_test(test_readers_never_meet_a_mixture),
                cmocka_unit_test(test_writers_take_turns),
                cmocka_unit_test(test_no_reader_waits_for_a_preempted_writer),
        };

        return cmocka_run_group_tests_name("path", tests, NULL, NULL);
}
