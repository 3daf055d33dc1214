/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_enum.c - base/enum.h at run time; enum_compile.sh tests code that must not compile. */
#include <stdint.h>
#include <string.h>

#include "base/enum.h"
#include "test/lib/cmocka.h"

/* Values out of order and with gaps; one name is a prefix of another. */
#define COLOURS(X) \
        X(COLOUR_RED, 7, red, "like a rose") \
        X(COLOUR_NONE, 0, none, "no light") \
        X(COLOUR_REDDISH, 0x7fffffff, reddish, "nearly")
WG_ENUM_DECLARE(colour, COLOURS)
WG_ENUM_DEFINE(colour, COLOURS)

/* Not in the order of the bits; one alias consists of hexadecimal digits. */
#define ACCESSES(X) \
        X(ACCESS_WRITE, 2, w, "may write") \
        X(ACCESS_READ, 1, read, "may read") \
        X(ACCESS_ADD, 1u << 30, add, "may append")
WG_FLAGS_DECLARE(access, ACCESSES)
WG_FLAGS_DEFINE(access, ACCESSES)

static void test_table(void **state)
{
        static const enum colour order[] = {COLOUR_RED, COLOUR_NONE, COLOUR_REDDISH};
        size_t at = 0;

        (void)state;
        assert_string_equal(colour_enum.name, "colour");
        assert_int_equal(WG_ENUM_COUNT(colour), 3);
        assert_int_equal(colour_enum.count, 3);
        WG_ENUM_EACH(member, &colour_enum)
                assert_int_equal(member->value, order[at++]);
        assert_int_equal(at, 3);
}

static void test_by_value(void **state)
{
        static const struct {
                uint32_t value;
                const char *name, *text; /* NULL: no such member */
        } cases[] = {
                /* 0 */ {7, "red", "like a rose"},
                /* 1 */ {0, "none", "no light"},
                /* 2 */ {0x7fffffff, "reddish", "nearly"},
                /* 3 */ {1, NULL, NULL},
                /* 4 */ {UINT32_MAX, NULL, NULL},
        };

        (void)state;
        for (size_t c = 0; c < WG_ARRAY_SIZE(cases); c++) {
                const struct wg_enum_member *m = wg_enum_by_value(&colour_enum, cases[c].value);

                assert_int_equal(m != NULL, cases[c].name != NULL);
                if (m) {
                        assert_int_equal(m->value, cases[c].value);
                        assert_string_equal(m->name, cases[c].name);
                        assert_string_equal(m->text, cases[c].text);
                }
                assert_string_equal(wg_enum_name(&colour_enum, cases[c].value),
                                    m ? cases[c].name : "unknown");
                assert_string_equal(wg_enum_text(&colour_enum, cases[c].value),
                                    m ? cases[c].text : "unknown");
        }
        assert_string_equal(colour_name(COLOUR_RED), "red");
        assert_string_equal(colour_text(COLOUR_NONE), "no light");
        assert_string_equal(colour_name((enum colour)4), "unknown");
}

static void test_by_name(void **state)
{
        static const struct {
                const char *name;
                size_t len;
                int64_t value; /* -1: no such member */
        } cases[] = {
                /* 0 */ {"red", 3, COLOUR_RED},
                /* 1 */ {"reddish", 7, COLOUR_REDDISH},
                /* 2: ended by the length */ {"reddish", 3, COLOUR_RED},
                /* 3 */ {"redd", 4, -1},
                /* 4 */ {"re", 2, -1},
                /* 5 */ {"", 0, -1},
                /* 6 */ {"Red", 3, -1},
                /* 7 */ {"COLOUR_RED", 10, -1},
                /* 8 */ {"red\0", 4, -1},
                /* 9 */ {"none ", 5, -1},
        };

        (void)state;
        for (size_t c = 0; c < WG_ARRAY_SIZE(cases); c++) {
                const struct wg_enum_member *m = wg_enum_by_name(&colour_enum, cases[c].name,
                                                                 cases[c].len);

                assert_true((m ? (int64_t)m->value : -1) == cases[c].value);
        }
}

/* A switch over all members needs no default; without one of them it would not compile. */
static int warmth(enum colour c)
{
        switch (c) {
        case COLOUR_RED:
                return 2;
        case COLOUR_NONE:
                return 0;
        case COLOUR_REDDISH:
                return 1;
        }
        return -1;
}

static void test_switch(void **state)
{
        (void)state;
        assert_int_equal(warmth(COLOUR_REDDISH), 1);
        assert_int_equal(warmth((enum colour)1), -1);
}

