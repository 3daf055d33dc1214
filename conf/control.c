/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/control.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "conf/base64.h"

WG_ENUM_DEFINE(tl_control_operation, TL_CONTROL_OPERATIONS)
WG_FLAGS_DEFINE(tl_control_option, TL_CONTROL_OPTIONS)
WG_ENUM_DEFINE(tl_control_permission, TL_CONTROL_PERMISSIONS)
WG_ENUM_DEFINE(tl_control_step, TL_CONTROL_STEPS)
WG_ENUM_DEFINE(tl_control_number, TL_CONTROL_NUMBERS)

#define VERSION_KEY "control="
#define OPERATION_KEY "operation="

struct tl_control_rule tl_control_rule(enum tl_control_operation operation)
{
        switch (operation) {
        case TL_CONTROL_DESCRIBE:
                return (struct tl_control_rule){.permission = TL_CONTROL_FOR_ALL};
        case TL_CONTROL_EVENTS:
                return (struct tl_control_rule){.permission = TL_CONTROL_FOR_ALL,
                                                .options = TL_CONTROL_OPTION_PEER};
        }
        return (struct tl_control_rule){.permission = TL_CONTROL_FOR_ROOT};
}

/* ---- requests ---- */

/* Stores the first mistake. */
static void fail(struct tl_control_parser *parser, int errnum, size_t column, const char *message)
{
        if (!parser->error.errnum)
                parser->error = (struct tl_conf_error){
                        .errnum = errnum,
                        .line = parser->line_number,
                        .column = (uint32_t)column,
                        .message = message,
                };
}

static void read_version(struct tl_control_parser *parser, struct tl_text value)
{
        uint64_t version;

        if (!tl_text_to_number64(value, &version))
                fail(parser, EPROTO, sizeof(VERSION_KEY),
                     "control must be a number, the protocol version");
        else if (version != TL_CONTROL_VERSION)
                fail(parser, EPROTONOSUPPORT, sizeof(VERSION_KEY), "unknown protocol version");
}

static void read_operation(struct tl_control_parser *parser, struct tl_text value)
{
        const struct wg_enum_member *operation = wg_enum_by_name(&tl_control_operation_enum,
                                                                 value.at, value.len);

        if (parser->has_operation)
                fail(parser, EINVAL, 1, "repeated operation");
        else if (!operation)
                fail(parser, EOPNOTSUPP, sizeof(OPERATION_KEY), "unknown operation");
        else
                parser->request.operation = (enum tl_control_operation)operation->value;
        parser->has_operation = true;
}

static bool read_value(struct tl_control_request *request, enum tl_control_option option,
                       struct tl_text value)
{
        switch (option) {
        case TL_CONTROL_OPTION_PEER:
                return tl_base64_decode(request->peer, sizeof(request->peer), value.at, value.len);
        }
        return false;
}

static void read_option(struct tl_control_parser *parser, const struct tl_keyvalue *pair,
                        size_t column)
{
        const struct wg_enum_member *option = wg_enum_by_name(&tl_control_option_enum, pair->key.at,
                                                              pair->key.len);

        if (!option)
                fail(parser, EOPNOTSUPP, 1, "unknown option");
        else if (parser->request.options & option->value)
                fail(parser, EINVAL, 1, "repeated option");
        else if (!read_value(&parser->request, (enum tl_control_option)option->value, pair->value))
                fail(parser, EINVAL, column, option->text);
        else
                parser->request.options |= option->value;
}

static void read_line(struct tl_control_parser *parser, struct tl_text line)
{
        struct tl_keyvalue pair;
        const char *mistake;
        size_t column;

        if (parser->line_number == 1) {
                read_version(parser, tl_text_tail(line, strlen(VERSION_KEY)));
                return;
        }
        mistake = tl_keyvalue_read(line, &pair, &column);
        if (mistake)
                fail(parser, EPROTO, column, mistake);
        else if (tl_text_is(pair.key, "operation"))
                read_operation(parser, pair.value);
        else
                read_option(parser, &pair, column);
}

