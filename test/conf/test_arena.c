/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/arena.h"

#include <string.h>

#include "test/lib/cmocka.h"
#include "test/lib/heap.h"

static void assert_zeroed(const void *memory, size_t len)
{
        const unsigned char *bytes = memory;

        for (size_t i = 0; i < len; i++)
                assert_int_equal(bytes[i], 0);
}

/* Sizes around those of the pieces: memory is zeroed, aligned, and disjoint from all other. */
static void test_take(void **state)
{
        static const size_t sizes[] = {0, 1, 15, 16, 17, 4000, 4096, 4097, 100000, 3000000, 1};
        unsigned char *taken[WG_ARRAY_SIZE(sizes)];
        struct tl_arena arena = {0};

        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(sizes); i++) {
                taken[i] = tl_arena_take(&arena, 1, sizes[i]);
                assert_non_null(taken[i]);
                assert_int_equal((uintptr_t)taken[i] % _Alignof(max_align_t), 0);
                assert_zeroed(taken[i], sizes[i]);
                memset(taken[i], (int)i + 1, sizes[i]);
        }
        for (size_t i = 0; i < WG_ARRAY_SIZE(sizes); i++)
                for (size_t j = 0; j < sizes[i]; j++)
                        assert_int_equal(taken[i][j], i + 1);
        tl_arena_done(&arena);
        tl_arena_done(&arena);
}

static void test_too_much(void **state)
{
        struct tl_arena arena = {0};

        (void)state;
        assert_null(tl_arena_take(&arena, SIZE_MAX, 2));
        assert_null(tl_arena_take(&arena, SIZE_MAX / 2, SIZE_MAX / 2));
        assert_null(tl_arena_copy(&arena, "", SIZE_MAX));
        assert_non_null(tl_arena_take(&arena, SIZE_MAX, 0));
        tl_arena_done(&arena);
}

static void test_texts(void **state)
{
        struct tl_arena arena = {0};

        (void)state;
        assert_string_equal(tl_arena_copy(&arena, "abcdef", 3), "abc");
        assert_string_equal(tl_arena_copy(&arena, NULL, 0), "");
        assert_string_equal(tl_arena_format(&arena, "%s-%d", "x", 7), "x-7");
        assert_string_equal(tl_arena_format(&arena, "%6000d", 1) + 5999, "1");
        tl_arena_done(&arena);
}

static void test_grow(void **state)
{
        struct tl_arena arena = {0};
        uint32_t *items = NULL, count = 0, capacity = 0;

        (void)state;
        for (; count < 1000; count++) {
                items = tl_arena_grow(&arena, items, count, &capacity, sizeof(*items));
                assert_non_null(items);
                assert_true(capacity > count);
                items[count] = count;
        }
        for (uint32_t i = 0; i < count; i++)
                assert_int_equal(items[i], i);
        capacity = UINT32_MAX;
        assert_null(tl_arena_grow(&arena, items, UINT32_MAX, &capacity, sizeof(*items)));
        assert_int_equal(capacity, UINT32_MAX);
        tl_arena_done(&arena);
}

static void test_no_memory(void **state)
{
        struct tl_arena arena = {0};
        uint32_t *items = NULL, capacity = 0;

        (void)state;
        heap_fail_after(0);
        assert_null(tl_arena_take(&arena, 1, 1));
        assert_null(tl_arena_copy(&arena, "a", 1));
        assert_null(tl_arena_format(&arena, "a"));
        assert_null(tl_arena_grow(&arena, items, 0, &capacity, sizeof(*items)));
        assert_int_equal(capacity, 0);
        heap_fail_after(1);
        items = tl_arena_grow(&arena, items, 0, &capacity, sizeof(*items));
        assert_non_null(items);
        assert_null(tl_arena_take(&arena, 1, 1000000));
        assert_non_null(tl_arena_take(&arena, 1, 100)); /* from the piece that it has */
        heap_fail_after(-1);
        tl_arena_done(&arena);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_take),      cmocka_unit_test(test_too_much),
                cmocka_unit_test(test_texts),     cmocka_unit_test(test_grow),
                cmocka_unit_test(test_no_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
