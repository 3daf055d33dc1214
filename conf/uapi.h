/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * uapi.h - the cross-platform WireGuard configuration protocol, as bytes on a stream.
 *
 * A request is `set=1` or `get=1`, lines of key=value, and a blank line; doc/uapi.md tells it to
 * users. The parser takes the bytes in whatever pieces a socket yields. A request with a mistake is
 * read to its blank line all the same, so that the next one on the connection is understood; of it
 * nothing remains but its first mistake:
 *
 *     EPROTO  the first line is neither set=1 nor get=1; a line without '='; a line of more than
 *             TL_UAPI_LINE_MAX bytes; a NUL byte
 *     EINVAL  anything after get=1; an unknown key, also one of the device after the first
 *             public_key or one of a peer before it; a key twice for one device or peer
 *             (allowed_ip and public_key may come again); a value that is not what its key
 *             wants; replace_allowed_ips after an allowed_ip of the same peer
 *     ENOMEM  no memory for the request
 *
 * Source: wireguard.com/xplatform, "Cross-platform Userspace Implementation".
 * Threads: one owner at a time. */
#ifndef CONF_UAPI_H
#define CONF_UAPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/enum.h"
#include "conf/change.h"
#include "conf/error.h"

#define TL_UAPI_LINE_MAX 255 /* bytes of a line without its newline; the longest useful has 78 */

/* What the bytes so far amount to. */
#define TL_UAPI_EVENTS(X) \
        X(TL_UAPI_MORE, 0, more, "the request is not whole yet") \
        X(TL_UAPI_SET, 1, set, "a request to change the device") \
        X(TL_UAPI_GET, 2, get, "a request to tell the device") \
        X(TL_UAPI_ERROR, 3, error, "a request with a mistake")
WG_ENUM_DECLARE(tl_uapi_event, TL_UAPI_EVENTS)

/* What a request wants done; UNKNOWN until its first line is whole, and where that is wrong. */
#define TL_UAPI_OPERATIONS(X) \
        X(TL_UAPI_OPERATION_UNKNOWN, 0, unknown, "no operation") \
        X(TL_UAPI_OPERATION_SET, 1, set, "change the device") \
        X(TL_UAPI_OPERATION_GET, 2, get, "tell the device")
WG_ENUM_DECLARE(tl_uapi_operation, TL_UAPI_OPERATIONS)

/* One connection's parser. The fields are its own, but for the two that are said to be readable. */
struct tl_uapi_parser {
        enum tl_uapi_operation operation; /* readable: of the request that just ended, or began */
        struct tl_conf_error error;       /* readable after TL_UAPI_ERROR */
        struct tl_change device;          /* the request so far */
        uint32_t seen;                    /* keys that this device or peer was given */
        uint32_t line_number;
        uint32_t line_len; /* bytes of the unfinished line; stored only until a mistake */
        bool is_over;      /* the next byte begins a request */
        char line[TL_UAPI_LINE_MAX];
};

void tl_uapi_parser_init(struct tl_uapi_parser *parser);

/* Wipes and frees. */
void tl_uapi_parser_done(struct tl_uapi_parser *parser);

/* Whether a request has begun and not ended: a stream that ends now was cut. */
bool tl_uapi_parser_is_inside(const struct tl_uapi_parser *parser) WG_MUST_USE;

/* Takes bytes up to the end of a request, *used of them (all where it returns TL_UAPI_MORE); call
 * it again with the rest. At TL_UAPI_SET the request is moved into *device, which must have been
 * initialised and be empty, and which the caller is to free; otherwise *device is untouched. At
 * TL_UAPI_ERROR parser->error tells the mistake. The caller wipes the bytes: they may hold keys. */
enum tl_uapi_event tl_uapi_parser_feed(struct tl_uapi_parser *parser, const char *bytes, size_t len,
                                       size_t *used, struct tl_change *device) WG_MUST_USE;

#define TL_UAPI_ERRNO_SIZE 24

/* Writes the line and the blank line that end a reply; errnum is 0 or a positive errno. The reply to
 * get=1 tells it positive and every other one negative, which is how wg(8) reads them. The text is
 * terminated. Returns its length. */
size_t tl_uapi_format_errno(char out[TL_UAPI_ERRNO_SIZE], enum tl_uapi_operation operation,
                            int errnum);

/* What get=1 tells of a device. */
struct tl_uapi_device_status {
        uint8_t private_key[TL_CONF_KEY_LEN];
        bool has_private_key;
        uint16_t listen_port; /* 0: not told */
        uint32_t fwmark;      /* 0: not told */
};

/* What get=1 tells of a peer, but for its allowed IPs. */
struct tl_uapi_peer_status {
        uint8_t public_key[TL_CONF_KEY_LEN];
        uint8_t preshared_key[TL_CONF_KEY_LEN]; /* zeros: none */
        struct wg_endpoint endpoint;            /* family NONE: not told */
        uint64_t last_handshake_s;              /* since 1970, UTC; 0: never */
        uint32_t last_handshake_ns;             /* below 10^9 */
        uint16_t persistent_keepalive_s;        /* 0: off */
        uint64_t tx_bytes, rx_bytes;
};

/* Where the writer gets its facts from, each when there is room for it. */
struct tl_uapi_source {
        void *ctx;

        /* Tells the device. Called once, first. */
        void (*device)(void *ctx, struct tl_uapi_device_status *status);

        /* Tells the next peer; false after the last one. */
        bool (*next_peer)(void *ctx, struct tl_uapi_peer_status *status);

        /* Tells the next allowed IP of the peer told last; false after its last one. */
        bool (*next_allowed_ip)(void *ctx, struct wg_prefix *prefix);
};

/* What the writer writes next. */
#define TL_UAPI_WRITER_STATES(X) \
        X(TL_UAPI_WRITER_DEVICE, 0, device, "the device") \
        X(TL_UAPI_WRITER_PEER, 1, peer, "a peer") \
        X(TL_UAPI_WRITER_ALLOWED_IP, 2, allowed_ip, "an allowed IP of the last peer") \
        X(TL_UAPI_WRITER_END, 3, end, "errno=0 and the blank line") \
        X(TL_UAPI_WRITER_OVER, 4, over, "nothing more")
WG_ENUM_DECLARE(tl_uapi_writer_state, TL_UAPI_WRITER_STATES)

#define TL_UAPI_CHUNK_MIN 512

/* Writes one reply to get=1 in chunks. */
struct tl_uapi_writer {
        const struct tl_uapi_source *source;
        enum tl_uapi_writer_state state;
};

/* The source is borrowed until the reply is written. */
void tl_uapi_writer_init(struct tl_uapi_writer *writer, const struct tl_uapi_source *source);

/* Writes as many whole lines as fit; size is at least TL_UAPI_CHUNK_MIN. Returns their length, not
 * terminated; 0 once the reply, with errno=0 and its blank line, is written. The caller wipes them
 * after sending: they hold keys. */
size_t tl_uapi_writer_fill(struct tl_uapi_writer *writer, char *out, size_t size) WG_MUST_USE;

#endif