static void end_line(struct tl_control_parser *parser)
{
        struct tl_text line = {parser->line, WG_MIN(parser->line_len, TL_CONTROL_LINE_MAX)};

        parser->line_number++;
        if (parser->line_number == 1)
                parser->is_control = tl_text_begins_with(line, VERSION_KEY);
        if (parser->line_len > TL_CONTROL_LINE_MAX)
                fail(parser, EPROTO, TL_CONTROL_LINE_MAX + 1, "the line is too long");
        else if (parser->is_control)
                read_line(parser, line);
        parser->line_len = 0;
}

/* Reads the lines of a request, whose end the status parser has found. */
static void take(struct tl_control_parser *parser, const char *bytes, size_t len)
{
        for (size_t i = 0; i < len; i++) {
                if (bytes[i] == '\n') {
                        if (parser->line_len)
                                end_line(parser);
                        continue;
                }
                if (parser->line_len < TL_CONTROL_LINE_MAX)
                        parser->line[parser->line_len] = bytes[i];
                parser->line_len = WG_MIN(parser->line_len + 1, TL_CONTROL_LINE_MAX + 1);
        }
}

static enum tl_control_step end_request(struct tl_control_parser *parser)
{
        struct tl_control_rule rule;

        if (!parser->has_operation)
                fail(parser, EINVAL, 1, "a request must name an operation");
        if (!parser->error.errnum) {
                rule = tl_control_rule(parser->request.operation);
                if (parser->request.options & ~rule.options)
                        fail(parser, EINVAL, 1, "this operation does not have that option");
        }
        return parser->error.errnum ? TL_CONTROL_MISTAKE : TL_CONTROL_REQUEST;
}

/* Clears the previous request. */
static void begin_request(struct tl_control_parser *parser)
{
        if (parser->status.lines || parser->status.line_len)
                return;
        parser->request = (struct tl_control_request){0};
        parser->error = (struct tl_conf_error){0};
        parser->is_control = parser->has_operation = false;
        parser->line_number = parser->line_len = 0;
}

enum tl_control_step tl_control_parser_feed(struct tl_control_parser *parser, const char *bytes,
                                            size_t len, size_t *used)
{
        enum tl_status_event event;

        if (len)
                begin_request(parser);
        event = tl_status_parser_feed(&parser->status, bytes, len, used);
        take(parser, bytes, *used);
        if (event == TL_STATUS_MORE)
                return TL_CONTROL_MORE;
        if (parser->is_control)
                return end_request(parser);
        parser->error = (struct tl_conf_error){.errnum = parser->status.errnum};
        return event == TL_STATUS_GET ? TL_CONTROL_STATUS : TL_CONTROL_STATUS_MISTAKE;
}

size_t tl_control_format_request(const struct tl_control_request *request,
                                 char out[TL_CONTROL_REQUEST_MAX])
{
        struct tl_writer writer;
        char *key;

        tl_writer_init(&writer, out, TL_CONTROL_REQUEST_MAX);
        tl_writer_add(&writer, VERSION_KEY "%d\n" OPERATION_KEY "%s\n", TL_CONTROL_VERSION,
                      tl_control_operation_name(request->operation));
        if (request->options & TL_CONTROL_OPTION_PEER) {
                tl_writer_add(&writer, "peer=");
                key = tl_writer_take(&writer, TL_BASE64_LEN(TL_CONF_KEY_LEN));
                if (key)
                        tl_base64_encode(key, request->peer, TL_CONF_KEY_LEN);
                tl_writer_add(&writer, "\n");
        }
        tl_writer_add(&writer, "\n");
        WG_ASSERT(!writer.is_cut);
        return writer.len;
}

/* ---- writing blocks ---- */

void tl_control_begin(struct tl_writer *writer)
{
        tl_control_add_number(writer, TL_CONTROL_NUMBER_VERSION, TL_CONTROL_VERSION);
}

void tl_control_add_text(struct tl_writer *writer, const char *key, const char *value)
{
        tl_writer_add(writer, "%s=", key);
        for (; *value; value++)
                tl_writer_add(writer, "%c", *value < 0x20 || *value > 0x7e ? '?' : *value);
        tl_writer_add(writer, "\n");
}

