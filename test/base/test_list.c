/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_list.c - base/list.h, also against an array that does the same naively. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/list.h"
#include "test/lib/cmocka.h"

enum { ITEMS = 16 };

struct item {
        int before; /* so that the node is not the first member */
        struct wg_list node;
};

static struct item *item_of(struct wg_list *node)
{
        return WG_CONTAINER_OF(node, struct item, node);
}

static struct item *const none[1];

/* The list holds exactly these items, forwards and backwards. */
static void assert_holds(struct wg_list *list, struct item *const *items, size_t n)
{
        const struct wg_list *back = list;
        size_t seen = 0;

        WG_LIST_EACH(node, list) {
                assert_true(seen < n);
                assert_ptr_equal(item_of(node), items[seen]);
                seen++;
        }
        assert_int_equal(seen, n);
        while (seen--) {
                back = back->prev;
                assert_ptr_equal(back, &items[seen]->node);
        }
        assert_ptr_equal(back->prev, list);
        assert_int_equal(wg_list_is_empty(list), n == 0);
}

static void test_append_and_remove(void **state)
{
        struct wg_list list;
        struct item a, b, c;

        (void)state;
        wg_list_init(&list);
        wg_list_init(&a.node);
        assert_holds(&list, none, 0);
        wg_list_append(&list, &a.node);
        assert_holds(&list, (struct item *[]){&a}, 1);
        wg_list_append(&list, &b.node);
        wg_list_append(&list, &c.node);
        assert_holds(&list, (struct item *[]){&a, &b, &c}, 3);
        wg_list_remove(&b.node);
        assert_holds(&list, (struct item *[]){&a, &c}, 2);
        wg_list_append(&list, &b.node);
        wg_list_remove(&a.node);
        assert_holds(&list, (struct item *[]){&c, &b}, 2);
        wg_list_remove(&b.node);
        wg_list_remove(&c.node);
        assert_holds(&list, none, 0);
}

static void test_remove_outside_is_harmless(void **state)
{
        struct wg_list list;
        struct item a;

        (void)state;
        wg_list_init(&list);
        wg_list_init(&a.node);
        wg_list_remove(&a.node);
        assert_true(wg_list_is_empty(&a.node));
        wg_list_append(&list, &a.node);
        wg_list_remove(&a.node);
        wg_list_remove(&a.node);
        assert_holds(&list, none, 0);
        assert_true(wg_list_is_empty(&a.node));
}

static void test_remove_while_visiting(void **state)
{
        struct wg_list list;
        struct item items[ITEMS];
        struct item *left[ITEMS / 2];
        size_t at = 0;

        (void)state;
        wg_list_init(&list);
        for (size_t i = 0; i < ITEMS; i++)
                wg_list_append(&list, &items[i].node);
        WG_LIST_EACH(node, &list)
                if (at++ % 2)
                        wg_list_remove(node);
        assert_int_equal(at, ITEMS);
        for (size_t i = 0; i < ITEMS / 2; i++)
                left[i] = &items[2 * i];
        assert_holds(&list, left, ITEMS / 2);
        WG_LIST_EACH(node, &list)
                wg_list_remove(node);
        assert_holds(&list, none, 0);
}

static uint32_t random_below(uint32_t *seed, uint32_t limit)
{
        *seed = *seed * 1664525 + 1013904223;
        return (*seed >> 16) % limit;
}

static void test_against_array(void **state)
{
        uint32_t seed = 1;
        struct wg_list list;
        struct item items[ITEMS];
        struct item *array[ITEMS] = {NULL};
        size_t n = 0;

        (void)state;
        print_message("seed %u\n", (unsigned int)seed);
        wg_list_init(&list);
        for (size_t i = 0; i < ITEMS; i++)
                wg_list_init(&items[i].node);
        for (int step = 0; step < 20000; step++) {
                struct item *item = &items[random_below(&seed, ITEMS)];
                size_t at = 0;

                while (at < n && array[at] != item)
                        at++;
                if (at == n) {
                        wg_list_append(&list, &item->node);
                        array[n++] = item;
                } else {
                        wg_list_remove(&item->node);
                        n--;
                        memmove(array + at, array + at + 1, (n - at) * sizeof(array[0]));
                }
                assert_holds(&list, array, n);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_append_and_remove),
                cmocka_unit_test(test_remove_outside_is_harmless),
                cmocka_unit_test(test_remove_while_visiting),
                cmocka_unit_test(test_against_array),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
