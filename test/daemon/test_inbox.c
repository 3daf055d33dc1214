/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * The ring between workers and engine: order, limits, wrap-around, two threads. */
#include <stdio.h>
#include <stdlib.h>

#include "daemon/inbox.h"
#include "test/lib/cmocka.h"

enum { HEAD = sizeof(struct tl_inbox_head), RECORDS = 50000 };

static bool put(struct tl_inbox *inbox, uint8_t byte, uint32_t len)
{
        struct tl_inbox_head head = {.arrived_ns = byte, .len = len};
        uint8_t bytes[300];

        memset(bytes, byte, sizeof(bytes));
        return tl_inbox_put(inbox, &head, bytes);
}

static void expect(struct tl_inbox *inbox, uint8_t byte, uint32_t len)
{
        struct tl_inbox_head head;
        uint8_t bytes[300];

        assert_true(tl_inbox_take(inbox, &head, bytes));
        assert_int_equal(head.arrived_ns, byte);
        assert_int_equal(head.len, len);
        for (uint32_t i = 0; i < len; i++)
                assert_int_equal(bytes[i], byte);
}

static void records_come_out_in_order(void **state)
{
        struct tl_inbox inbox;
        struct tl_inbox_head head;
        uint8_t bytes[300];

        (void)state;
        assert_int_equal(tl_inbox_init(&inbox, 1000), 0);
        assert_false(tl_inbox_take(&inbox, &head, bytes));
        assert_true(put(&inbox, 1, 148));
        assert_true(put(&inbox, 2, 0));
        assert_true(put(&inbox, 3, 92));
        assert_int_equal(tl_inbox_used(&inbox), 3 * HEAD + 148 + 92);
        expect(&inbox, 1, 148);
        expect(&inbox, 2, 0);
        expect(&inbox, 3, 92);
        assert_int_equal(tl_inbox_used(&inbox), 0);
        assert_false(tl_inbox_take(&inbox, &head, bytes));
        tl_inbox_done(&inbox);
}

static void a_record_that_does_not_fit_changes_nothing(void **state)
{
        struct tl_inbox inbox;

        (void)state;
        assert_int_equal(tl_inbox_init(&inbox, 2 * HEAD + 200), 0);
        assert_true(put(&inbox, 1, 100));
        assert_false(put(&inbox, 2, 101));
        assert_true(put(&inbox, 3, 100));
        assert_false(put(&inbox, 4, 0));
        expect(&inbox, 1, 100);
        expect(&inbox, 3, 100);
        tl_inbox_done(&inbox);
}

static void records_wrap_at_every_place(void **state)
{
        struct tl_inbox inbox;

        (void)state;
        assert_int_equal(tl_inbox_init(&inbox, 2 * HEAD + 97), 0);
        for (unsigned int i = 0; i < 1000; i++) {
                assert_true(put(&inbox, (uint8_t)i, i % 49));
                assert_true(put(&inbox, (uint8_t)(i + 7), (i * 5) % 48));
                expect(&inbox, (uint8_t)i, i % 49);
                expect(&inbox, (uint8_t)(i + 7), (i * 5) % 48);
        }
        tl_inbox_done(&inbox);
}

/* Only the oldest record counts, at every position in the ring; arrived_ns is the byte. */
static void old_records_are_dropped(void **state)
{
        struct tl_inbox inbox;

        (void)state;
        assert_int_equal(tl_inbox_init(&inbox, 3 * HEAD + 97), 0);
        assert_false(tl_inbox_drop_older(&inbox, UINT64_MAX));
        for (unsigned int i = 0; i < 1000; i++) {
                assert_true(put(&inbox, 5, i % 49));
                assert_true(put(&inbox, 9, (i * 5) % 31));
                assert_true(put(&inbox, 4, i % 17));
                assert_false(tl_inbox_drop_older(&inbox, 5));
                assert_true(tl_inbox_drop_older(&inbox, 6));
                assert_false(tl_inbox_drop_older(&inbox, 6));
                expect(&inbox, 9, (i * 5) % 31);
                assert_true(tl_inbox_drop_older(&inbox, UINT64_MAX));
                assert_int_equal(tl_inbox_used(&inbox), 0);
        }
        tl_inbox_done(&inbox);
}

static void *put_all(void *ctx)
{
        for (unsigned int i = 0; i < RECORDS; i++)
                while (!put(ctx, (uint8_t)i, i % 200))
                        sched_yield();
        return NULL;
}

static void two_threads_lose_nothing(void **state)
{
        struct tl_inbox inbox;
        pthread_t thread;

        (void)state;
        assert_int_equal(tl_inbox_init(&inbox, 4096), 0);
        assert_int_equal(pthread_create(&thread, NULL, put_all, &inbox), 0);
        for (unsigned int i = 0; i < RECORDS; i++) {
                struct tl_inbox_head head;
                uint8_t bytes[300];

                while (!tl_inbox_take(&inbox, &head, bytes))
                        sched_yield();
                assert_int_equal(head.len, i % 200);
                assert_int_equal(head.arrived_ns, (uint8_t)i);
        }
        pthread_join(thread, NULL);
        tl_inbox_done(&inbox);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(records_come_out_in_order),
                cmocka_unit_test(a_record_that_does_not_fit_changes_nothing),
                cmocka_unit_test(records_wrap_at_every_place),
                cmocka_unit_test(old_records_are_dropped),
                cmocka_unit_test(two_threads_lose_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
