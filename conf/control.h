/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * control.h - the control protocol: operations on a running tielined, over its status socket.
 *
 * A request is the line `control=1`, which names the version, `operation=NAME`, options as
 * key=value, and a blank line. A reply is one block or, if the operation is a stream, a series of
 * blocks; a block ends with a blank line. The first block begins with `control=1`, and the last
 * one has `errno=N`. doc/control.md describes the protocol for users.
 *
 * Requests of the status protocol (conf/status.h) arrive on the same socket, so this parser takes
 * both: whatever does not begin with `control=` is left to that protocol, as before there was
 * this one. An old daemon therefore refuses `control=1` in a way that a client recognises.
 * Threads: one owner at a time. */
#ifndef CONF_CONTROL_H
#define CONF_CONTROL_H

#include "conf/change.h"
#include "conf/keyvalue.h"
#include "conf/status.h"

/* Changes when a client or daemon that ignores unknown keys could misunderstand the other. */
#define TL_CONTROL_VERSION 1

#define TL_CONTROL_OPERATIONS(X) \
        X(TL_CONTROL_DESCRIBE, 1, version, \
          "tell which versions, operations and options there are") \
        X(TL_CONTROL_EVENTS, 2, events, "tell what happens, when it happens")
WG_ENUM_DECLARE(tl_control_operation, TL_CONTROL_OPERATIONS)

#define TL_CONTROL_OPTIONS(X) \
        X(TL_CONTROL_OPTION_PEER, 1, peer, "peer must be a public key in base64")
WG_FLAGS_DECLARE(tl_control_option, TL_CONTROL_OPTIONS)

/* Who may use an operation, besides being able to connect. */
#define TL_CONTROL_PERMISSIONS(X) \
        X(TL_CONTROL_FOR_ALL, 0, all, "everybody who can connect") \
        X(TL_CONTROL_FOR_ROOT, 1, root, "root")
WG_ENUM_DECLARE(tl_control_permission, TL_CONTROL_PERMISSIONS)

struct tl_control_rule {
        enum tl_control_permission permission;
        uint32_t options; /* enum tl_control_option that it takes */
};

/* The rule of an operation. */
struct tl_control_rule tl_control_rule(enum tl_control_operation operation);

/* ---- requests ---- */

struct tl_control_request {
        enum tl_control_operation operation;
        uint32_t options;              /* enum tl_control_option that were given */
        uint8_t peer[TL_CONF_KEY_LEN]; /* with TL_CONTROL_OPTION_PEER */
};

#define TL_CONTROL_STEPS(X) \
        X(TL_CONTROL_MORE, 0, more, "the request is not complete yet") \
        X(TL_CONTROL_REQUEST, 1, request, "a request of this protocol") \
        X(TL_CONTROL_MISTAKE, 2, mistake, "a request of this protocol with a mistake") \
        X(TL_CONTROL_STATUS, 3, status, "a request of the status protocol") \
        X(TL_CONTROL_STATUS_MISTAKE, 4, status_mistake, "a wrong request of the status protocol")
WG_ENUM_DECLARE(tl_control_step, TL_CONTROL_STEPS)

enum { TL_CONTROL_LINE_MAX = 255 };

/* One connection's parser. Zeroed memory is one that has read nothing. */
struct tl_control_parser {
        struct tl_control_request request; /* readable after TL_CONTROL_REQUEST */
        struct tl_conf_error error;        /* readable after either kind of mistake; of the status
                                            * protocol only errnum */
        struct tl_status_parser status;    /* reads the same bytes, and finds the end */
        bool is_control;                   /* the first line begins with `control=` */
        bool has_operation;
        uint32_t line_number;
        uint32_t line_len; /* of the unfinished line; stored up to TL_CONTROL_LINE_MAX */
        char line[TL_CONTROL_LINE_MAX];
};

/* Takes bytes up to the end of a request, *used of them (all if it returns TL_CONTROL_MORE). Call
 * it again with the rest. */
enum tl_control_step tl_control_parser_feed(struct tl_control_parser *parser, const char *bytes,
                                            size_t len, size_t *used) WG_MUST_USE;

/* Writes a request, terminated, into at least TL_CONTROL_REQUEST_MAX bytes. Returns its length. */
enum { TL_CONTROL_REQUEST_MAX = 128 };
size_t tl_control_format_request(const struct tl_control_request *request,
                                 char out[TL_CONTROL_REQUEST_MAX]);

/* ---- blocks ---- */

/* Begins the first block of a reply. */
void tl_control_begin(struct tl_writer *writer);

/* Appends a line. A character that a value cannot have is replaced by '?'. */
void tl_control_text(struct tl_writer *writer, const char *key, const char *value);
void tl_control_number(struct tl_writer *writer, const char *key, uint64_t value);

/* Ends a block, and with it the reply: errnum is 0 or a positive errno. Other blocks of a stream
 * end with tl_control_end_block(). */
void tl_control_end_block(struct tl_writer *writer);
void tl_control_end_reply(struct tl_writer *writer, int errnum);

/* Writes the whole reply to a request with a mistake. */
void tl_control_refuse(struct tl_writer *writer, const struct tl_conf_error *error);

enum { TL_CONTROL_BLOCK_MAX = 4096, TL_CONTROL_PAIRS_MAX = 32 };

struct tl_control_block {
        bool is_last;
        int errnum; /* of the last block: 0 or positive */
        size_t count;
        struct tl_keyvalue pairs[TL_CONTROL_PAIRS_MAX]; /* without errno */
};

/* The length of the first block of a text, with its blank line; 0: it is not complete. */
size_t tl_control_block_len(struct tl_text text) WG_MUST_USE;

/* Reads a block with its blank line. The text is borrowed. Returns false, and sets only *error
 * (EPROTO), if it is none, or if more than text belongs to it: the keys payload_bytes and
 * descriptors are reserved for that. */
bool tl_control_read_block(struct tl_control_block *block, struct tl_text text,
                           struct tl_conf_error *error) WG_MUST_USE;

/* The value of a key; empty if there is none. */
struct tl_text tl_control_find(const struct tl_control_block *block, const char *key) WG_MUST_USE;

/* Writes a block as one line of JSON, an object with a member per key. What looks like a number
 * or a flag becomes one. Returns its length. */
enum { TL_CONTROL_JSON_MAX = 4 * TL_CONTROL_BLOCK_MAX };
size_t tl_control_as_json(const struct tl_control_block *block, char out[TL_CONTROL_JSON_MAX]);

#endif
