/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * message.h - the layout of the four messages.
 * Source: WireGuard paper 5.4.2 to 5.4.7. All integers are little endian. */
#ifndef CORE_MESSAGE_H
#define CORE_MESSAGE_H

#include "base/bytes.h"
#include "base/enum.h"
#include "base/std.h"

/* The first four bytes of a message: a type and three zero bytes, read as one integer. */
#define WG_MESSAGE_TYPES(X) \
        X(WG_MESSAGE_INITIATION, 1, initiation, "handshake initiation") \
        X(WG_MESSAGE_RESPONSE, 2, response, "handshake response") \
        X(WG_MESSAGE_COOKIE, 3, cookie, "cookie reply") \
        X(WG_MESSAGE_DATA, 4, data, "transport data")
WG_ENUM_DECLARE(wg_message_type, WG_MESSAGE_TYPES)

/* Offsets and lengths in bytes. */
enum {
        WG_INITIATION_SENDER = 4,
        WG_INITIATION_EPHEMERAL = 8,
        WG_INITIATION_STATIC = 40,    /* 32 + tag */
        WG_INITIATION_TIMESTAMP = 88, /* 12 + tag */
        WG_INITIATION_MAC1 = 116,
        WG_INITIATION_LEN = 148,

        WG_RESPONSE_SENDER = 4,
        WG_RESPONSE_RECEIVER = 8,
        WG_RESPONSE_EPHEMERAL = 12,
        WG_RESPONSE_NOTHING = 44, /* a tag alone */
        WG_RESPONSE_MAC1 = 60,
        WG_RESPONSE_LEN = 92,

        WG_COOKIE_RECEIVER = 4,
        WG_COOKIE_NONCE = 8,
        WG_COOKIE_SEALED = 32, /* 16 + tag */
        WG_COOKIE_LEN = 64,

        WG_DATA_RECEIVER = 4,
        WG_DATA_COUNTER = 8,
        WG_DATA_TEXT = 16,
        WG_DATA_OVERHEAD = 32, /* header and tag: also the length of a keepalive */

        WG_MESSAGE_MAC_LEN = 16,
        WG_HANDSHAKE_LEN_MAX = WG_INITIATION_LEN,
};

/* Returns the type of a message; 0 if it is none of the four, or has the wrong length. */
static inline uint32_t wg_message_classify(const uint8_t *message, size_t len)
{
        uint32_t type = len >= 4 ? wg_le32_load(message) : 0;

        if (type == WG_MESSAGE_DATA)
                return len >= WG_DATA_OVERHEAD ? type : 0;
        if ((type == WG_MESSAGE_INITIATION && len == WG_INITIATION_LEN) ||
            (type == WG_MESSAGE_RESPONSE && len == WG_RESPONSE_LEN) ||
            (type == WG_MESSAGE_COOKIE && len == WG_COOKIE_LEN))
                return type;
        return 0;
}

#endif
