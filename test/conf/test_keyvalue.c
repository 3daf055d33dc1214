/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_keyvalue.c - conf/keyvalue.h: lines, their places, and JSON. test_status.c and
 * test_control.c test the protocols. */
#include "conf/keyvalue.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "test/lib/cmocka.h"

#define TEN "0123456789"
#define KEY_40 "k23456789_" TEN TEN TEN
#define VALUE_200 TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static struct tl_text text_of(const char *string)
{
        return (struct tl_text){string, strlen(string)};
}

static const struct {
        int number;
        const char *line;
        size_t column;    /* of the mistake; 0: none */
        const char *json; /* as a string */
} lines[] = {
        {1, "a=b", 0, "\"a\": \"b\""},
        {2, "a==", 0, "\"a\": \"=\""},
        {3, "a_1= ~", 0, "\"a_1\": \" ~\""},
        {4, "a=\"\\/", 0, "\"a\": \"\\\"\\\\/\""},
        {5, KEY_40 "=1", 0, "\"" KEY_40 "\": \"1\""},
        {6, "a=" VALUE_200, 0, "\"a\": \"" VALUE_200 "\""},
        {10, "", 1, NULL},
        {11, "a", 1, NULL},
        {12, "=1", 1, NULL},
        {13, "A=1", 1, NULL},
        {14, "1a=1", 1, NULL},
        {15, "_a=1", 1, NULL},
        {16, "a =1", 1, NULL},
        {17, KEY_40 "x=1", 1, NULL},
        {18, "ab=", 4, NULL},
        {19, "ab=" VALUE_200 "x", 4, NULL},
        {20, "ab=\t", 4, NULL},
        {21, "ab=\x1b[2J", 4, NULL},
        {22, "ab=\x7f", 4, NULL},
        {23, "ab=\xc3\xa4", 4, NULL},
};

static void test_lines(void **state WG_UNUSED)
{
        for (size_t i = 0; i < WG_ARRAY_SIZE(lines); i++) {
                struct tl_keyvalue pair;
                struct tl_writer writer;
                char json[512];
                size_t column;
                const char *mistake = tl_keyvalue_read(text_of(lines[i].line), &pair, &column);

                if (!mistake != !lines[i].column || (mistake && column != lines[i].column))
                        fail_msg("line %d: column %zu: %s", lines[i].number, column, mistake);
                if (mistake)
                        continue;
                tl_writer_init(&writer, json, sizeof(json));
                tl_keyvalue_json(&writer, &pair, false);
                assert_string_equal(json, lines[i].json);
        }
}

static void test_bare_values(void **state WG_UNUSED)
{
        const struct tl_keyvalue pair = {text_of("a"), text_of("true")};
        struct tl_writer writer;
        char json[64];

        tl_writer_init(&writer, json, sizeof(json));
        tl_keyvalue_json(&writer, &pair, true);
        assert_string_equal(json, "\"a\": true");
        assert_true(tl_keyvalue_is_flag(text_of("false")));
        assert_false(tl_keyvalue_is_flag(text_of("TRUE")));
        assert_false(tl_keyvalue_is_flag(text_of("")));
}

static void test_reader(void **state WG_UNUSED)
{
        struct tl_conf_error error = {0};
        struct tl_keyvalue_reader reader = {.rest = text_of("a=1\n\nerrno=2\nb"), .error = &error};
        struct tl_text line;
        int errnum = -1;

        assert_true(tl_keyvalue_next(&reader, &line));
        assert_true(tl_text_is(line, "a=1"));
        assert_false(tl_keyvalue_is_errno(line));
        assert_true(tl_keyvalue_next(&reader, &line));
        assert_int_equal(line.len, 0);
        assert_true(tl_keyvalue_next(&reader, &line));
        assert_true(tl_keyvalue_is_errno(line));
        assert_true(tl_keyvalue_read_errno(&reader, line, &errnum));
        assert_int_equal(errnum, 2);
        assert_false(tl_keyvalue_next(&reader, &line));
        assert_int_equal(error.errnum, EPROTO);
        assert_int_equal(error.line, 4);
        assert_int_equal(error.column, 2);
}

static void test_errnos(void **state WG_UNUSED)
{
        static const char *const bad[] = {"errno=", "errno=-1", "errno=x", "errno=2147483648",
                                          "errno=01"};
        struct tl_conf_error error;
        struct tl_keyvalue_reader reader = {.line = 7, .error = &error};
        int errnum = -1;

        for (size_t i = 0; i < WG_ARRAY_SIZE(bad); i++) {
                error = (struct tl_conf_error){0};
                assert_false(tl_keyvalue_read_errno(&reader, text_of(bad[i]), &errnum));
                assert_int_equal(error.line, 7);
                assert_int_equal(error.column, 7);
                assert_int_equal(errnum, -1);
        }
        assert_true(tl_keyvalue_read_errno(&reader, text_of("errno=2147483647"), &errnum));
        assert_int_equal(errnum, INT32_MAX);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_lines),
                cmocka_unit_test(test_bare_values),
                cmocka_unit_test(test_reader),
                cmocka_unit_test(test_errnos),
        };

        return cmocka_run_group_tests_name("keyvalue", tests, NULL, NULL);
}
