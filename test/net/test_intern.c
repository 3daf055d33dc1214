/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/intern.h"

#include "test/lib/cmocka.h"

static void test_sequences(void **state WG_UNUSED)
{
        struct tl_intern intern = {0};
        uint32_t a = tl_intern_add(&intern, 0, 7), ab = tl_intern_add(&intern, a, 8);

        assert_int_equal(a, 1);
        assert_int_equal(tl_intern_add(&intern, 0, 7), a);
        assert_int_equal(tl_intern_add(&intern, a, 8), ab);
        assert_int_not_equal(tl_intern_add(&intern, 0, 8), ab);
        assert_int_equal(tl_intern_last(&intern, ab).item, 8);
        assert_int_equal(tl_intern_last(&intern, ab).before, a);
        tl_intern_done(&intern);
        tl_intern_done(&intern);
}

/* Numbers stay the same while the table grows. */
static void test_growth(void **state WG_UNUSED)
{
        enum { MOST = 10000 };
        struct tl_intern intern = {0};

        for (uint32_t round = 0; round < 2; round++)
                for (uint32_t i = 0; i < MOST; i++)
                        assert_int_equal(tl_intern_add(&intern, i / 3, (uint64_t)i << 40), i + 1);
        assert_int_equal(intern.count, MOST);
        assert_false(intern.has_no_memory);
        tl_intern_done(&intern);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sequences),
                cmocka_unit_test(test_growth),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
