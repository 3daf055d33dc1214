/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/name.h"

#include <string.h>

#include "test/lib/cmocka.h"

#define TEN "abcdefghij"
#define FIFTY TEN TEN TEN TEN TEN
#define LABEL FIFTY TEN "abc" /* of 63 bytes */

enum { NAME = 1, REFERENCE = 2, DOMAIN = 4 };

/* What each text is. */
static const struct {
        const char *text;
        int is;
} cases[] = {
        {"", 0},
        {"a", NAME | REFERENCE | DOMAIN},
        {"a-1", NAME | REFERENCE | DOMAIN},
        {LABEL, NAME | REFERENCE | DOMAIN},
        {LABEL "d", 0},
        {"1a", 0},
        {"-a", 0},
        {"a-", 0},
        {"A", 0},
        {"a_b", 0},
        {"a b", 0},
        {"a/b", REFERENCE},
        {LABEL "/" LABEL, REFERENCE},
        {"a/", 0},
        {"/a", 0},
        {"a/b/c", 0},
        {"a/1", 0},
        {"a.b", DOMAIN},
        {"1.b", DOMAIN},
        {"1-a.b", DOMAIN},
        {"a.1", 0},
        {"a..b", 0},
        {".a", 0},
        {"a.", 0},
        {"a-.b", 0},
        {LABEL "." LABEL "." LABEL "." FIFTY TEN "a", DOMAIN},
        {LABEL "." LABEL "." LABEL "." FIFTY TEN "ab", 0},
        {"\xc3\xa4", 0},
};

static void test_names(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                struct tl_text text = {cases[i].text, strlen(cases[i].text)};
                int is = (tl_name_is_valid(text) ? NAME : 0) |
                         (tl_name_is_reference(text) ? REFERENCE : 0) |
                         (tl_name_is_domain(text) ? DOMAIN : 0);

                if (is != cases[i].is)
                        fail_msg("case %zu: \"%s\" is %d", i, cases[i].text, is);
        }
        assert_false(tl_name_is_valid((struct tl_text){"a\0b", 3}));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
