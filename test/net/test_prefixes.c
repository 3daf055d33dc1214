/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/prefixes.h"

#include <string.h>

#include "conf/address.h"
#include "test/lib/cmocka.h"

static struct wg_prefix prefix(const char *text, size_t len)
{
        struct wg_prefix result;

        assert_true(tl_address_parse_prefix((struct tl_text){text, len}, &result));
        return result;
}

/* Reads prefixes separated by blanks. */
static void read_list(struct tl_prefixes *list, struct tl_arena *arena, const char *text)
{
        while (*text) {
                size_t len = strcspn(text, " ");
                struct wg_prefix item = prefix(text, len);

                assert_true(tl_prefixes_add(list, arena, &item));
                text += len + (text[len] == ' ');
        }
}

static void write_list(char *out, const struct tl_prefixes *list)
{
        char *end = out;

        *out = '\0';
        for (uint32_t i = 0; i < list->count; i++) {
                if (i)
                        *end++ = ' ';
                end += tl_address_format_prefix(end, &list->items[i]);
        }
}

static void test_shorten(void **unused)
{
        static const struct {
                const char *before, *after;
        } cases[] = {
                {"", ""},
                {"10.0.0.0/8", "10.0.0.0/8"},
                {"10.0.0.1/32 10.0.0.1/32", "10.0.0.1/32"},             /* twice */
                {"10.0.0.1/32 10.0.0.0/24 10.0.0.9/32", "10.0.0.0/24"}, /* covered */
                {"10.0.0.128/25 10.0.0.0/25", "10.0.0.0/24"},           /* halves */
                {"10.0.0.64/26 10.0.0.128/25 10.0.0.0/26", "10.0.0.0/24"},
                {"10.0.1.0/24 10.0.2.0/24", "10.0.1.0/24 10.0.2.0/24"}, /* no halves of one */
                {"10.0.0.0/24 10.0.1.0/25", "10.0.0.0/24 10.0.1.0/25"}, /* of different lengths */
                {"10.0.0.3/32 10.0.0.0/32 10.0.0.2/32 10.0.0.1/32", "10.0.0.0/30"},
                {"0.0.0.0/1 128.0.0.0/1", "0.0.0.0/0"},
                {"::/1 8000::/1 0.0.0.0/1", "0.0.0.0/1 ::/0"}, /* families stay apart */
                {"fd00::/65 fd00:0:0:0:8000::/65", "fd00::/64"},
        };

        (void)unused;
        for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct tl_prefixes list = {0};
                struct tl_arena arena = {0};
                char text[256];

                read_list(&list, &arena, cases[i].before);
                tl_prefixes_shorten(&list);
                write_list(text, &list);
                if (strcmp(text, cases[i].after) != 0)
                        fail_msg("case %u: %s", i, text);
                tl_arena_done(&arena);
        }
}

static void test_add_nothing(void **unused)
{
        const struct wg_prefix none = {.cidr = 0};
        struct tl_prefixes list = {0};
        struct tl_arena arena = {0};

        (void)unused;
        assert_true(tl_prefixes_add(&list, &arena, &none));
        assert_int_equal(list.count, 0);
        tl_arena_done(&arena);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_shorten),
                cmocka_unit_test(test_add_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
