/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_verdict.c - core/verdict.h. The compiler checks that values and names are unique; this
 * checks the rest. */
#include "core/verdict.h"

#include <string.h>

#include "test/lib/cmocka.h"

/* Names are printed as counters and read by programs. */
static void test_names_are_words(void **state)
{
        (void)state;
        WG_ENUM_EACH(v, &wg_verdict_enum) {
                assert_int_equal(strspn(v->name, "abcdefghijklmnopqrstuvwxyz0123456789_"),
                                 strlen(v->name));
                assert_ptr_equal(wg_enum_by_name(&wg_verdict_enum, v->name, strlen(v->name)), v);
                assert_ptr_equal(wg_enum_by_value(&wg_verdict_enum, v->value), v);
        }
}

/* Two verdicts with the same text are one verdict, or a mistake. */
static void test_texts_differ(void **state)
{
        (void)state;
        WG_ENUM_EACH(v, &wg_verdict_enum) {
                assert_true(v->text[0]);
                WG_ENUM_EACH(w, &wg_verdict_enum)
                        assert_true(v == w || strcmp(v->text, w->text) != 0);
        }
}

static void test_counters_end_after_the_last(void **state)
{
        uint32_t greatest = 0;

        (void)state;
        WG_ENUM_EACH(v, &wg_verdict_enum)
                greatest = WG_MAX(greatest, v->value);
        assert_int_equal(greatest + 1, WG_VERDICT_END);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names_are_words),
                cmocka_unit_test(test_texts_differ),
                cmocka_unit_test(test_counters_end_after_the_last),
        };

        return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
