/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * echo.h - packets that a machine sends to itself through a router, to find out what the router
 * does with them: UDP, and TCP segments of a connection that nobody has opened. Packets begin after
 * the Ethernet header.
 *
 * Each packet has a tag of 64 bits, by which it is recognised whatever a router has changed in its
 * addresses and ports: in the payload of UDP, in the sequence numbers of TCP.
 *
 * Threads: pure functions of their arguments.
 * Source: RFC 768, RFC 9293; RFC 792 and RFC 4861 8 (redirects). */
#ifndef IO_ECHO_H
#define IO_ECHO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/enum.h"
#include "base/ip.h"

enum { TL_ECHO_SIZE = 64 /* of the longest packet */ };

/* A firewall that tracks connections lets a datagram begin one, but it may call the segments
 * invalid. Linux calls SYN_ACK so, and ACK only if it is told not to pick up connections. */
#define TL_ECHOES(X) \
        X(TL_ECHO_UDP, 0, udp, "a datagram") \
        X(TL_ECHO_ACK, 1, ack, "a segment in the middle of a TCP connection") \
        X(TL_ECHO_SYN_ACK, 2, syn_ack, "the answer to the beginning of a TCP connection")
WG_ENUM_DECLARE(tl_echo_kind, TL_ECHOES)

struct tl_echo {
        enum tl_echo_kind kind;
        struct wg_ip from, to; /* of one family */
        uint16_t from_port, to_port;
        uint8_t hop_limit;
        uint64_t tag;
};

/* Composes a packet. Returns its length. */
size_t tl_echo_compose(uint8_t packet[TL_ECHO_SIZE], const struct tl_echo *echo);

/* What a router says about a packet. */
struct tl_echo_redirect {
        struct wg_ip to;  /* the destination of that packet */
        struct wg_ip via; /* whom to send it to instead */
};

/* Reads a packet of that family as an echo; its tag and kind are not known to be ours. Returns
 * false if it is malformed, a fragment, or something else. */
bool tl_echo_read(struct tl_echo *echo, uint8_t family, const uint8_t *packet,
                  size_t len) WG_MUST_USE;

/* The same for a redirect. */
bool tl_echo_read_redirect(struct tl_echo_redirect *redirect, uint8_t family, const uint8_t *packet,
                           size_t len) WG_MUST_USE;

#endif
