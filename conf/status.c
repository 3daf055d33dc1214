/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/status.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "conf/keyvalue.h"

WG_ENUM_DEFINE(tl_status_section, TL_STATUS_SECTIONS)
WG_ENUM_DEFINE(tl_status_kind, TL_STATUS_KINDS)
WG_ENUM_DEFINE(tl_status_event, TL_STATUS_EVENTS)

#define INFO(constant, section, kind, name, text) \
        [constant] = {#name, text, TL_STATUS_SECTION_##section, TL_STATUS_##kind},

const struct tl_status_key_info tl_status_keys[TL_STATUS_KEY_COUNT] = {TL_STATUS_KEYS(INFO)};

static const char VERSION[] = "version=1";

/* ---- requests ---- */

static const char FIRST_LINE[] = "get=1";

enum { FIRST_LINE_LEN = sizeof(FIRST_LINE) - 1 };

static void take_byte(struct tl_status_parser *parser, char byte)
{
        if (parser->line_len > FIRST_LINE_LEN)
                return;
        if (parser->line_len < FIRST_LINE_LEN && byte == FIRST_LINE[parser->line_len])
                parser->matched++;
        parser->line_len++;
}

static void end_line(struct tl_status_parser *parser)
{
        if (!parser->lines &&
            (parser->line_len != FIRST_LINE_LEN || parser->matched != FIRST_LINE_LEN))
                parser->errnum = EPROTO;
        else if (parser->lines && !parser->errnum)
                parser->errnum = EINVAL;
        parser->lines = (uint8_t)WG_MIN(parser->lines + 1, 2);
        parser->line_len = parser->matched = 0;
}

static enum tl_status_event end_request(struct tl_status_parser *parser)
{
        int errnum = parser->lines ? parser->errnum : EPROTO;

        *parser = (struct tl_status_parser){.errnum = errnum};
        return errnum ? TL_STATUS_MISTAKE : TL_STATUS_GET;
}

enum tl_status_event tl_status_parser_feed(struct tl_status_parser *parser, const char *bytes,
                                           size_t len, size_t *used)
{
        for (size_t i = 0; i < len; i++) {
                /* Until now, callers could read the mistake of the previous request. */
                if (!parser->lines && !parser->line_len)
                        parser->errnum = 0;
                if (bytes[i] != '\n') {
                        take_byte(parser, bytes[i]);
                } else if (parser->line_len) {
                        end_line(parser);
                } else {
                        *used = i + 1;
                        return end_request(parser);
                }
        }
        *used = len;
        return TL_STATUS_MORE;
}

/* ---- writing ---- */

void tl_status_writer_init(struct tl_writer *writer, char *out, size_t size)
{
        tl_writer_init(writer, out, size);
        tl_writer_add(writer, "%s\n", VERSION);
}

void tl_status_number(struct tl_writer *writer, enum tl_status_key key, uint64_t value)
{
        tl_writer_add(writer, "%s=%" PRIu64 "\n", tl_status_keys[key].name, value);
}

void tl_status_flag(struct tl_writer *writer, enum tl_status_key key, bool value)
{
        tl_status_text(writer, key, value ? "true" : "false");
}

void tl_status_text(struct tl_writer *writer, enum tl_status_key key, const char *value)
{
        tl_writer_add(writer, "%s=%s\n", tl_status_keys[key].name, value);
}

void tl_status_drops(struct tl_writer *writer, const char *verdict, uint64_t count)
{
        tl_writer_add(writer, TL_STATUS_DROP "%s=%" PRIu64 "\n", verdict, count);
}

size_t tl_status_writer_done(struct tl_writer *writer, int errnum)
{
        tl_writer_add(writer, "errno=%d\n\n", errnum);
        return writer->is_cut ? 0 : writer->len;
}

/* ---- reading ---- */

static const struct tl_status_key_info *find_key(struct tl_text name)
{
        for (size_t i = 0; i < TL_STATUS_KEY_COUNT; i++)
                if (tl_text_is(name, tl_status_keys[i].name))
                        return &tl_status_keys[i];
        return NULL;
}

static bool has_fact(const struct tl_status *status, struct tl_text name)
{
        for (size_t i = 0; i < status->count; i++)
                if (tl_text_is_same(status->facts[i].name, name))
                        return true;
        return false;
}

/* A known key and drops have a kind. The value of an unknown key may be of any kind. */
static bool is_as_its_kind(const struct tl_status_fact *fact)
{
        struct tl_text verdict;

        if (!fact->key)
                return fact->is_number || !tl_status_is_drop(fact, &verdict);
        switch (fact->key->kind) {
        case TL_STATUS_TEXT:
                return true;
        case TL_STATUS_FLAG:
                return tl_keyvalue_is_flag(fact->value);
        case TL_STATUS_COUNT:
        case TL_STATUS_LEVEL:
                return fact->is_number;
        }
        return false;
}

static bool read_fact(struct tl_status *status, const struct tl_keyvalue_reader *reader,
                      struct tl_text line)
{
        struct tl_status_fact *fact = &status->facts[status->count];
        struct tl_keyvalue pair;
        size_t column;
        const char *mistake = tl_keyvalue_read(line, &pair, &column);

        if (mistake)
                return tl_keyvalue_fail(reader, column, mistake);
        if (status->count == TL_STATUS_FACTS_MAX)
                return tl_keyvalue_fail(reader, 1, "too many keys");
        fact->name = pair.key;
        fact->value = pair.value;
        if (has_fact(status, fact->name))
                return tl_keyvalue_fail(reader, 1, "repeated key");
        fact->key = find_key(fact->name);
        fact->is_number = (!fact->key || fact->key->kind != TL_STATUS_TEXT) &&
                          tl_text_to_number64(fact->value, &fact->number);
        if (!is_as_its_kind(fact))
                return tl_keyvalue_fail(reader, column, "the value does not fit its key");
        status->count++;
        return true;
}

bool tl_status_is_whole(struct tl_text reply)
{
        return reply.len >= 2 && memcmp(reply.at + reply.len - 2, "\n\n", 2) == 0;
}

/* Reads the lines between the version and the blank line. */
static bool read_facts(struct tl_status *status, struct tl_keyvalue_reader *reader)
{
        struct tl_text line;

        for (;;) {
                if (!tl_keyvalue_next(reader, &line))
                        return false;
                if (tl_keyvalue_is_errno(line))
                        return tl_keyvalue_read_errno(reader, line, &status->errnum);
                if (!read_fact(status, reader, line))
                        return false;
        }
}

bool tl_status_read(struct tl_status *status, struct tl_text reply, struct tl_conf_error *error)
{
        struct tl_keyvalue_reader reader = {.rest = reply, .error = error};
        struct tl_text line;

        status->errnum = 0;
        status->count = 0;
        if (!tl_keyvalue_next(&reader, &line))
                return false;
        if (!tl_text_is(line, VERSION))
                return tl_keyvalue_fail(&reader, 1, "a reply must begin with version=1");
        if (!read_facts(status, &reader) || !tl_keyvalue_next(&reader, &line))
                return false;
        if (line.len || reader.rest.len)
                return tl_keyvalue_fail(&reader, 1, "a reply must end with errno and a blank line");
        return true;
}

const struct tl_status_fact *tl_status_find(const struct tl_status *status, enum tl_status_key key)
{
        for (size_t i = 0; i < status->count; i++)
                if (status->facts[i].key == &tl_status_keys[key])
                        return &status->facts[i];
        return NULL;
}

bool tl_status_is_drop(const struct tl_status_fact *fact, struct tl_text *verdict)
{
        if (!tl_text_begins_with(fact->name, TL_STATUS_DROP) ||
            tl_text_is(fact->name, TL_STATUS_DROP))
                return false;
        *verdict = tl_text_tail(fact->name, strlen(TL_STATUS_DROP));
        return true;
}
