/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * fuzz_config.c - any bytes as a configuration file. The parser must not crash. A file with
 * mistakes changes nothing, and each mistake is reported once, in order, at a place inside the
 * text. White space and comments have no effect. An accepted file has the same meaning over the
 * configuration socket, also when we write it. A text stripped for wg(8) has none of wg-quick's
 * keys and is otherwise the same. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/text.h"
#include "conf/uapi.h"
#include "conf/uapi_text.h"
#include "conf/wgconf.h"
#include "conf/wgquick.h"
#include "test/lib/change_dump.h"
#include "test/lib/wgquick_dump.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Parses a text: returns a dump, which the caller frees, or NULL and the mistakes. */
static char *read_text(const char *text, size_t len, struct tl_mistakes *mistakes)
{
        struct tl_change device, untouched;
        char *dump;

        memset(&device, 0xa5, sizeof(device));
        memset(&untouched, 0xa5, sizeof(untouched));
        if (!tl_wgconf_parse(text, len, &device, mistakes)) {
                WG_ASSERT(mistakes->count > 0);
                WG_ASSERT(memcmp(&device, &untouched, sizeof(device)) == 0);
                return NULL;
        }
        dump = change_dump(&device);
        tl_change_done(&device);
        return dump;
}

/* Whether a mistake is within a line of the text, or right behind its end. */
static void check_place(struct tl_text text, const struct tl_conf_error *error)
{
        WG_ASSERT(error->errnum == EINVAL && error->line > 0 && error->column > 0);
        for (uint32_t line = 1; line < error->line; line++) {
                size_t newline = tl_text_find(text, '\n');

                WG_ASSERT(newline < text.len);
                text = tl_text_tail(text, newline + 1);
        }
        WG_ASSERT(error->column <= tl_text_find(text, '\n') + 1);
}

/* Whether mistakes are in order, with no two at one place. */
static void check_places(struct tl_text text, const struct tl_mistakes *mistakes)
{
        for (uint32_t i = 0; i < tl_mistakes_kept(mistakes); i++) {
                const struct tl_conf_error *error = &mistakes->first[i];

                check_place(text, error);
                WG_ASSERT(i == 0 || error->line > error[-1].line ||
                          (error->line == error[-1].line && error->column > error[-1].column));
        }
}

static void check_same_but_columns(const struct tl_mistakes *a, const struct tl_mistakes *b)
{
        WG_ASSERT(a->count == b->count);
        for (uint32_t i = 0; i < tl_mistakes_kept(a); i++) {
                WG_ASSERT(a->first[i].line == b->first[i].line);
                WG_ASSERT(a->first[i].message == b->first[i].message);
        }
}

/* Whether a text begins like a byte order mark or similar: white space inside it would change its
 * meaning. */
static bool has_encoding_mark(struct tl_text text)
{
        return text.len >= 2 && ((uint8_t)text.at[0] == 0xef || (uint8_t)text.at[0] >= 0xfe);
}

/* Inserts white space after each byte and a comment at the end of each line. */
static void check_white_space(struct tl_text text, const char *dump,
                              const struct tl_mistakes *mistakes)
{
        static const char spaces[] = " \t\v\f\r", comment[] = "# [Peer] = \r\n";
        char *spaced = malloc(text.len * (sizeof(comment) + 1) + 1), *spaced_dump;
        struct tl_mistakes spaced_mistakes = {0};
        size_t len = 0;

        WG_ASSERT(spaced);
        for (size_t i = 0; i < text.len; i++) {
                if (text.at[i] == '\n') {
                        memcpy(spaced + len, comment, sizeof(comment) - 1);
                        len += sizeof(comment) - 1;
                } else {
                        spaced[len++] = text.at[i];
                        spaced[len++] = spaces[i % (sizeof(spaces) - 1)];
                }
        }
        spaced_dump = read_text(spaced, len, &spaced_mistakes);
        WG_ASSERT(!spaced_dump == !dump);
        if (dump)
                WG_ASSERT(strcmp(spaced_dump, dump) == 0);
        else if (!has_encoding_mark(text))
                check_same_but_columns(&spaced_mistakes, mistakes);
        free(spaced_dump);
        free(spaced);
}

