/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/text.h"

#include <string.h>

#include "test/lib/cmocka.h"

#define NONE UINT64_MAX

static struct tl_text text_of(const char *string)
{
        return (struct tl_text){string, strlen(string)};
}

/* The value of each text as a decimal number, and as one that may be hexadecimal. */
static const struct {
        int number;
        const char *text;
        uint32_t max;
        uint64_t decimal, any;
} numbers[] = {
        {1, "0", 0, 0, 0},
        {2, "1", 0, NONE, NONE},
        {3, "65535", 65535, 65535, 65535},
        {4, "65536", 65535, NONE, NONE},
        {5, "4294967295", UINT32_MAX, UINT32_MAX, UINT32_MAX},
        {6, "4294967296", UINT32_MAX, NONE, NONE},
        {7, "18446744073709551617", UINT32_MAX, NONE, NONE},
        {8, "00000000000000000000000000000007", UINT32_MAX, 7, 7},
        {9, "010", UINT32_MAX, 10, 10},
        {10, "", UINT32_MAX, NONE, NONE},
        {11, "+1", UINT32_MAX, NONE, NONE},
        {12, "-1", UINT32_MAX, NONE, NONE},
        {13, " 1", UINT32_MAX, NONE, NONE},
        {14, "1 ", UINT32_MAX, NONE, NONE},
        {15, "1a", UINT32_MAX, NONE, NONE},
        {16, "0x", UINT32_MAX, NONE, NONE},
        {17, "0x0", UINT32_MAX, NONE, 0},
        {18, "0xfF", 255, NONE, 255},
        {19, "0x100", 255, NONE, NONE},
        {20, "0xffffffff", UINT32_MAX, NONE, UINT32_MAX},
        {21, "0x100000000", UINT32_MAX, NONE, NONE},
        {22, "0xg", UINT32_MAX, NONE, NONE},
        {23, "0X1", UINT32_MAX, NONE, NONE},
        {24, "0x0x1", UINT32_MAX, NONE, NONE},
        {25, "x1", UINT32_MAX, NONE, NONE},
};

static void check_number(int number, bool is_good, uint32_t value, uint64_t expected)
{
        if (is_good != (expected != NONE) || value != (is_good ? expected : 12345))
                fail_msg("number %d", number);
}

static void test_numbers(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(numbers); i++) {
                struct tl_text text = text_of(numbers[i].text);
                uint32_t value = 12345;
                bool is_good = tl_text_to_number(text, numbers[i].max, &value);

                check_number(numbers[i].number, is_good, value, numbers[i].decimal);
                value = 12345;
                is_good = tl_text_to_number_any(text, numbers[i].max, &value);
                check_number(numbers[i].number, is_good, value, numbers[i].any);
        }
}

static void test_number64(void **state)
{
        static const struct {
                const char *text;
                bool is_good;
                uint64_t value;
        } rows[] = {
                {"0", true, 0},
                {"7", true, 7},
                {"18446744073709551615", true, UINT64_MAX},
                {"18446744073709551616", false, 0},
                {"18446744073709551620", false, 0},
                {"99999999999999999999", false, 0},
                {"184467440737095516150", false, 0},
                {"", false, 0},
                {"00", false, 0},
                {"01", false, 0},
                {"-1", false, 0},
                {"+1", false, 0},
                {"1 ", false, 0},
                {"a", false, 0},
                {"0x1", false, 0},
        };

        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(rows); i++) {
                uint64_t value = 12345;

                assert_int_equal(tl_text_to_number64(text_of(rows[i].text), &value),
                                 rows[i].is_good);
                assert_int_equal(value, rows[i].is_good ? rows[i].value : 12345);
        }
}

static void test_u16(void **state)
{
        uint16_t value = 1;

        (void)state;
        assert_true(tl_text_to_u16(text_of("65535"), &value));
        assert_int_equal(value, 65535);
        assert_false(tl_text_to_u16(text_of("65536"), &value));
        assert_false(tl_text_to_u16(text_of(""), &value));
        assert_false(tl_text_to_u16(text_of("0x1"), &value));
        assert_int_equal(value, 65535);
        assert_true(tl_text_to_u16(text_of("0"), &value));
        assert_int_equal(value, 0);
}

static void test_find(void **state)
{
        (void)state;
        assert_int_equal(tl_text_find(text_of("a:b:c"), ':'), 1);
        assert_int_equal(tl_text_find_last(text_of("a:b:c"), ':'), 3);
        assert_int_equal(tl_text_find(text_of("abc"), ':'), 3);
        assert_int_equal(tl_text_find_last(text_of("abc"), ':'), 3);
        assert_int_equal(tl_text_find_last(text_of(":bc"), ':'), 0);
        assert_int_equal(tl_text_find((struct tl_text){NULL, 0}, ':'), 0);
        assert_int_equal(tl_text_find_last((struct tl_text){NULL, 0}, ':'), 0);
        assert_int_equal(tl_text_find(tl_text_head(text_of("abc:"), 3), ':'), 3);
}

static void test_words(void **state)
{
        (void)state;
        assert_true(tl_text_is(text_of("true"), "true"));
        assert_false(tl_text_is(text_of("True"), "true"));
        assert_false(tl_text_is(text_of("tru"), "true"));
        assert_false(tl_text_is(text_of("truee"), "true"));
        assert_true(tl_text_is(tl_text_head(text_of("truee"), 4), "true"));
        assert_true(tl_text_is(tl_text_tail(text_of("untrue"), 2), "true"));
        assert_true(tl_text_is_caseless(text_of("AZaz@[`{"), "azAZ@[`{"));
        assert_false(tl_text_is_caseless(text_of("@"), "`"));
        assert_false(tl_text_is_caseless(text_of("["), "{"));
        assert_false(tl_text_is_caseless(text_of("of"), "off"));
}

static void test_comparisons(void **state)
{
        static const char *const words[] = {"", "a", "ab", "abc", "b"};

        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(words); i++)
                for (size_t j = 0; j < WG_ARRAY_SIZE(words); j++) {
                        struct tl_text a = text_of(words[i]), b = text_of(words[j]);

                        assert_int_equal(tl_text_is_same(a, b), i == j);
                        assert_int_equal(tl_text_begins_with(a, words[j]),
                                         a.len >= b.len && strncmp(words[i], words[j], b.len) == 0);
                }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_comparisons), cmocka_unit_test(test_numbers),
                cmocka_unit_test(test_number64),    cmocka_unit_test(test_u16),
                cmocka_unit_test(test_find),        cmocka_unit_test(test_words),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
