/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * probe.h - tries many connections from one machine at once: pings, TCP and UDP.
 *
 * Every probe has its own deadline. Pings and UDP datagrams are repeated until there is an answer;
 * TCP leaves that to the kernel, and starts over if it gives up early. A TCP server must say
 * something first, as those of lab/serve do.
 * Threads: the process has only one. Source: RFC 792, RFC 4443. */
#ifndef LAB_PROBE_H
#define LAB_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/enum.h"
#include "base/ip.h"

#define TL_PROBE_OUTCOMES(X) \
        X(TL_PROBE_SILENCE, 0, silence, "no answer") \
        X(TL_PROBE_ANSWER, 1, answer, "an answer") \
        X(TL_PROBE_REFUSED, 2, refused, "nothing listens there: also an answer") \
        X(TL_PROBE_UNREACHABLE, 3, unreachable, "a router, or the machine itself, says no")
WG_ENUM_DECLARE(tl_probe_outcome, TL_PROBE_OUTCOMES)

struct tl_probe {
        struct wg_ip to;
        uint8_t protocol;     /* WG_PROTOCOL_ICMP (also for ICMPv6), _TCP or _UDP */
        uint16_t port;        /* 0 for a ping */
        uint32_t deadline_ms; /* after the start */
        bool is_left_out;     /* not to be tried now: keeps its result */

        enum tl_probe_outcome outcome;
        uint32_t rtt_us; /* of a ping once the way is known to work; of the others, to the answer */
        uint32_t after_ms; /* when the first answer came, after the start */
        int error;         /* errno of TL_PROBE_UNREACHABLE */
};

/* Whether the destination answered. */
bool tl_probe_is_reached(const struct tl_probe *probe) WG_MUST_USE;

/* Carries out all probes, in this network namespace. Returns 0, or -errno if sockets cannot be
 * opened. */
int tl_probe_all(struct tl_probe *probes, uint32_t count) WG_MUST_USE;

#endif