/* Configuration files may hold host names that the socket does not accept. */
static void check_over_the_socket(const char *dump)
{
        struct tl_uapi_parser parser;
        struct tl_change device;
        enum tl_uapi_event event;
        size_t used;
        char *again;

        tl_uapi_parser_init(&parser);
        tl_change_init(&device);
        event = tl_uapi_parser_feed(&parser, dump, strlen(dump), &used, &device);
        WG_ASSERT(used == strlen(dump));
        if (event == TL_UAPI_SET) {
                again = change_dump(&device);
                WG_ASSERT(strcmp(again, dump) == 0);
                free(again);
        } else {
                WG_ASSERT(event == TL_UAPI_ERROR && strstr(dump, "endpoint="));
        }
        tl_change_done(&device);
        tl_uapi_parser_done(&parser);
}

/* Our request on the socket must agree with the dump, and we must understand the device's reply. */
static void check_client(struct tl_text text, const char *dump)
{
        struct tl_change device, again;
        struct tl_mistakes mistakes = {0};
        char *request;
        size_t room, len;

        tl_change_init(&device);
        WG_ASSERT(tl_wgconf_parse(text.at, text.len, &device, &mistakes));
        for (uint32_t i = 0; i < device.peer_count; i++)
                if (tl_change_peer_at(&device, i)->endpoint_host)
                        goto out; /* names are resolved beforehand */
        room = tl_uapi_text_room(&device);
        request = malloc(room);
        WG_ASSERT(request);
        len = tl_uapi_text_format_request(&device, request, room);
        WG_ASSERT(len == strlen(dump) && memcmp(request, dump, len) == 0);
        tl_uapi_text_format_file(&device, request, room);
        free(request);
        request = malloc(text.len + 32);
        WG_ASSERT(request);
        memcpy(request, text.at, text.len);
        tl_change_init(&again);
        if (tl_uapi_text_read_reply(request, text.len, &again))
                tl_change_done(&again);
        free(request);
out:
        tl_change_done(&device);
}

/* Parses wg-quick's keys: returns a dump, which the caller frees, or NULL and the mistakes. */
static char *read_quick(struct tl_text text, struct tl_mistakes *mistakes)
{
        struct tl_wgquick quick, untouched;
        char *dump;

        memset(&quick, 0xa5, sizeof(quick));
        memset(&untouched, 0xa5, sizeof(untouched));
        if (!tl_wgquick_parse(text.at, text.len, &quick, mistakes)) {
                WG_ASSERT(mistakes->count > 0);
                WG_ASSERT(memcmp(&quick, &untouched, sizeof(quick)) == 0);
                return NULL;
        }
        dump = wgquick_dump(&quick);
        tl_wgquick_done(&quick);
        return dump;
}

/* Remaining keys are misplaced: that does not count here, but their values may be wrong. */
static void check_is_without(struct tl_text text)
{
        struct tl_mistakes mistakes = {0};
        char *dump = read_quick(text, &mistakes);

        WG_ASSERT(!dump || !*dump);
        free(dump);
}

/* Blanking keeps every other byte in place. Returns the rest as parsed for wg(8), like
 * read_text(). */
static char *check_blanks(struct tl_text text, struct tl_mistakes *mistakes)
{
        char *copy = malloc(text.len + 1), *dump;

        WG_ASSERT(copy);
        memcpy(copy, text.at, text.len);
        tl_wgquick_blank(copy, text.len);
        for (size_t i = 0; i < text.len; i++)
                WG_ASSERT(copy[i] == text.at[i] || copy[i] == ' ');
        check_is_without((struct tl_text){copy, text.len});
        dump = read_text(copy, text.len, mistakes);
        free(copy);
        return dump;
}

static void check_quick(struct tl_text text)
{
        struct tl_mistakes mistakes = {0};
        char *dump = read_quick(text, &mistakes), *copy = malloc(text.len + 1), *blank, *stripped;
        size_t len;

        WG_ASSERT(copy);
        blank = check_blanks(text, &mistakes);
        check_places(text, &mistakes);
        memcpy(copy, text.at, text.len);
        len = tl_wgquick_strip(copy, text.len);
        check_is_without((struct tl_text){copy, len});
        stripped = read_text(copy, len, &mistakes);
        WG_ASSERT(!blank == !stripped && (!blank || strcmp(blank, stripped) == 0));
        free(stripped);
        free(blank);
        free(dump);
        free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct tl_text text = {(const char *)data, size};
        struct tl_mistakes mistakes = {0};
        char *dump = read_text(text.at, text.len, &mistakes);

        check_quick(text);
        if (dump)
                check_client(text, dump);
        if (dump)
                check_over_the_socket(dump);
        check_places(text, &mistakes);
        check_white_space(text, dump, &mistakes);
        free(dump);
        return 0;
}
