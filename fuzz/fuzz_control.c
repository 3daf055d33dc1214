/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * fuzz_control.c - any bytes on the status socket, in either direction. As requests: cutting the
 * stream elsewhere changes nothing, the status protocol is served as if there were no other, and a
 * request that is understood is the same after it is formatted and read again. As blocks: accepted
 * ones are printable, and valid as one line of JSON. */
#include <errno.h>
#include <string.h>

#include "conf/control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct tl_control_request *request)
{
        struct tl_control_parser parser = {0};
        char text[TL_CONTROL_REQUEST_MAX];
        size_t len = tl_control_format_request(request, text), used;

        WG_ASSERT(tl_control_parser_feed(&parser, text, len, &used) == TL_CONTROL_REQUEST);
        WG_ASSERT(used == len && parser.request.operation == request->operation &&
                  parser.request.options == request->options &&
                  memcmp(parser.request.peer, request->peer, TL_CONF_KEY_LEN) == 0);
}

/* `alone` is what the status protocol's own parser makes of the same bytes. */
static void check_step(const struct tl_control_parser *parser, enum tl_control_step step,
                       enum tl_status_event alone, int errnum)
{
        switch (step) {
        case TL_CONTROL_MORE:
                WG_ASSERT(alone == TL_STATUS_MORE);
                break;
        case TL_CONTROL_REQUEST:
                WG_ASSERT(!parser->error.errnum && errnum == EPROTO);
                check_again(&parser->request);
                break;
        case TL_CONTROL_MISTAKE:
                WG_ASSERT(parser->error.errnum && parser->error.line && parser->error.column &&
                          parser->error.message && errnum == EPROTO);
                break;
        case TL_CONTROL_STATUS:
                WG_ASSERT(alone == TL_STATUS_GET);
                break;
        case TL_CONTROL_STATUS_MISTAKE:
                WG_ASSERT(alone == TL_STATUS_MISTAKE && parser->error.errnum == errnum);
                break;
        }
}

static void check_requests(struct tl_text rest)
{
        struct tl_control_parser whole = {0}, bytewise = {0};
        struct tl_status_parser status = {0};

        while (rest.len) {
                size_t used = 0, one;
                enum tl_control_step step = tl_control_parser_feed(&whole, rest.at, rest.len,
                                                                   &used),
                                     piece = TL_CONTROL_MORE;
                enum tl_status_event alone = tl_status_parser_feed(&status, rest.at, rest.len,
                                                                   &one);

                WG_ASSERT(used > 0 && used <= rest.len && one == used);
                for (size_t i = 0; i < used; i++) {
                        WG_ASSERT(piece == TL_CONTROL_MORE);
                        piece = tl_control_parser_feed(&bytewise, rest.at + i, 1, &one);
                        WG_ASSERT(one == 1);
                }
                WG_ASSERT(piece == step && bytewise.error.errnum == whole.error.errnum &&
                          bytewise.error.line == whole.error.line &&
                          bytewise.error.column == whole.error.column);
                check_step(&whole, step, alone, status.errnum);
                rest = tl_text_tail(rest, used);
        }
}

static void check_printable(const char *text, size_t len)
{
        for (size_t i = 0; i < len; i++)
                WG_ASSERT(text[i] == '\n' || (text[i] >= 0x20 && text[i] <= 0x7e));
}

static void check_blocks(struct tl_text rest)
{
        static char json[TL_CONTROL_JSON_MAX];
        size_t len;

        for (; (len = tl_control_block_len(rest)); rest = tl_text_tail(rest, len)) {
                struct tl_control_block block;
                struct tl_conf_error error = {0};

                if (!tl_control_read_block(&block, tl_text_head(rest, len), &error)) {
                        WG_ASSERT(error.errnum == EPROTO && error.column && error.message);
                        return;
                }
                WG_ASSERT(block.count <= TL_CONTROL_PAIRS_MAX && block.errnum >= 0);
                check_printable(rest.at, len);
                if (len > TL_CONTROL_BLOCK_MAX)
                        return;
                len = tl_control_as_json(&block, json);
                WG_ASSERT(len == strlen(json) && strchr(json, '\n') == json + len - 1);
                check_printable(json, len);
                len = tl_control_block_len(rest);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct tl_text text = {(const char *)data, size};

        check_requests(text);
        check_blocks(text);
        return 0;
}
