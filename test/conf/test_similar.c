/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/similar.h"

#include <stdlib.h>
#include <string.h>

#include "test/lib/cmocka.h"

static const char *closest(const char *word, const char *const *candidates)
{
        struct tl_similar best = {0};

        for (; *candidates; candidates++)
                tl_similar_consider(&best, word, strlen(word), *candidates);
        return best.name;
}

static void test_words(void **state)
{
        static const char *const known[] = {"beijing", "shenzhen", "a", "b",
                                            "check",   "apply",    NULL};
        static const struct {
                const char *word, *closest;
        } cases[] = {
                {"", NULL},
                {"c", NULL}, /* replacing all of a word makes any other */
                {"bejing", "beijing"},
                {"beijng", "beijing"},
                {"biejing", "beijing"}, /* one swap */
                {"beijing", "beijing"},
                {"bxixixg", NULL}, /* three of seven letters */
                {"shenzehn", "shenzhen"},
                {"chekc", "check"},
                {"aply", "apply"},
                {"applyy", "apply"},
                {"Beijing", "beijing"},
                {"ab", "a"}, /* the first of two */
                {"xyz", NULL},
        };

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                const char *found = closest(cases[i].word, known);

                if (cases[i].closest && (!found || strcmp(found, cases[i].closest) != 0))
                        fail_msg("case %zu: %s", i, found ? found : "none");
                if (!cases[i].closest && found)
                        fail_msg("case %zu: %s", i, found);
        }
}

static void test_long_words(void **state)
{
        char word[66], candidate[66];
        struct tl_similar best = {0};

        (void)state;
        memset(word, 'x', sizeof(word));
        memset(candidate, 'x', sizeof(candidate));
        candidate[64] = '\0';
        tl_similar_consider(&best, word, 64, candidate);
        assert_null(best.name);
        candidate[63] = '\0';
        tl_similar_consider(&best, word, 64, candidate);
        assert_null(best.name);
        tl_similar_consider(&best, word, 63, candidate);
        assert_ptr_equal(best.name, candidate);
        assert_int_equal(best.distance, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_words),
                cmocka_unit_test(test_long_words),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
