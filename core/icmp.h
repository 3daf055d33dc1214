/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * icmp.h - tells a local sender at once that its packet has nowhere to go.
 * Source: RFC 792, RFC 1122 3.2.2, RFC 1812 4.3.2.3; RFC 4443 2.4, 3.1.
 * Threads: pure function of its arguments. */
#ifndef CORE_ICMP_H
#define CORE_ICMP_H

#include "base/std.h"
#include "core/env.h"

#define WG_ICMP_LEN_MAX 1280 /* of an error, all in all; the rest of the packet is not quoted */

/* Writes the error that answers an outbound packet for which there is no peer or no endpoint: host
 * unreachable (IPv4), address unreachable (IPv6). It seems to come from the packet's destination,
 * since the kernel drops what claims to come from the interface's own address. Returns its length,
 * or 0 where none may be sent: in answer to ICMP errors, multicast, broadcast, later fragments, and
 * to what is not IP. */
size_t wg_icmp_unreachable(const uint8_t *packet, size_t len, uint8_t out[WG_ICMP_LEN_MAX]);

/* A token bucket for errors: 100 at once, 1000 a second. Zeroed memory is a full one. */
struct wg_icmp_limit {
        uint64_t full_ns; /* when it will be full again */
};

/* Whether one more error may be sent at now_ns; counts it if so. */
bool wg_icmp_may_send(struct wg_icmp_limit *limit, uint64_t now_ns);

#endif
