/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/heap.h"

#include "test/lib/cmocka.h"
#include "test/lib/env.h"

/* Positions match the places, and no node is due before its parent. */
static void assert_heap(const struct wg_heap *heap)
{
        assert_true(heap->count <= heap->room);
        for (uint32_t i = 1; i <= heap->count; i++) {
                assert_int_equal(heap->nodes[i - 1]->position, i);
                assert_true(heap->nodes[i / 2 ? i / 2 - 1 : 0]->at_ns <= heap->nodes[i - 1]->at_ns);
        }
}

static void test_empty(void **state)
{
        struct wg_heap_node node = {0};
        struct wg_heap zeroed = {0}, heap;
        struct test_env t;

        (void)state;
        test_env_init(&t, 1);
        wg_heap_done(&zeroed);
        wg_heap_init(&heap, &t.env);
        assert_null(wg_heap_first(&heap));
        wg_heap_remove(&heap, &node);
        assert_int_equal(heap.count, 0);
        assert_true(wg_heap_reserve(&heap, 0));
        assert_int_equal(t.blocks, 0);
        wg_heap_done(&heap);
}

/* Each case sets nodes 0, 1, 2, ... to `at`, then moves `moved` to `to`, removes `removed` (-1:
 * none), and lists the order in which the rest come out. */
static const struct {
        int number;
        const char *what;
        uint64_t at[8];
        int count, moved;
        uint64_t to;
        int removed;
        int order[8];
} cases[] = {
        {1, "one", {5}, 1, 0, 5, -1, {0}},
        {2, "one, removed", {5}, 1, 0, 5, 0, {0}},
        {3, "in order", {1, 2, 3, 4}, 4, 0, 1, -1, {0, 1, 2, 3}},
        {4, "backwards", {4, 3, 2, 1}, 4, 0, 4, -1, {3, 2, 1, 0}},
        {5, "the first becomes the last", {1, 2, 3, 4}, 4, 0, 9, -1, {1, 2, 3, 0}},
        {6, "the last becomes the first", {1, 2, 3, 4}, 4, 3, 0, -1, {3, 0, 1, 2}},
        {7, "a move to the same time", {1, 2, 3, 4}, 4, 1, 2, -1, {0, 1, 2, 3}},
        {8, "the first is removed", {1, 2, 3, 4}, 4, 0, 1, 0, {1, 2, 3}},
        {9, "the last is removed", {1, 2, 3, 4}, 4, 0, 1, 3, {0, 1, 2}},
        {10,
         "the node that fills the gap must go up",
         {1, 10, 2, 11, 12, 3, 4},
         7,
         0,
         1,
         3,
         {0, 2, 5, 6, 1, 4}},
        {11,
         "the node that fills the gap must go down",
         {1, 2, 9, 3, 4, 10, 11},
         7,
         0,
         1,
         1,
         {0, 3, 4, 2, 5, 6}},
        {12, "the whole range of times", {UINT64_MAX, 0, UINT64_MAX - 1}, 3, 1, 0, -1, {1, 2, 0}},
};

static void test_cases(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                struct wg_heap_node nodes[8] = {0};
                struct wg_heap heap;
                struct test_env t;

                test_env_init(&t, 1);
                wg_heap_init(&heap, &t.env);
                assert_true(wg_heap_reserve(&heap, WG_ARRAY_SIZE(nodes)));
                for (int n = 0; n < cases[i].count; n++)
                        wg_heap_set(&heap, &nodes[n], cases[i].at[n]);
                wg_heap_set(&heap, &nodes[cases[i].moved], cases[i].to);
                if (cases[i].removed >= 0)
                        wg_heap_remove(&heap, &nodes[cases[i].removed]);
                for (int n = 0; wg_heap_first(&heap); n++) {
                        assert_heap(&heap);
                        if (wg_heap_first(&heap) != &nodes[cases[i].order[n]])
                                fail_msg("case %d (%s), place %d", cases[i].number, cases[i].what,
                                         n);
                        wg_heap_remove(&heap, wg_heap_first(&heap));
                }
                for (size_t n = 0; n < WG_ARRAY_SIZE(nodes); n++)
                        assert_int_equal(nodes[n].position, 0);
                wg_heap_done(&heap);
                assert_int_equal(t.blocks, 0);
        }
}

static void test_reserve(void **state)
{
        struct wg_heap_node nodes[100] = {0};
        struct wg_heap heap;
        struct test_env t;

        (void)state;
        test_env_init(&t, 1);
        wg_heap_init(&heap, &t.env);
        assert_true(wg_heap_reserve(&heap, 10));
        for (uint32_t i = 0; i < 10; i++)
                wg_heap_set(&heap, &nodes[i], 100 - i);
        t.allocations = 0;
        assert_true(wg_heap_reserve(&heap, 10));
        assert_false(wg_heap_reserve(&heap, 100));
        assert_false(wg_heap_reserve(&heap, SIZE_MAX));
        assert_heap(&heap);
        assert_int_equal(heap.count, 10);
        t.allocations = 1;
        assert_true(wg_heap_reserve(&heap, 100));
        for (uint32_t i = 10; i < 100; i++)
                wg_heap_set(&heap, &nodes[i], 100 - i);
        assert_heap(&heap);
        assert_ptr_equal(wg_heap_first(&heap), &nodes[99]);
        assert_int_equal(t.blocks, 1);
        wg_heap_done(&heap);
        assert_int_equal(t.blocks, 0);
}

/* The naive twin searches all nodes. */
enum { TWIN = 300 };

static void test_twin(void **state)
{
        static struct wg_heap_node nodes[TWIN];
        struct wg_heap heap;
        struct test_env t;

        (void)state;
        test_env_init(&t, test_seed("heap"));
        wg_heap_init(&heap, &t.env);
        assert_true(wg_heap_reserve(&heap, TWIN));
        for (int step = 0; step < 50000; step++) {
                struct wg_heap_node *node = &nodes[test_env_below(&t, TWIN)], *first = NULL;

                if (test_env_below(&t, 3) == 0)
                        wg_heap_remove(&heap, node);
                else
                        wg_heap_set(&heap, node, test_env_below(&t, 1000));
                for (int i = 0; i < TWIN; i++)
                        if (nodes[i].position && (!first || nodes[i].at_ns < first->at_ns))
                                first = &nodes[i];
                assert_int_equal(!first, !wg_heap_first(&heap));
                if (first)
                        assert_int_equal(wg_heap_first(&heap)->at_ns, first->at_ns);
                if (step % 16 == 0)
                        assert_heap(&heap);
        }
        wg_heap_done(&heap);
        assert_int_equal(t.blocks, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_empty),
                cmocka_unit_test(test_cases),
                cmocka_unit_test(test_reserve),
                cmocka_unit_test(test_twin),
        };

        return cmocka_run_group_tests_name("heap", tests, NULL, NULL);
}
