/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * keyvalue.h - lines of key=value in replies. Reading is strict, because a terminal shows replies
 * and their sender is not trusted.
 * Source of JSON: RFC 8259.
 * Threads: pure functions of their arguments. */
#ifndef CONF_KEYVALUE_H
#define CONF_KEYVALUE_H

#include "conf/error.h"
#include "conf/text.h"
#include "conf/writer.h"

struct tl_keyvalue {
        struct tl_text key, value; /* borrowed from the line */
};

/* Reads a line without its newline: a key of 1 to 40 bytes of a-z, 0-9 and _, '=', and a value of 1
 * to 200 printable ASCII bytes. Returns NULL, or a message that says what is wrong, with its place
 * in *column, from 1. */
const char *tl_keyvalue_read(struct tl_text line, struct tl_keyvalue *pair,
                             size_t *column) WG_MUST_USE;

/* A place in a reply. Functions with a reader that fail set *reader->error, with EPROTO. */
struct tl_keyvalue_reader {
        struct tl_text rest; /* the lines to come */
        uint32_t line;       /* number of the line that was read last */
        struct tl_conf_error *error;
};

/* Fails at a column of the line that was read last. Returns false. */
bool tl_keyvalue_fail(const struct tl_keyvalue_reader *reader, size_t column, const char *message);

/* Reads a line, and removes its newline. */
bool tl_keyvalue_next(struct tl_keyvalue_reader *reader, struct tl_text *line) WG_MUST_USE;

/* Whether a line is that of errno, the last key; and reads its number, 0 or positive. */
bool tl_keyvalue_is_errno(struct tl_text line) WG_MUST_USE;
bool tl_keyvalue_read_errno(const struct tl_keyvalue_reader *reader, struct tl_text line,
                            int *errnum) WG_MUST_USE;

/* Whether a value is true or false. */
bool tl_keyvalue_is_flag(struct tl_text value) WG_MUST_USE;

/* Append a JSON string, and a member `"key": value`, where the value is bare or a string. */
void tl_keyvalue_json_string(struct tl_writer *writer, struct tl_text text);
void tl_keyvalue_json(struct tl_writer *writer, const struct tl_keyvalue *pair, bool is_bare);

#endif
