/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * fuzz_status.c - any bytes on the status socket, in both directions. As a request: splitting the
 * stream changes nothing, and only one request is valid. As a reply: accepted values are printable
 * and within bounds, can be shown in every view, and are unchanged when written again. */
#include <errno.h>
#include <string.h>

#include "conf/status_view.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct wg_enum no_verdicts = {.name = "none"};

/* ---- as requests ---- */

/* The expected result for one whole request, without its blank line. */
static int judge(struct tl_text request)
{
        if (tl_text_is(request, "get=1\n"))
                return 0;
        return request.len >= 6 && memcmp(request.at, "get=1\n", 6) == 0 ? EINVAL : EPROTO;
}

static void check_requests(struct tl_text rest)
{
        struct tl_status_parser whole = {0}, bytewise = {0};

        while (rest.len) {
                size_t used = 0, one;
                enum tl_status_event event = tl_status_parser_feed(&whole, rest.at, rest.len,
                                                                   &used),
                                     piece = TL_STATUS_MORE;

                WG_ASSERT(used > 0 && used <= rest.len);
                for (size_t i = 0; i < used; i++) {
                        WG_ASSERT(piece == TL_STATUS_MORE);
                        piece = tl_status_parser_feed(&bytewise, rest.at + i, 1, &one);
                        WG_ASSERT(one == 1);
                }
                WG_ASSERT(piece == event && bytewise.errnum == whole.errnum);
                if (event == TL_STATUS_MORE) {
                        WG_ASSERT(used == rest.len);
                        return;
                }
                WG_ASSERT(judge(tl_text_head(rest, used - 1)) == whole.errnum);
                WG_ASSERT((event == TL_STATUS_GET) == (whole.errnum == 0));
                rest = tl_text_tail(rest, used);
        }
}

/* ---- as a reply ---- */

static void check_printable(const char *text, size_t len)
{
        for (size_t i = 0; i < len; i++)
                WG_ASSERT(text[i] == '\n' || (text[i] >= 0x20 && text[i] <= 0x7e));
}

/* Writes the reply again as it was understood. */
static size_t say(const struct tl_status *status, char *out)
{
        struct tl_writer writer;

        tl_status_writer_init(&writer, out, TL_STATUS_REPLY_MAX);
        for (size_t i = 0; i < status->count; i++) {
                const struct tl_status_fact *fact = &status->facts[i];
                struct tl_text verdict;
                char text[256];

                memcpy(text, fact->value.at, fact->value.len);
                text[fact->value.len] = '\0';
                if (fact->key && fact->is_number) {
                        tl_status_number(&writer, (enum tl_status_key)(fact->key - tl_status_keys),
                                         fact->number);
                } else if (fact->key) {
                        tl_status_text(&writer, (enum tl_status_key)(fact->key - tl_status_keys),
                                       text);
                } else if (tl_status_is_drop(fact, &verdict)) {
                        memcpy(text, verdict.at, verdict.len);
                        text[verdict.len] = '\0';
                        tl_status_drops(&writer, text, fact->number);
                } else {
                        return 0; /* our own daemon cannot send that */
                }
        }
        return tl_status_writer_done(&writer, status->errnum);
}

static void check_reply(struct tl_text reply)
{
        static char out[TL_STATUS_VIEW_MAX];
        static struct tl_status status;
        struct tl_conf_error error = {0};
        size_t len;

        if (!tl_status_read(&status, reply, &error)) {
                WG_ASSERT(error.errnum == EPROTO && error.line && error.column && error.message);
                return;
        }
        WG_ASSERT(tl_status_is_whole(reply) && status.count <= TL_STATUS_FACTS_MAX);
        check_printable(reply.at, reply.len);
        len = tl_status_as_json(&status, out);
        WG_ASSERT(len == strlen(out) && out[0] == '{');
        check_printable(out, len);
        for (uint32_t detail = 0; detail < WG_ENUM_COUNT(tl_status_detail); detail++) {
                len = tl_status_for_people(&status, &no_verdicts, (enum tl_status_detail)detail,
                                           out);
                WG_ASSERT(len == strlen(out));
                check_printable(out, len);
        }
        len = say(&status, out);
        if (len)
                WG_ASSERT(status.errnum || (len == reply.len && memcmp(out, reply.at, len) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct tl_text text = {(const char *)data, size};

        check_requests(text);
        check_reply(text);
        return 0;
}
