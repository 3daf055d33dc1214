/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/staged.h"

#include "test/lib/cmocka.h"
#include "test/lib/env.h"

struct fixture {
        struct test_env t;
        struct wg_staged_pool pool;
        struct wg_staged_queue queue, other;
        uint8_t packet[65536];
};

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));

        if (!f)
                return -1;
        test_env_init(&f->t, 1);
        f->pool.env = &f->t.env;
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;

        wg_staged_purge(&f->pool, &f->queue);
        wg_staged_purge(&f->pool, &f->other);
        assert_int_equal(f->pool.bytes, 0);
        assert_int_equal(f->pool.packets, 0);
        assert_int_equal(f->t.blocks, 0);
        free(f);
        return 0;
}

/* Adds a packet of len bytes that begins with a number; returns how many were dropped for it. */
static uint32_t put(struct fixture *f, struct wg_staged_queue *queue, uint32_t number, uint32_t len)
{
        uint32_t dropped = 99;

        memcpy(f->packet, &number, sizeof(number));
        assert_int_equal(wg_staged_put(&f->pool, queue, f->packet, len, &dropped),
                         WG_VERDICT_STAGED);
        return dropped;
}

static uint32_t first_number(const struct wg_staged_queue *queue)
{
        uint32_t number;

        memcpy(&number, queue->first->buf + WG_DATA_TEXT, sizeof(number));
        return number;
}

static void test_first_in_first_out(void **state)
{
        struct fixture *f = *state;

        assert_null(wg_staged_take_all(&f->queue));
        for (uint32_t round = 0; round < 3; round++) {
                struct wg_staged *chain;
                uint32_t len = 0;

                for (uint32_t i = 0; i < 5; i++)
                        assert_int_equal(put(f, &f->queue, i, 100 + i), 0);
                assert_int_equal(f->queue.count, 5);
                assert_int_equal(first_number(&f->queue), 0);
                chain = wg_staged_take_all(&f->queue);
                for (const struct wg_staged *staged = chain; staged; staged = staged->next)
                        assert_int_equal(staged->len, 100 + len++);
                assert_int_equal(len, 5);
                assert_int_equal(f->queue.count, 0);
                assert_null(wg_staged_take_all(&f->queue));
                wg_staged_free(&f->pool, chain);
                assert_int_equal(f->pool.bytes, 0);
        }
}

/* Header, padding and tag fit: sanitizers watch the last byte. */
static void test_room_to_seal(void **state)
{
        struct fixture *f = *state;

        for (uint32_t len = 4; len < 100; len++) {
                struct wg_staged *staged;
                size_t whole = len + WG_DATA_OVERHEAD + WG_PADDING - 1;

                memset(f->packet, (int)len, len);
                put(f, &f->queue, len, len);
                staged = wg_staged_take_all(&f->queue);
                assert_memory_equal(staged->buf + WG_DATA_TEXT, f->packet, len);
                memset(staged->buf, 0xff, whole);
                assert_true(offsetof(struct wg_staged, buf) + whole <= staged->size);
                wg_staged_free(&f->pool, staged);
        }
}

static void test_oldest_makes_room(void **state)
{
        struct fixture *f = *state;

        for (uint32_t i = 0; i < WG_STAGED_PACKETS_MAX; i++)
                assert_int_equal(put(f, &f->queue, i, 1000), 0);
        assert_int_equal(put(f, &f->other, 0, 1000), 0);
        for (uint32_t i = 0; i < 10; i++) {
                assert_int_equal(put(f, &f->queue, 1000 + i, 1000), 1);
                assert_int_equal(f->queue.count, WG_STAGED_PACKETS_MAX);
                assert_int_equal(first_number(&f->queue), i + 1);
        }
        assert_int_equal(f->other.count, 1);
}

static size_t size_of(uint32_t len)
{
        return sizeof(struct wg_staged) + WG_DATA_OVERHEAD + WG_PADDING + len;
}

/* Other queues, from which no packets are taken, hold all but `left` bytes of the device's
 * limit. */
static void fill_device(struct fixture *f, size_t left)
{
        f->pool.bytes += WG_STAGED_BYTES_MAX - left - f->pool.bytes;
}

