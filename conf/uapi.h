/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * uapi.h - the cross-platform WireGuard configuration protocol, as bytes on a stream.
 *
 * A request is `set=1` or `get=1`, lines of key=value, and a blank line; doc/uapi.md describes it
 * for users. The parser takes the bytes in any pieces. It reads a request with a mistake up to
 * its blank line, so that it understands the next request on the connection, but keeps only the
 * first mistake:
 *
 *     EPROTO  the first line is neither set=1 nor get=1; a line without '='; a line of more than
 *             TL_UAPI_LINE_MAX bytes; a NUL byte
 *     EINVAL  anything after get=1; an unknown key; a device key after the first public_key, or a
 *             peer key before it; a key twice for one device or peer (except allowed_ip and
 *             public_key); an invalid value; replace_allowed_ips after an allowed_ip of the same
 *             peer
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

#define TL_UAPI_LINE_MAX 255 /* without the newline; the longest valid line has 78 bytes */

/* Results of the parser. */
#define TL_UAPI_EVENTS(X) \
        X(TL_UAPI_MORE, 0, more, "the request is incomplete") \
        X(TL_UAPI_SET, 1, set, "a request to change the device") \
        X(TL_UAPI_GET, 2, get, "a request for the configuration") \
        X(TL_UAPI_ERROR, 3, error, "an invalid request")
WG_ENUM_DECLARE(tl_uapi_event, TL_UAPI_EVENTS)

/* The kind of a request; UNKNOWN until its first line is complete, and if that is invalid. */
#define TL_UAPI_OPERATIONS(X) \
        X(TL_UAPI_OPERATION_UNKNOWN, 0, unknown, "no operation") \
        X(TL_UAPI_OPERATION_SET, 1, set, "change the device") \
        X(TL_UAPI_OPERATION_GET, 2, get, "report the configuration")
WG_ENUM_DECLARE(tl_uapi_operation, TL_UAPI_OPERATIONS)

/* The parser of one connection. Callers may read the two fields marked readable. */
struct tl_uapi_parser {
        enum tl_uapi_operation operation; /* readable: of the current or the last request */
        struct tl_conf_error error;       /* readable after TL_UAPI_ERROR */
        struct tl_change change;          /* the request so far */
        uint32_t seen;                    /* keys so far of this device or peer */
        uint32_t line_number;
        uint32_t line_len; /* of the incomplete line; after a mistake it is not stored */
        bool is_over;      /* the next byte begins a request */
        char line[TL_UAPI_LINE_MAX];
};

void tl_uapi_parser_init(struct tl_uapi_parser *parser);

/* Wipes and frees. */
void tl_uapi_parser_done(struct tl_uapi_parser *parser);

/* Whether a request is incomplete. If the stream ends now, it was cut off. */
bool tl_uapi_parser_is_inside(const struct tl_uapi_parser *parser) WG_MUST_USE;

/* Takes bytes up to the end of a request, *used of them (all for TL_UAPI_MORE). Call it again
 * with the rest. For TL_UAPI_SET, moves the request into *change, which must be initialised and
 * empty and which the caller frees; otherwise it does not touch *change. For TL_UAPI_ERROR,
 * parser->error has the mistake. The caller wipes the bytes, which may contain keys. */
enum tl_uapi_event tl_uapi_parser_feed(struct tl_uapi_parser *parser, const char *bytes, size_t len,
                                       size_t *used, struct tl_change *change) WG_MUST_USE;

#define TL_UAPI_ERRNO_SIZE 24

/* Writes the end of a reply, terminated: errno and a blank line. errnum is 0 or a positive errno,
 * which is positive in the reply to get=1 and negative in all others, as wg(8) expects. Returns the
 * length. */
size_t tl_uapi_format_errno(char out[TL_UAPI_ERRNO_SIZE], enum tl_uapi_operation operation,
                            int errnum);

/* The device, in the reply to get=1. */
struct tl_uapi_device_status {
        uint8_t private_key[TL_CONF_KEY_LEN];
        bool has_private_key;
        uint16_t listen_port; /* 0: omitted */
        uint32_t fwmark;      /* 0: omitted */
};

/* A peer, without its allowed IPs. */
struct tl_uapi_peer_status {
        uint8_t public_key[TL_CONF_KEY_LEN];
        uint8_t preshared_key[TL_CONF_KEY_LEN]; /* zeros: none */
        struct wg_endpoint endpoint;            /* family NONE: omitted */
        uint64_t last_handshake_s;              /* since 1970, UTC; 0: never */
        uint32_t last_handshake_ns;             /* below 10^9 */
        uint16_t persistent_keepalive_s;        /* 0: off */
        uint64_t tx_bytes, rx_bytes;
};

/* The source of a reply. The writer calls it when it has room. */
struct tl_uapi_source {
        void *ctx;

        /* Writes the device. Called once, first. */
        void (*device)(void *ctx, struct tl_uapi_device_status *status);

        /* Writes the next peer. False: there is none. */
        bool (*next_peer)(void *ctx, struct tl_uapi_peer_status *status);

        /* Writes the next allowed IP of the last peer. False: there is none. */
        bool (*next_allowed_ip)(void *ctx, struct wg_prefix *prefix);
};

/* The next part of the reply. */
#define TL_UAPI_WRITER_STATES(X) \
        X(TL_UAPI_WRITER_DEVICE, 0, device, "the device") \
        X(TL_UAPI_WRITER_PEER, 1, peer, "a peer") \
        X(TL_UAPI_WRITER_ALLOWED_IP, 2, allowed_ip, "an allowed IP of the last peer") \
        X(TL_UAPI_WRITER_END, 3, end, "errno=0 and the blank line") \
        X(TL_UAPI_WRITER_OVER, 4, over, "nothing more")
WG_ENUM_DECLARE(tl_uapi_writer_state, TL_UAPI_WRITER_STATES)

#define TL_UAPI_CHUNK_MIN 512

/* Writes a reply to get=1 in chunks. */
struct tl_uapi_writer {
        const struct tl_uapi_source *source;
        enum tl_uapi_writer_state state;
};

/* Borrows the source until the reply is complete. */
void tl_uapi_writer_init(struct tl_uapi_writer *writer, const struct tl_uapi_source *source);

/* Writes as many lines as fit into size bytes, at least TL_UAPI_CHUNK_MIN. Returns the length,
 * not terminated; 0: the reply, with errno=0 and its blank line, is complete. The caller wipes
 * the chunk after sending it, because it contains keys. */
size_t tl_uapi_writer_fill(struct tl_uapi_writer *writer, char *out, size_t size) WG_MUST_USE;

#endif
