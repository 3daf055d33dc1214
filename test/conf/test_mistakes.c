/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/mistakes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "test/lib/cmocka.h"

static void add(struct tl_mistakes *mistakes, uint32_t line, uint32_t column, const char *message)
{
        tl_mistakes_add(mistakes,
                        (struct tl_conf_error){
                                .errnum = 1, .line = line, .column = column, .message = message});
}

static void assert_written(const struct tl_mistakes *mistakes, const char *expected)
{
        char *text;
        size_t len;
        FILE *out = open_memstream(&text, &len);

        tl_mistakes_write(mistakes, "prog", "a.conf", out);
        fclose(out);
        assert_string_equal(text, expected);
        free(text);
}

static void test_order(void **state)
{
        struct tl_mistakes mistakes = {0};

        (void)state;
        assert_written(&mistakes, "");
        add(&mistakes, 3, 1, "third");
        assert_written(&mistakes, "prog: a.conf:3:1: third\n");
        add(&mistakes, 1, 9, "second");
        add(&mistakes, 1, 2, "first");
        add(&mistakes, 3, 1, "fourth");
        assert_int_equal(tl_mistakes_kept(&mistakes), 4);
        assert_written(&mistakes, "prog: a.conf:1:2: first\nprog: a.conf:1:9: second\n"
                                  "prog: a.conf:3:1: third\nprog: a.conf:3:1: fourth\n");
}

/* In whatever order mistakes are added, the first twenty by position are kept, as in a fully sorted
 * list. */
static void test_first_twenty(void **state)
{
        (void)state;
        for (uint32_t count = 1; count < 60; count++) {
                for (uint32_t stride = 1; stride < 60; stride += 2) {
                        struct tl_mistakes mistakes = {0};

                        for (uint32_t i = 0; i < 64; i++) {
                                uint32_t line = i * stride % 64; /* each once: the stride is odd */

                                if (line < count)
                                        add(&mistakes, line + 1, 1, "x");
                        }
                        assert_int_equal(mistakes.count, count);
                        assert_int_equal(tl_mistakes_kept(&mistakes), count < 20 ? count : 20);
                        for (uint32_t i = 0; i < tl_mistakes_kept(&mistakes); i++)
                                assert_int_equal(mistakes.first[i].line, i + 1);
                }
        }
}

static void test_more(void **state)
{
        struct tl_mistakes mistakes = {0};
        char expected[2048] = "";

        (void)state;
        for (uint32_t line = 1; line <= 20; line++) {
                add(&mistakes, line, 7, "wrong");
                sprintf(expected + strlen(expected), "prog: a.conf:%" PRIu32 ":7: wrong\n", line);
        }
        assert_written(&mistakes, expected);
        add(&mistakes, 21, 7, "wrong");
        strcat(expected, "prog: a.conf: 1 more mistake\n");
        assert_written(&mistakes, expected);
        mistakes.count = UINT32_MAX;
        add(&mistakes, 22, 7, "wrong");
        assert_int_equal(mistakes.count, UINT32_MAX);
        strcpy(strstr(expected, "a.conf: 1 more"), "a.conf: 4294967275 more mistakes\n");
        assert_written(&mistakes, expected);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_order),
                cmocka_unit_test(test_first_twenty),
                cmocka_unit_test(test_more),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
