/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * icmp.h - answers unroutable outbound packets with an ICMP unreachable.
 * Source: RFC 792, RFC 1122 3.2.2, RFC 1812 4.3.2.3; RFC 4443 2.4, 3.1.
 * Threads: pure functions of their arguments. */
#ifndef CORE_ICMP_H
#define CORE_ICMP_H

#include "base/std.h"
#include "core/env.h"

#define WG_ICMP_LEN_MAX 1280 /* of an error, including the quoted part of the packet */

/* Writes the error for an outbound packet without a peer or endpoint: host unreachable (IPv4),
 * address unreachable (IPv6). Its source is the packet's destination, because the kernel drops
 * packets from the interface's own address. Returns its length, or 0 if none may be sent: for ICMP
 * errors, multicast, broadcast, later fragments, and packets that are not IP. */
size_t wg_icmp_unreachable(const uint8_t *packet, size_t len, uint8_t out[WG_ICMP_LEN_MAX]);

/* A token bucket for errors: 1000 per second, with bursts of 100. Zeroed memory is a full
 * bucket. */
struct wg_icmp_limit {
        uint64_t full_ns; /* when the bucket will be full again */
};

/* Whether one more error may be sent at now_ns. If so, counts it. */
bool wg_icmp_may_send(struct wg_icmp_limit *limit, uint64_t now_ns);

#endif
