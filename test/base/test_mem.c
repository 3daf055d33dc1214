/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_mem.c - base/mem.h. That the optimizer keeps a wipe is checked from outside: the function
 * below wipes memory that no code reads by name afterwards. */
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "test/lib/cmocka.h"

enum { LONGEST = 65 };

static void fill(uint8_t *bytes, size_t len)
{
        for (size_t i = 0; i < len; i++)
                bytes[i] = (uint8_t)(i + 1);
}

static void test_wipe(void **state)
{
        (void)state;
        for (size_t len = 0; len <= LONGEST; len++) {
                uint8_t memory[LONGEST + 2], before[LONGEST + 2];

                fill(memory, sizeof(memory));
                fill(before, sizeof(before));
                wg_wipe(memory + 1, len);
                assert_int_equal(memory[0], before[0]);
                for (size_t i = 0; i < len; i++)
                        assert_int_equal(memory[1 + i], 0);
                assert_memory_equal(memory + 1 + len, before + 1 + len, sizeof(memory) - 1 - len);
        }
}

/* Two successive calls use the same part of the stack; the second looks for what the first left
 * there. Both are kept out of line, and access memory through volatile. */
enum { SECRET_LEN = 64, DEPTH = 4096 };

__attribute__((noinline)) static void keep_secret(bool wipes)
{
        uint8_t room[DEPTH], *secret = room + DEPTH / 2;

        for (size_t i = 0; i < SECRET_LEN; i++)
                ((volatile uint8_t *)secret)[i] = 0xe7;
        if (wipes)
                wg_wipe(secret, SECRET_LEN);
}

/* The longest run of the secret: pointers on the stack may contain the same byte by chance. */
__attribute__((noinline)) static size_t find_secret(void)
{
        uint8_t room[2 * DEPTH];
        size_t found = 0, longest = 0;

        __asm__ volatile("" : : "r"(room) : "memory");
        for (size_t i = 0; i < sizeof(room); i++) {
                found = ((const volatile uint8_t *)room)[i] == 0xe7 ? found + 1 : 0;
                longest = WG_MAX(longest, found);
        }
        return longest;
}

static void test_wipe_of_dead_memory(void **state)
{
        (void)state;
        keep_secret(false);
        if (find_secret() < SECRET_LEN)
                skip(); /* this build uses another stack layout, as sanitizers do */
        keep_secret(true);
        assert_true(find_secret() < SECRET_LEN);
}

static void test_equal(void **state)
{
        uint8_t a[LONGEST], b[LONGEST];

        (void)state;
        fill(a, sizeof(a));
        fill(b, sizeof(b));
        assert_true(wg_equal(a, b, 0));
        for (size_t len = 1; len <= LONGEST; len++) {
                assert_true(wg_equal(a, b, len));
                for (size_t at = 0; at < len; at++)
                        for (unsigned int bit = 0; bit < 8; bit++) {
                                b[at] ^= (uint8_t)(1u << bit);
                                assert_false(wg_equal(a, b, len));
                                assert_true(wg_equal(a, b, at));
                                b[at] ^= (uint8_t)(1u << bit);
                        }
        }
}

static void test_equal_is_not_fooled_by_cancelling(void **state)
{
        static const uint8_t a[2] = {0x55, 0x55}, b[2] = {0xaa, 0xaa};

        (void)state;
        assert_false(wg_equal(a, b, 2));
}

static void test_is_zero(void **state)
{
        uint8_t bytes[LONGEST] = {0};

        (void)state;
        for (size_t len = 0; len <= LONGEST; len++) {
                assert_true(wg_is_zero(bytes, len));
                for (size_t at = 0; at < len; at++) {
                        bytes[at] = at % 2 ? 0x80 : 1;
                        assert_false(wg_is_zero(bytes, len));
                        assert_true(wg_is_zero(bytes, at));
                        bytes[at] = 0;
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_wipe),
                cmocka_unit_test(test_wipe_of_dead_memory),
                cmocka_unit_test(test_equal),
                cmocka_unit_test(test_equal_is_not_fooled_by_cancelling),
                cmocka_unit_test(test_is_zero),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
