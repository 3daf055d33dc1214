/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/base64.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "test/lib/cmocka.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The vectors of RFC 4648 section 10. */
static const struct {
        int number;
        const char *bytes, *text;
} vectors[] = {
        {1, "", ""},
        {2, "f", "Zg=="},
        {3, "fo", "Zm8="},
        {4, "foo", "Zm9v"},
        {5, "foob", "Zm9vYg=="},
        {6, "fooba", "Zm9vYmE="},
        {7, "foobar", "Zm9vYmFy"},
};

static void test_vectors(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(vectors); i++) {
                size_t size = strlen(vectors[i].bytes), len = strlen(vectors[i].text);
                uint8_t bytes[8];
                char text[8];

                print_message("vector %d\n", vectors[i].number);
                assert_int_equal(TL_BASE64_LEN(size), len);
                tl_base64_encode(text, (const uint8_t *)vectors[i].bytes, size);
                assert_memory_equal(text, vectors[i].text, len);
                assert_true(tl_base64_decode(bytes, size, vectors[i].text, len));
                assert_memory_equal(bytes, vectors[i].bytes, size);
        }
}

static const struct {
        int number;
        const char *what, *text;
        size_t size;
} mistakes[] = {
        {1, "nothing", "", 1},
        {2, "characters for no byte", "AA==", 0},
        {3, "one character missing", "AA=", 1},
        {4, "one character too many", "AA===", 1},
        {5, "two bytes instead of one", "AAA=", 1},
        {6, "one byte instead of two", "AA==", 2},
        {7, "no padding after two bytes", "AAAA", 2},
        {8, "padding after three bytes", "AAA=", 3},
        {9, "extra bits after the only byte", "AB==", 1},
        {10, "one extra bit after the second byte", "AAB=", 2},
        {11, "all extra bits after the only byte", "AP==", 1},
        {12, "padding first", "=AA=", 1},
        {13, "padding in the middle", "A=A=", 2},
        {14, "half of the padding", "AA=A", 1},
        {15, "a space", "AA =", 2},
        {16, "the alphabet for URLs", "-_-_", 3},
        {17, "a mistake in the last of two groups", "AAAAAAA*", 6},
        {18, "a mistake in the first of two groups", "*AAAAAAA", 6},
};

static void test_mistakes(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(mistakes); i++) {
                uint8_t out[8], untouched[8];

                memset(out, 0xa5, sizeof(out));
                memset(untouched, 0xa5, sizeof(untouched));
                if (tl_base64_decode(out, mistakes[i].size, mistakes[i].text,
                                     strlen(mistakes[i].text)))
                        fail_msg("mistake %d: %s", mistakes[i].number, mistakes[i].what);
                assert_memory_equal(out, untouched, sizeof(out));
        }
}

/* Every byte value at every position in one group of three bytes. */
static void test_every_digit(void **state)
{
        (void)state;
        for (unsigned int c = 0; c < 256; c++) {
                const char *digit = c ? strchr(alphabet, (int)c) : NULL;

                for (unsigned int place = 0; place < 4; place++) {
                        char text[] = "AAAA";
                        uint8_t out[3];

                        text[place] = (char)c;
                        assert_int_equal(tl_base64_decode(out, 3, text, 4), digit != NULL);
                        if (digit)
                                assert_int_equal(out[0] << 16 | out[1] << 8 | out[2],
                                                 (digit - alphabet) << (18 - 6 * place));
                }
        }
}

/* Base64 one bit at a time: slow, and literally what the RFC says. */
static void encode_naively(char *out, const uint8_t *bytes, size_t size)
{
        size_t len = 0, value = 0;

        for (size_t bit = 0; bit < 8 * size; bit++) {
                value = value << 1 | (bytes[bit / 8] >> (7 - bit % 8) & 1);
                if (bit % 6 == 5) {
                        out[len++] = alphabet[value];
                        value = 0;
                }
        }
        if (size % 3)
                out[len++] = alphabet[value << (size % 3 == 1 ? 4 : 2)];
        while (len % 4)
                out[len++] = '=';
}

static void test_against_naive_twin(void **state)
{
        unsigned int seed = (unsigned int)time(NULL);

        (void)state;
        print_message("seed %u\n", seed);
        srand(seed);
        for (unsigned int round = 0; round < 10000; round++) {
                size_t size = (size_t)rand() % 41, len = TL_BASE64_LEN(size);
                uint8_t bytes[40], back[40];
                char text[56], expected[56];

                for (size_t i = 0; i < size; i++)
                        bytes[i] = (uint8_t)rand();
                tl_base64_encode(text, bytes, size);
                encode_naively(expected, bytes, size);
                assert_memory_equal(text, expected, len);
                assert_true(tl_base64_decode(back, size, text, len));
                assert_memory_equal(back, bytes, size);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_vectors),
                cmocka_unit_test(test_mistakes),
                cmocka_unit_test(test_every_digit),
                cmocka_unit_test(test_against_naive_twin),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
