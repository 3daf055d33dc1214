/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * flow.h - the notation of one connection: "SRC -> DST[:PORT[/udp]]".
 *
 * SRC and DST are names of the network file or IP addresses; an IPv6 address with a port is in
 * brackets. Without a port, the flow is a ping. With one, it is TCP unless it ends in /udp.
 * Expectations may begin with "not".
 * Threads: pure functions of their arguments. */
#ifndef CONF_FLOW_H
#define CONF_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/ip.h"
#include "conf/text.h"

/* The text of a flow; both ends are borrowed from it. */
struct tl_flow {
        struct tl_text from, to; /* not empty; without brackets */
        uint8_t protocol;        /* WG_PROTOCOL_ICMP (also for ICMPv6), _TCP or _UDP */
        uint16_t port;           /* 0 for a ping */
        bool is_negated;         /* begins with "not" */
        struct wg_ip as;         /* the source address that packets claim, if somebody supposes
                                  * that; the text has none. Family NONE: their own */
};

/* Reads a flow. Returns NULL; or a message that says what is wrong and what would be right, with
 * the offset of the offending part in *offset. */
const char *tl_flow_parse(struct tl_text text, struct tl_flow *flow, size_t *offset) WG_MUST_USE;

#endif
