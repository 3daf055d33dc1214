/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_bytes.c - base/bytes.h: each width and byte order at each alignment; neighbouring bytes do
 * not change. */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "test/lib/cmocka.h"

/* Values of 8 bytes; narrower forms take the last bytes. */
static const struct {
        uint8_t big[8];
        uint64_t value;
} cases[] = {
        /* 0 */ {{0, 0, 0, 0, 0, 0, 0, 0}, 0},
        /* 1 */ {{0, 0, 0, 0, 0, 0, 0, 1}, 1},
        /* 2 */ {{1, 2, 3, 4, 5, 6, 7, 8}, 0x0102030405060708},
        /* 3 */ {{0x80, 0, 0, 0, 0x80, 0, 0x80, 0}, 0x8000000080008000},
        /* 4 */ {{0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0xfa, 0xf9, 0xf8}, 0xfffefdfcfbfaf9f8},
        /* 5 */ {{255, 255, 255, 255, 255, 255, 255, 255}, UINT64_MAX},
};

static uint64_t load_be16(const uint8_t *at)
{
        return wg_be16_load(at);
}

static uint64_t load_be32(const uint8_t *at)
{
        return wg_be32_load(at);
}

static uint64_t load_le32(const uint8_t *at)
{
        return wg_le32_load(at);
}

static void store_be16(uint8_t *at, uint64_t value)
{
        wg_be16_store(at, (uint16_t)value);
}

static void store_be32(uint8_t *at, uint64_t value)
{
        wg_be32_store(at, (uint32_t)value);
}

static void store_le32(uint8_t *at, uint64_t value)
{
        wg_le32_store(at, (uint32_t)value);
}

static const struct {
        const char *name;
        size_t width;
        bool is_little;
        uint64_t (*load)(const uint8_t *at);
        void (*store)(uint8_t *at, uint64_t value);
} forms[] = {
        {"be16", 2, false, load_be16, store_be16},       {"be32", 4, false, load_be32, store_be32},
        {"be64", 8, false, wg_be64_load, wg_be64_store}, {"le32", 4, true, load_le32, store_le32},
        {"le64", 8, true, wg_le64_load, wg_le64_store},
};

static void test_each_form(void **state)
{
        (void)state;
        for (size_t f = 0; f < WG_ARRAY_SIZE(forms); f++)
                for (size_t c = 0; c < WG_ARRAY_SIZE(cases); c++)
                        for (size_t offset = 0; offset < 8; offset++) {
                                size_t width = forms[f].width;
                                uint64_t value = cases[c].value & UINT64_MAX >> (64 - 8 * width);
                                uint8_t expected[24], memory[24];

                                memset(expected, 0xa5, sizeof(expected));
                                memset(memory, 0xa5, sizeof(memory));
                                for (size_t i = 0; i < width; i++) {
                                        size_t to = forms[f].is_little ? width - 1 - i : i;

                                        expected[offset + to] = cases[c].big[8 - width + i];
                                }
                                forms[f].store(memory + offset, value);
                                assert_memory_equal(memory, expected, sizeof(memory));
                                assert_true(forms[f].load(memory + offset) == value);
                        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_form),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
