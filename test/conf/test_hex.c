/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/hex.h"

#include <stdio.h>
#include <string.h>

#include "test/lib/cmocka.h"

static const struct {
        int number;
        const char *text;
        size_t size;
        bool is_good;
        uint8_t bytes[4];
} cases[] = {
        {1, "", 0, true, {0}},
        {2, "00", 1, true, {0}},
        {3, "ff", 1, true, {0xff}},
        {4, "FF", 1, true, {0xff}},
        {5, "09afAF90", 4, true, {0x09, 0xaf, 0xaf, 0x90}},
        {6, "0", 1, false, {0}},
        {7, "000", 1, false, {0}},
        {8, "", 1, false, {0}},
        {9, "00", 0, false, {0}},
        {10, "0x", 1, false, {0}},
        {11, " 0", 1, false, {0}},
        {12, "0000000g", 4, false, {0}},
        {13, "g0000000", 4, false, {0}},
};

static void test_cases(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                uint8_t out[4] = {0xa5, 0xa5, 0xa5, 0xa5}, untouched[4];
                bool is_good;

                memcpy(untouched, out, sizeof(out));
                is_good = tl_hex_decode(out, cases[i].size, cases[i].text, strlen(cases[i].text));
                if (is_good != cases[i].is_good)
                        fail_msg("case %d: \"%s\"", cases[i].number, cases[i].text);
                if (is_good)
                        assert_memory_equal(out, cases[i].bytes, cases[i].size);
                else
                        assert_memory_equal(out, untouched, sizeof(out));
        }
}

/* Every byte value as each of the two digits, compared with sscanf(). */
static void test_every_digit(void **state)
{
        (void)state;
        for (unsigned int c = 0; c < 256; c++) {
                char first[3] = {(char)c, '7'}, second[3] = {'7', (char)c};
                bool is_digit = c && strchr("0123456789abcdefABCDEF", (int)c);
                unsigned int expected;
                uint8_t out;

                assert_int_equal(tl_hex_decode(&out, 1, first, 2), is_digit);
                if (!is_digit)
                        continue;
                assert_int_equal(sscanf(first, "%2x", &expected), 1);
                assert_int_equal(out, expected);
                assert_true(tl_hex_decode(&out, 1, second, 2));
                assert_int_equal(sscanf(second, "%2x", &expected), 1);
                assert_int_equal(out, expected);
        }
}

static void test_every_byte_back(void **state)
{
        (void)state;
        for (unsigned int value = 0; value < 256; value++) {
                uint8_t byte = (uint8_t)value, back;
                char text[2], expected[3];

                tl_hex_encode(text, &byte, 1);
                snprintf(expected, sizeof(expected), "%02x", value);
                assert_memory_equal(text, expected, 2);
                assert_true(tl_hex_decode(&back, 1, text, 2));
                assert_int_equal(back, byte);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_cases),
                cmocka_unit_test(test_every_digit),
                cmocka_unit_test(test_every_byte_back),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