static const struct {
        uint32_t set;
        const char *text;
} formats[] = {
        /* 0 */ {0, "0"},
        /* 1 */ {ACCESS_READ, "read"},
        /* 2 */ {ACCESS_READ | ACCESS_WRITE, "w|read"},
        /* 3 */ {ACCESS_READ | ACCESS_WRITE | ACCESS_ADD, "w|read|add"},
        /* 4 */ {4, "0x4"},
        /* 5 */ {ACCESS_READ | 0x80, "read|0x80"},
        /* 6 */ {UINT32_MAX, "w|read|add|0xbffffffc"},
        /* 7 */ {0x80000000, "0x80000000"},
};

static void test_flags_format(void **state)
{
        (void)state;
        for (size_t c = 0; c < WG_ARRAY_SIZE(formats); c++) {
                char out[64];
                size_t len = strlen(formats[c].text);

                assert_int_equal(wg_flags_format(&access_enum, formats[c].set, out, sizeof(out)),
                                 len);
                assert_string_equal(out, formats[c].text);
        }
}

static void test_flags_format_cuts(void **state)
{
        static const char full[] = "w|read|0x80";

        (void)state;
        for (size_t size = 0; size <= sizeof(full) + 1; size++) {
                char out[sizeof(full) + 1];
                size_t kept = size == 0 ? 0 : WG_MIN(size - 1, sizeof(full) - 1);

                memset(out, '#', sizeof(out));
                assert_int_equal(
                        wg_flags_format(&access_enum, ACCESS_READ | ACCESS_WRITE | 0x80, out, size),
                        sizeof(full) - 1);
                assert_memory_equal(out, full, kept);
                if (size > 0)
                        assert_int_equal(out[kept], '\0');
                for (size_t i = size; i < sizeof(out); i++)
                        assert_int_equal(out[i], '#');
        }
        assert_int_equal(wg_flags_format(&access_enum, 0, NULL, 0), 1);
}

static void test_flags_parse_reads_formatted_flags(void **state)
{
        (void)state;
        for (size_t c = 0; c < WG_ARRAY_SIZE(formats); c++) {
                uint32_t set = 0x5555;

                assert_true(wg_flags_parse(&access_enum, formats[c].text, strlen(formats[c].text),
                                           &set));
                assert_int_equal(set, formats[c].set);
        }
}

static void test_flags_parse_accepts(void **state)
{
        static const struct {
                const char *text;
                size_t len;
                uint32_t set;
        } cases[] = {
                /* 0: any order */ {"read|w", 6, ACCESS_READ | ACCESS_WRITE},
                /* 1: twice */ {"read|read", 9, ACCESS_READ},
                /* 2: not last */ {"0x80|read", 9, ACCESS_READ | 0x80},
                /* 3: ended by the length */ {"read|nonsense", 4, ACCESS_READ},
                /* 4: a number with names */ {"0x3", 3, ACCESS_READ | ACCESS_WRITE},
                /* 5: all 32 bits */ {"0xffffffff", 10, UINT32_MAX},
                /* 6: a name that looks like digits */ {"add", 3, ACCESS_ADD},
        };

        (void)state;
        for (size_t c = 0; c < WG_ARRAY_SIZE(cases); c++) {
                uint32_t set = 0x5555;

                assert_true(wg_flags_parse(&access_enum, cases[c].text, cases[c].len, &set));
                assert_int_equal(set, cases[c].set);
        }
}

static void test_flags_parse_refuses(void **state)
{
        static const char *const texts[] = {
                "",        "|",     "read|",  "|read", "read||w", "unknown", "Read",
                "read |w", " read", "read,w", "0x",    "0X1",     "0xA",     "0x100000000",
                "0xg",     "1",     "00",     "-0x1",  "0x1 ",    "rea",     "readw",
        };

        (void)state;
        for (size_t c = 0; c < WG_ARRAY_SIZE(texts); c++) {
                uint32_t set = 0x5555;

                assert_false(wg_flags_parse(&access_enum, texts[c], strlen(texts[c]), &set));
                assert_int_equal(set, 0x5555);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_table),
                cmocka_unit_test(test_by_value),
                cmocka_unit_test(test_by_name),
                cmocka_unit_test(test_switch),
                cmocka_unit_test(test_flags_format),
                cmocka_unit_test(test_flags_format_cuts),
                cmocka_unit_test(test_flags_parse_reads_formatted_flags),
                cmocka_unit_test(test_flags_parse_accepts),
                cmocka_unit_test(test_flags_parse_refuses),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
