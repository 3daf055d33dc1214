/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * control.h - the control protocol: operations on a running tielined, over its status socket.
 *
 * A request is the line `control=1`, which names the version, `operation=NAME`, options as
 * key=value, and a blank line. A reply is one block or, if the operation is a stream, a series of
 * blocks; a block ends with a blank line. The first block begins with `control=1`, and the last
 * one has `errno=N`. doc/control.md describes the protocol for users.
 *
 * Requests of the status protocol (conf/status.h) arrive on the same socket, so this parser reads
 * both. Every request that does not begin with `control=`, even an invalid one, belongs to the
 * status protocol. A daemon that only has that one refuses `control=1` in a way that clients
 * recognise.
 * Threads: one owner at a time. */
#ifndef CONF_CONTROL_H
#define CONF_CONTROL_H

#include "conf/change.h"
#include "conf/keyvalue.h"
#include "conf/status.h"

/* Changes if a client or daemon that ignores unknown keys could misunderstand the other one. */
#define TL_CONTROL_VERSION 1

#define TL_CONTROL_OPERATIONS(X) \
        X(TL_CONTROL_DESCRIBE, 1, version, "list versions, operations and options") \
        X(TL_CONTROL_EVENTS, 2, events, "report events as they happen")
WG_ENUM_DECLARE(tl_control_operation, TL_CONTROL_OPERATIONS)

#define TL_CONTROL_OPTIONS(X) \
        X(TL_CONTROL_OPTION_PEER, 1, peer, "peer must be a public key in base64")
WG_FLAGS_DECLARE(tl_control_option, TL_CONTROL_OPTIONS)

/* The users that may use an operation. They must also be able to connect. */
#define TL_CONTROL_PERMISSIONS(X) \
        X(TL_CONTROL_FOR_ALL, 0, all, "all users") \
        X(TL_CONTROL_FOR_ROOT, 1, root, "root")
WG_ENUM_DECLARE(tl_control_permission, TL_CONTROL_PERMISSIONS)

struct tl_control_rule {
        enum tl_control_permission permission;
        uint32_t options; /* enum tl_control_option that it has */
};

/* The rule of an operation. */
struct tl_control_rule tl_control_rule(enum tl_control_operation operation);

/* ---- requests ---- */

struct tl_control_request {
        enum tl_control_operation operation;
        uint32_t options;              /* set of enum tl_control_option */
        uint8_t peer[TL_CONF_KEY_LEN]; /* with TL_CONTROL_OPTION_PEER */
};

#define TL_CONTROL_STEPS(X) \
        X(TL_CONTROL_MORE, 0, more, "the request is incomplete") \
        X(TL_CONTROL_REQUEST, 1, request, "a request of this protocol") \
        X(TL_CONTROL_MISTAKE, 2, mistake, "an invalid request of this protocol") \
        X(TL_CONTROL_STATUS, 3, status, "a request of the status protocol") \
        X(TL_CONTROL_STATUS_MISTAKE, 4, status_mistake, "an invalid request of the status protocol")
WG_ENUM_DECLARE(tl_control_step, TL_CONTROL_STEPS)

enum { TL_CONTROL_LINE_MAX = 255 };

/* The parser of one connection. Zeroed memory is a parser that has read nothing. */
struct tl_control_parser {
        struct tl_control_request request; /* readable after TL_CONTROL_REQUEST */
        struct tl_conf_error error;        /* readable after both kinds of mistake; for the status
                                            * protocol, only errnum is set */
        struct tl_status_parser status; /* reads the same bytes, and finds the end of a request */
        bool is_control;                /* the first line begins with `control=` */
        bool has_operation;
        uint32_t line_number;
        uint32_t line_len; /* of the incomplete line, which is stored up to TL_CONTROL_LINE_MAX */
        char line[TL_CONTROL_LINE_MAX];
};

/* Takes bytes up to the end of a request, *used of them (all for TL_CONTROL_MORE). Call it
 * again with the rest. */
enum tl_control_step tl_control_parser_feed(struct tl_control_parser *parser, const char *bytes,
                                            size_t len, size_t *used) WG_MUST_USE;

enum { TL_CONTROL_REQUEST_MAX = 128 };

/* Writes a request, terminated. Returns its length. */
size_t tl_control_format_request(const struct tl_control_request *request,
                                 char out[TL_CONTROL_REQUEST_MAX]);

/* ---- blocks ---- */

/* Begins the first block of a reply. */
void tl_control_begin(struct tl_writer *writer);

/* The keys whose values are numbers. `idle` is a flag, and all others have texts. */
#define TL_CONTROL_NUMBERS(X) \
        X(TL_CONTROL_NUMBER_VERSION, 0, control, "version of the protocol") \
        X(TL_CONTROL_NUMBER_LINE, 1, line, "line of a mistake") \
        X(TL_CONTROL_NUMBER_IDLE, 2, idle_s, "the longest silence of a stream") \
        X(TL_CONTROL_NUMBER_TIME, 3, time_us, "when it happened") \
        X(TL_CONTROL_NUMBER_ATTEMPT, 4, attempt, "initiations sent") \
        X(TL_CONTROL_NUMBER_DROPPED, 5, dropped, "packets dropped") \
        X(TL_CONTROL_NUMBER_LOST, 6, lost, "events that came too fast for the reader")
WG_ENUM_DECLARE(tl_control_number, TL_CONTROL_NUMBERS)

/* Append a line. The text must have 1 to 200 characters; '?' replaces those that are not printable
 * ASCII. */
void tl_control_add_text(struct tl_writer *writer, const char *key, const char *value);
void tl_control_add_number(struct tl_writer *writer, enum tl_control_number key, uint64_t value);

/* End a block: one of a stream, or the last one of a reply, with errno. errnum is 0 or a positive
 * errno. */
void tl_control_end_block(struct tl_writer *writer);
void tl_control_end_reply(struct tl_writer *writer, int errnum);

/* Writes the whole reply to an invalid request. */
void tl_control_refuse(struct tl_writer *writer, const struct tl_conf_error *error);

enum { TL_CONTROL_BLOCK_MAX = 4096, TL_CONTROL_PAIRS_MAX = 32 };

struct tl_control_block {
        bool is_last;
        int errnum; /* of the last block: 0 or positive */
        size_t count;
        struct tl_keyvalue pairs[TL_CONTROL_PAIRS_MAX]; /* without errno */
};

/* The length of the first block of a text, with its blank line; 0: it is incomplete. */
size_t tl_control_block_len(struct tl_text text) WG_MUST_USE;

/* Reads a block with its blank line. The text is borrowed. If it is invalid, returns false and sets
 * *error (EPROTO). So it does for a block that comes with more than text, for which the keys
 * payload_bytes and descriptors are reserved. */
bool tl_control_read_block(struct tl_control_block *block, struct tl_text text,
                           struct tl_conf_error *error) WG_MUST_USE;

/* The value of a key; empty if there is none. */
struct tl_text tl_control_find(const struct tl_control_block *block, const char *key) WG_MUST_USE;

enum { TL_CONTROL_JSON_MAX = 4 * TL_CONTROL_BLOCK_MAX };

/* Writes a block of at most TL_CONTROL_BLOCK_MAX bytes as one line of JSON, terminated: an object
 * with a member per key. The key determines the type: a text stays one even if it looks like a
 * number. Returns the length. */
size_t tl_control_as_json(const struct tl_control_block *block, char out[TL_CONTROL_JSON_MAX]);

#endif