static void test_device_bound_is_exact(void **state)
{
        struct fixture *f = *state;
        uint32_t dropped;

        fill_device(f, 2 * size_of(500));
        assert_int_equal(put(f, &f->queue, 1, 500), 0);
        assert_int_equal(put(f, &f->queue, 2, 500), 0);
        assert_int_equal(f->pool.bytes, WG_STAGED_BYTES_MAX);
        /* A packet of the same size replaces one, a packet with a byte more replaces two, and the
         * rest is then too small for a third. */
        assert_int_equal(put(f, &f->queue, 3, 500), 1);
        assert_int_equal(first_number(&f->queue), 2);
        assert_int_equal(put(f, &f->queue, 4, 501), 2);
        assert_int_equal(f->queue.count, 1);
        assert_int_equal(first_number(&f->queue), 4);
        /* Everything that this queue can give up is not enough. */
        assert_int_equal(wg_staged_put(&f->pool, &f->other, f->packet, 500, &dropped),
                         WG_VERDICT_STAGED_FULL);
        assert_int_equal(dropped, 0);
        assert_int_equal(f->other.count, 0);
        assert_null(f->other.first);
        assert_null(f->other.last);
        f->pool.bytes = size_of(501);
}

static void test_device_bound_in_full(void **state)
{
        struct fixture *f = *state;
        size_t most = WG_STAGED_BYTES_MAX / size_of(65535);

        /* Only many queues can reach it: 128 of the longest packets are half of it. */
        for (uint32_t i = 0; i < WG_STAGED_PACKETS_MAX; i++)
                assert_int_equal(put(f, &f->queue, i, 65535), 0);
        for (uint32_t i = WG_STAGED_PACKETS_MAX; i < most; i++)
                assert_int_equal(put(f, &f->other, i, 65535), 0);
        assert_int_equal(put(f, &f->other, 0, 65535), 1);
        assert_true(f->pool.bytes <= WG_STAGED_BYTES_MAX);
        assert_int_equal(f->t.bytes, f->pool.bytes);
}

static void test_no_memory(void **state)
{
        struct fixture *f = *state;
        uint32_t dropped;

        f->t.allocations = 0;
        assert_int_equal(wg_staged_put(&f->pool, &f->queue, f->packet, 100, &dropped),
                         WG_VERDICT_NO_MEMORY);
        assert_int_equal(dropped, 0);
        assert_null(f->queue.first);
        assert_int_equal(f->queue.count, 0);
        assert_int_equal(f->pool.bytes, 0);
}

static void test_purge(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(wg_staged_purge(&f->pool, &f->queue), 0);
        for (uint32_t i = 0; i < 7; i++)
                put(f, &f->queue, i, 100);
        put(f, &f->other, 0, 100);
        assert_int_equal(f->pool.packets, 8);
        assert_int_equal(wg_staged_purge(&f->pool, &f->queue), 7);
        assert_int_equal(f->pool.packets, 1);
        assert_int_equal(f->pool.bytes, size_of(100));
        assert_int_equal(put(f, &f->queue, 8, 100), 0);
        assert_int_equal(first_number(&f->queue), 8);
}

/* Looks at memory just before it is freed: staged packets are users' traffic. */
static bool was_wiped;

static void look_and_free(void *ctx, void *memory, size_t len)
{
        was_wiped = true;
        for (size_t i = 0; i < len; i++)
                was_wiped &= ((uint8_t *)memory)[i] == 0;
        test_env_free(ctx, memory, len);
}

static void test_wiped_before_it_is_freed(void **state)
{
        struct fixture *f = *state;

        f->t.env.free = look_and_free;
        memset(f->packet, 0x55, sizeof(f->packet));
        put(f, &f->queue, 1, 1000);
        wg_staged_purge(&f->pool, &f->queue);
        assert_true(was_wiped);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_first_in_first_out, setup, teardown),
                cmocka_unit_test_setup_teardown(test_room_to_seal, setup, teardown),
                cmocka_unit_test_setup_teardown(test_oldest_makes_room, setup, teardown),
                cmocka_unit_test_setup_teardown(test_device_bound_is_exact, setup, teardown),
                cmocka_unit_test_setup_teardown(test_device_bound_in_full, setup, teardown),
                cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
                cmocka_unit_test_setup_teardown(test_purge, setup, teardown),
                cmocka_unit_test_setup_teardown(test_wiped_before_it_is_freed, setup, teardown),
        };

        return cmocka_run_group_tests_name("staged", tests, NULL, NULL);
}
