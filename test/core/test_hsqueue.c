/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/hsqueue.h"

#include "test/lib/cmocka.h"
#include "test/lib/env.h"

#define MS WG_NS_PER_MS
#define S WG_NS_PER_S
#define NOW (100 * S)

struct fixture {
        struct test_env t;
        struct wg_hsqueue queue;
        uint32_t put, taken;
};

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));

        if (!f)
                return -1;
        test_env_init(&f->t, 1);
        *state = f;
        return wg_hsqueue_init(&f->queue, &f->t.env) ? 0 : -1;
}

static int teardown(void **state)
{
        struct fixture *f = *state;

        wg_hsqueue_done(&f->queue);
        wg_hsqueue_done(&f->queue);
        assert_int_equal(f->t.blocks, 0);
        free(f);
        return 0;
}

/* Adds numbered messages of 4 bytes, from ports with the same numbers. */
static bool put(struct fixture *f, uint64_t now_ns)
{
        struct wg_endpoint from = {.ip = {4, {192, 0, 2, 1}}, .port = (uint16_t)f->put};
        uint8_t message[4];

        memcpy(message, &f->put, sizeof(message));
        if (!wg_hsqueue_put(&f->queue, message, sizeof(message), &from, false, now_ns))
                return false;
        f->put++;
        return true;
}

static void put_many(struct fixture *f, uint32_t count, uint64_t now_ns)
{
        while (count--)
                assert_true(put(f, now_ns));
}

/* Takes one and checks that it is the next in order. */
static void take(struct fixture *f, uint64_t now_ns)
{
        const struct wg_hsqueue_item *item = wg_hsqueue_take(&f->queue, now_ns);

        assert_non_null(item);
        assert_int_equal(item->len, 4);
        assert_memory_equal(item->bytes, &f->taken, 4);
        assert_int_equal(item->from.port, (uint16_t)f->taken);
        f->taken++;
}

static void take_many(struct fixture *f, uint32_t count, uint64_t now_ns)
{
        while (count--)
                take(f, now_ns);
}

static void test_first_in_first_out(void **state)
{
        struct fixture *f = *state;

        assert_null(wg_hsqueue_take(&f->queue, NOW));
        for (uint32_t i = 0; i < 3 * WG_HANDSHAKE_QUEUE_MAX; i++) {
                put_many(f, 1 + i % 3, NOW);
                take_many(f, 1 + i % 3, NOW);
                assert_int_equal(f->queue.count, 0);
        }
        assert_null(wg_hsqueue_take(&f->queue, NOW));
}

static void test_full(void **state)
{
        struct fixture *f = *state;

        put_many(f, WG_HANDSHAKE_QUEUE_MAX, NOW);
        assert_false(put(f, NOW));
        take(f, NOW);
        assert_true(put(f, NOW));
        assert_false(put(f, NOW));
        take_many(f, WG_HANDSHAKE_QUEUE_MAX, NOW);
        assert_null(wg_hsqueue_take(&f->queue, NOW));
}

static void test_longest_message(void **state)
{
        struct fixture *f = *state;
        struct wg_endpoint from = {.port = 1};
        uint8_t message[WG_HANDSHAKE_LEN_MAX + 1];
        const struct wg_hsqueue_item *item;

        memset(message, 0x5a, sizeof(message));
        assert_false(wg_hsqueue_put(&f->queue, message, sizeof(message), &from, false, NOW));
        assert_int_equal(f->queue.count, 0);
        assert_true(wg_hsqueue_put(&f->queue, message, sizeof(message) - 1, &from, false, NOW));
        item = wg_hsqueue_take(&f->queue, NOW);
        assert_int_equal(item->len, WG_HANDSHAKE_LEN_MAX);
        assert_memory_equal(item->bytes, message, WG_HANDSHAKE_LEN_MAX);
}

/* This many messages wait for this long; then one is taken. */
static const struct {
        int number;
        const char *what;
        uint32_t waiting;
        uint64_t wait_ns;
        bool is_loaded;
} cases[] = {
        {1, "one, taken at once", 1, 0, false},
        {2, "one below the limit", 511, 0, false},
        {3, "many", 512, 0, true},
        {4, "as many as fit", 4096, 0, true},
        {5, "a few that waited long", 31, 10 * S, false},
        {6, "some that did not wait long enough", 32, 75 * MS - 1, false},
        {7, "some that did", 32, 75 * MS, true},
        {8, "some that waited very long", 511, 100 * S, true},
};

static void test_load(void **state)
{
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                uint64_t now_ns = NOW + cases[i].wait_ns;
                struct fixture *f = *state;
                bool is_right;

                put_many(f, cases[i].waiting, NOW);
                take(f, now_ns);
                is_right = wg_hsqueue_is_loaded(&f->queue, now_ns) == cases[i].is_loaded;
                /* And for another second, whatever arrives. */
                is_right &= wg_hsqueue_is_loaded(&f->queue, now_ns + S - 1) == cases[i].is_loaded;
                is_right &= !wg_hsqueue_is_loaded(&f->queue, now_ns + S);
                if (!is_right)
                        fail_msg("case %d (%s)", cases[i].number, cases[i].what);
                assert_int_equal(teardown(state), 0);
                assert_int_equal(setup(state), 0);
        }
}

/* A full queue reports load before anything is taken, and the second counts from the last moment of
 * load. */
static void test_load_lasts(void **state)
{
        struct fixture *f = *state;

        assert_false(wg_hsqueue_is_loaded(&f->queue, NOW));
        put_many(f, 511, NOW);
        assert_false(wg_hsqueue_is_loaded(&f->queue, NOW));
        put_many(f, 1, NOW);
        assert_true(wg_hsqueue_is_loaded(&f->queue, NOW));
        take(f, NOW + 50 * MS);
        assert_true(wg_hsqueue_is_loaded(&f->queue, NOW + 50 * MS + S - 1));
        take(f, NOW + 60 * MS);
        assert_false(wg_hsqueue_is_loaded(&f->queue, NOW + 50 * MS + S));
        take_many(f, 510, NOW + 70 * MS);
        put_many(f, 1, NOW + 2 * S);
        take(f, NOW + 2 * S);
        assert_false(wg_hsqueue_is_loaded(&f->queue, NOW + 2 * S));
}

static void test_no_memory(void **state)
{
        struct fixture *f = *state;
        struct wg_hsqueue queue;

        f->t.allocations = 0;
        assert_false(wg_hsqueue_init(&queue, &f->t.env));
        wg_hsqueue_done(&queue);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_first_in_first_out, setup, teardown),
                cmocka_unit_test_setup_teardown(test_full, setup, teardown),
                cmocka_unit_test_setup_teardown(test_longest_message, setup, teardown),
                cmocka_unit_test_setup_teardown(test_load, setup, teardown),
                cmocka_unit_test_setup_teardown(test_load_lasts, setup, teardown),
                cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
        };

        return cmocka_run_group_tests_name("hsqueue", tests, NULL, NULL);
}