void tl_control_add_number(struct tl_writer *writer, enum tl_control_number key, uint64_t value)
{
        tl_writer_add(writer, "%s=%" PRIu64 "\n", tl_control_number_name(key), value);
}

void tl_control_end_block(struct tl_writer *writer)
{
        tl_writer_add(writer, "\n");
}

void tl_control_end_reply(struct tl_writer *writer, int errnum)
{
        tl_writer_add(writer, "errno=%d\n\n", errnum);
}

void tl_control_refuse(struct tl_writer *writer, const struct tl_conf_error *error)
{
        tl_control_begin(writer);
        tl_control_add_text(writer, "error", error->message);
        tl_control_add_number(writer, TL_CONTROL_NUMBER_LINE, error->line);
        tl_control_end_reply(writer, error->errnum);
}

/* ---- reading blocks ---- */

size_t tl_control_block_len(struct tl_text text)
{
        for (size_t i = 1; i < text.len; i++)
                if (text.at[i - 1] == '\n' && text.at[i] == '\n')
                        return i + 1;
        return 0;
}

static bool read_pair(struct tl_control_block *block, const struct tl_keyvalue_reader *reader,
                      struct tl_text line)
{
        struct tl_keyvalue *pair = &block->pairs[block->count];
        const char *mistake;
        size_t column;

        if (block->is_last)
                return tl_keyvalue_fail(reader, 1, "errno must be the last key");
        if (tl_keyvalue_is_errno(line)) {
                block->is_last = true;
                return tl_keyvalue_read_errno(reader, line, &block->errnum);
        }
        if (block->count == TL_CONTROL_PAIRS_MAX)
                return tl_keyvalue_fail(reader, 1, "too many keys");
        mistake = tl_keyvalue_read(line, pair, &column);
        if (mistake)
                return tl_keyvalue_fail(reader, column, mistake);
        if (tl_text_is(pair->key, "payload_bytes") || tl_text_is(pair->key, "descriptors"))
                return tl_keyvalue_fail(reader, 1, "this block carries more than text");
        for (size_t i = 0; i < block->count; i++)
                if (tl_text_is_same(block->pairs[i].key, pair->key))
                        return tl_keyvalue_fail(reader, 1, "repeated key");
        block->count++;
        return true;
}

bool tl_control_read_block(struct tl_control_block *block, struct tl_text text,
                           struct tl_conf_error *error)
{
        struct tl_keyvalue_reader reader = {.rest = text, .error = error};
        struct tl_text line;

        block->is_last = false;
        block->errnum = 0;
        block->count = 0;
        if (tl_control_block_len(text) != text.len || !text.len)
                return tl_keyvalue_fail(&reader, 1, "a block must end with a blank line");
        while (reader.rest.len > 1)
                if (!tl_keyvalue_next(&reader, &line) || !read_pair(block, &reader, line))
                        return false;
        return true;
}

struct tl_text tl_control_find(const struct tl_control_block *block, const char *key)
{
        for (size_t i = 0; i < block->count; i++)
                if (tl_text_is(block->pairs[i].key, key))
                        return block->pairs[i].value;
        return (struct tl_text){"", 0};
}

/* Whether a value stands in JSON without quotes. */
static bool is_bare(const struct tl_keyvalue *pair)
{
        uint64_t number;

        if (tl_text_is(pair->key, "idle"))
                return tl_keyvalue_is_flag(pair->value);
        return wg_enum_by_name(&tl_control_number_enum, pair->key.at, pair->key.len) &&
               tl_text_to_number64(pair->value, &number);
}

size_t tl_control_as_json(const struct tl_control_block *block, char out[TL_CONTROL_JSON_MAX])
{
        struct tl_writer writer;

        tl_writer_init(&writer, out, TL_CONTROL_JSON_MAX);
        tl_writer_add(&writer, "{");
        for (size_t i = 0; i < block->count; i++) {
                tl_writer_add(&writer, i ? ", " : "");
                tl_keyvalue_json(&writer, &block->pairs[i], is_bare(&block->pairs[i]));
        }
        tl_writer_add(&writer, "}\n");
        WG_ASSERT(!writer.is_cut);
        return writer.len;
}
