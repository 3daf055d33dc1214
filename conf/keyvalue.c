/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/keyvalue.h"

#include <errno.h>
#include <string.h>

#define ERRNO_KEY "errno="

enum { KEY_MAX = 40, VALUE_MAX = 200 };

static bool is_key(struct tl_text text)
{
        if (!text.len || text.len > KEY_MAX || text.at[0] < 'a' || text.at[0] > 'z')
                return false;
        for (size_t i = 1; i < text.len; i++)
                if (!((text.at[i] >= 'a' && text.at[i] <= 'z') ||
                      (text.at[i] >= '0' && text.at[i] <= '9') || text.at[i] == '_'))
                        return false;
        return true;
}

/* No control sequence may reach a terminal. */
static bool is_printable(struct tl_text text)
{
        for (size_t i = 0; i < text.len; i++)
                if (text.at[i] < 0x20 || text.at[i] > 0x7e)
                        return false;
        return text.len > 0 && text.len <= VALUE_MAX;
}

const char *tl_keyvalue_read(struct tl_text line, struct tl_keyvalue *pair, size_t *column)
{
        size_t equals = tl_text_find(line, '=');

        *column = 1;
        if (equals == line.len)
                return "expected key=value";
        pair->key = tl_text_head(line, equals);
        pair->value = tl_text_tail(line, equals + 1);
        if (!is_key(pair->key))
                return "a key must be 1 to 40 characters from a-z, 0-9 and _";
        *column = equals + 2;
        if (!is_printable(pair->value))
                return "a value must be 1 to 200 printable ASCII characters";
        return NULL;
}

bool tl_keyvalue_fail(const struct tl_keyvalue_reader *reader, size_t column, const char *message)
{
        *reader->error = (struct tl_conf_error){
                .errnum = EPROTO,
                .line = reader->line,
                .column = (uint32_t)column,
                .message = message,
        };
        return false;
}

bool tl_keyvalue_next(struct tl_keyvalue_reader *reader, struct tl_text *line)
{
        size_t newline = tl_text_find(reader->rest, '\n');

        reader->line++;
        if (newline == reader->rest.len)
                return tl_keyvalue_fail(reader, newline + 1, "the reply is cut off");
        *line = tl_text_head(reader->rest, newline);
        reader->rest = tl_text_tail(reader->rest, newline + 1);
        return true;
}

bool tl_keyvalue_is_errno(struct tl_text line)
{
        return tl_text_begins_with(line, ERRNO_KEY);
}

bool tl_keyvalue_read_errno(const struct tl_keyvalue_reader *reader, struct tl_text line,
                            int *errnum)
{
        uint64_t number;

        if (!tl_text_to_number64(tl_text_tail(line, strlen(ERRNO_KEY)), &number) ||
            number > INT32_MAX)
                return tl_keyvalue_fail(reader, strlen(ERRNO_KEY) + 1, "errno must be a number");
        *errnum = (int)number;
        return true;
}

bool tl_keyvalue_is_flag(struct tl_text value)
{
        return tl_text_is(value, "true") || tl_text_is(value, "false");
}

/* All characters are printable: only two need a backslash. */
void tl_keyvalue_json_string(struct tl_writer *writer, struct tl_text text)
{
        tl_writer_add(writer, "\"");
        for (size_t i = 0; i < text.len; i++)
                tl_writer_add(writer, text.at[i] == '"' || text.at[i] == '\\' ? "\\%c" : "%c",
                              text.at[i]);
        tl_writer_add(writer, "\"");
}

void tl_keyvalue_json(struct tl_writer *writer, const struct tl_keyvalue *pair, bool is_bare)
{
        tl_keyvalue_json_string(writer, pair->key);
        tl_writer_add(writer, ": ");
        if (is_bare)
                tl_writer_add(writer, "%.*s", (int)pair->value.len, pair->value.at);
        else
                tl_keyvalue_json_string(writer, pair->value);
}
