/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * verdict.h - the outcome for a packet or message. Every drop has a name, and a counter of that
 * name. */
#ifndef CORE_VERDICT_H
#define CORE_VERDICT_H

#include "base/enum.h"

#define WG_VERDICTS(X) \
        /* accepted */ \
        X(WG_VERDICT_SEALED, 0, sealed, "encrypted, ready to send") \
        X(WG_VERDICT_DATA, 1, data, "inner packet accepted") \
        X(WG_VERDICT_KEEPALIVE, 2, keepalive, "keepalive accepted") \
        X(WG_VERDICT_HANDSHAKE, 3, handshake, "handshake message, for the engine") \
        X(WG_VERDICT_HANDSHAKE_DONE, 4, handshake_done, "handshake message accepted") \
        X(WG_VERDICT_COOKIE_STORED, 5, cookie_stored, "cookie reply accepted") \
        X(WG_VERDICT_STAGED, 6, staged, "queued until there is a session") \
        X(WG_VERDICT_NO_SESSION, 7, no_session, \
          "for the engine: no session yet, or earlier packets wait") \
        /* outbound */ \
        X(WG_VERDICT_NOT_IP, 16, not_ip, "outbound packet is not IPv4 or IPv6, or truncated") \
        X(WG_VERDICT_NO_PEER, 17, no_peer, "no peer has the destination in its allowed IPs") \
        X(WG_VERDICT_NO_ENDPOINT, 18, no_endpoint, "the peer's endpoint is unknown") \
        X(WG_VERDICT_STAGED_FULL, 19, staged_full, "too many packets already wait for a session") \
        X(WG_VERDICT_GAVE_UP, 20, gave_up, "waited for a handshake that never completed") \
        X(WG_VERDICT_DOWN, 21, down, "the interface is down") \
        X(WG_VERDICT_NO_MEMORY, 22, no_memory, "out of memory") \
        X(WG_VERDICT_LOOP, 23, loop, "our own outer packet was routed into the tunnel") \
        /* inbound, any message */ \
        X(WG_VERDICT_MALFORMED, 32, malformed, "unknown message type, or wrong length") \
        X(WG_VERDICT_UNKNOWN_INDEX, 33, unknown_index, "no session or handshake has that index") \
        /* inbound, data */ \
        X(WG_VERDICT_KEY_EXPIRED, 40, key_expired, "the session key has expired") \
        X(WG_VERDICT_COUNTER_LIMIT, 41, counter_limit, \
          "the message counter has reached its limit") \
        X(WG_VERDICT_TAG_INVALID, 42, tag_invalid, "the authentication tag is invalid") \
        X(WG_VERDICT_REPLAYED, 43, replayed, "replayed, or older than the replay window") \
        X(WG_VERDICT_INNER_MALFORMED, 44, inner_malformed, "inner packet is not valid IP") \
        X(WG_VERDICT_SOURCE_REFUSED, 45, source_refused, \
          "inner source address does not belong to the peer") \
        /* inbound, handshakes */ \
        X(WG_VERDICT_NO_PRIVATE_KEY, 56, no_private_key, "the interface has no private key") \
        X(WG_VERDICT_MAC1_INVALID, 57, mac1_invalid, \
          "mac1 is invalid: not meant for our public key") \
        X(WG_VERDICT_COOKIE_DEMANDED, 58, cookie_demanded, "under load: answered with a cookie") \
        X(WG_VERDICT_RATE_LIMITED, 59, rate_limited, \
          "under load: the source exceeds its rate limit") \
        X(WG_VERDICT_QUEUE_FULL, 60, queue_full, "the handshake queue is full") \
        X(WG_VERDICT_HANDSHAKE_INVALID, 61, handshake_invalid, \
          "handshake message does not decrypt") \
        X(WG_VERDICT_UNKNOWN_PEER, 62, unknown_peer, "no peer has that public key") \
        X(WG_VERDICT_TIMESTAMP_REPLAYED, 63, timestamp_replayed, \
          "initiation is not newer than the last one") \
        X(WG_VERDICT_INITIATION_FLOOD, 64, initiation_flood, "initiations arrive too fast") \
        X(WG_VERDICT_UNEXPECTED, 65, unexpected, "unsolicited response or cookie reply") \
        X(WG_VERDICT_COOKIE_INVALID, 66, cookie_invalid, "cookie reply does not decrypt")

WG_ENUM_DECLARE(wg_verdict, WG_VERDICTS)

/* The size of an array indexed by verdict: the greatest value + 1. */
#define WG_VERDICT_END 67

#endif
