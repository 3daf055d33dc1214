/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "node/paths.h"

#include <stdlib.h>
#include <string.h>

#include "test/lib/cmocka.h"

static void test_arguments(void **state)
{
        static const struct {
                const char *network, *name, *file, *lock, *key; /* file NULL: refused */
        } cases[] = {
                {"a", "a", "/etc/tieline/a.yaml", "/etc/tieline/a.lock", "/etc/tieline/a.key"},
                {"fifteen-letters", "fifteen-letters", "/etc/tieline/fifteen-letters.yaml",
                 "/etc/tieline/fifteen-letters.lock", "/etc/tieline/fifteen-letters.key"},
                {"acme.yaml", "", "acme.yaml", "acme.lock", "acme.key"},
                {"./acme.yaml", "", "./acme.yaml", "./acme.lock", "./acme.key"},
                {"/x/the office network.yaml", "", "/x/the office network.yaml",
                 "/x/the office network.lock", "/x/the office network.key"},
                {"a.yaml/b.yaml", "", "a.yaml/b.yaml", "a.yaml/b.lock", "a.yaml/b.key"},
                {"a.b", "a.b", "/etc/tieline/a.b.yaml", "/etc/tieline/a.b.lock",
                 "/etc/tieline/a.b.key"},
                {"", NULL, NULL, NULL, NULL},
                {"sixteen-letters-", NULL, NULL, NULL, NULL},
                {".yaml", NULL, NULL, NULL, NULL},
                {"x/.yaml", NULL, NULL, NULL, NULL},
                {"x/acme", NULL, NULL, NULL, NULL},
                {"x/acme.yml", NULL, NULL, NULL, NULL},
                {".", NULL, NULL, NULL, NULL},
                {"..", NULL, NULL, NULL, NULL},
                {"-a", NULL, NULL, NULL, NULL},
                {"a b", NULL, NULL, NULL, NULL},
                {"a:b", NULL, NULL, NULL, NULL},
        };

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct tl_paths paths;

                if (tl_paths_find(&paths, cases[i].network) != !!cases[i].file)
                        fail_msg("case %zu", i);
                if (!cases[i].file)
                        continue;
                assert_string_equal(paths.name, cases[i].name);
                assert_string_equal(paths.file, cases[i].file);
                assert_string_equal(paths.lock, cases[i].lock);
                assert_string_equal(paths.key, cases[i].key);
        }
}

static void test_long_paths(void **state)
{
        struct tl_paths paths;
        char path[PATH_MAX + 16];

        (void)state;
        memset(path, 'x', sizeof(path));
        path[0] = '/';
        for (size_t len = PATH_MAX - 10; len < PATH_MAX + 10; len++) {
                strcpy(path + len - 5, ".yaml");
                assert_true(tl_paths_find(&paths, path) == (len < PATH_MAX));
                path[len] = 'x';
                memset(path + len - 5, 'x', 5);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_arguments),
                cmocka_unit_test(test_long_paths),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
