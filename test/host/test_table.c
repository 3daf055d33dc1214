/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "host/table.h"

#include <string.h>

#include "base/attr.h"
#include "test/lib/cmocka.h"

#define PREFIX "tieline-quick-"

static void test_names(void **state)
{
        static const char *const pairs[][2] = {
                {"wg0", "tieline-quick-wg0"},
                {"-x.0_y", "tieline-quick--x.0_y"},
                {"a=b+c", "tieline-quick-a/3db/2bc"},
                {"===============", "tieline-quick-/3d/3d/3d/3d/3d/3d/3d/3d/3d/3d/3d/3d/3d/3d/3d"},
        };

        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(pairs); i++) {
                char name[TL_TABLE_NAME_SIZE], owner[IF_NAMESIZE];

                tl_table_name(name, PREFIX, pairs[i][0]);
                assert_string_equal(name, pairs[i][1]);
                assert_true(tl_table_owner(owner, PREFIX, name));
                assert_string_equal(owner, pairs[i][0]);
        }
}

static void test_tables_of_others(void **state)
{
        static const char *const names[] = {
                "filter",
                "tieline-quick",
                "tieline-quick-",
                "wg-quick-wg0",
                "tieline-quick-a/3",
                "tieline-quick-a/zz",
                "tieline-quick-a=",
                "tieline-quick-a/41",
                "tieline-quick-0123456789abcdef",
                "tieline-quick-a/3D",
        };

        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(names); i++) {
                char owner[IF_NAMESIZE];

                if (tl_table_owner(owner, PREFIX, names[i]))
                        fail_msg("%s", names[i]);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_tables_of_others),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
