/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * endpoint.h - the two ends of a UDP path.
 * Threads: plain values. */
#ifndef BASE_ENDPOINT_H
#define BASE_ENDPOINT_H

#include "base/ip.h"

/* A peer's address, and the address from which we reply to it. */
struct wg_endpoint {
        struct wg_ip ip;         /* the peer's address; family NONE: no endpoint is known */
        uint16_t port;           /* the peer's, host order */
        uint32_t scope;          /* interface number of a link-local IPv6 address, else 0 */
        struct wg_ip source;     /* our address that the peer last reached; NONE: not pinned */
        uint32_t source_ifindex; /* the interface it arrived on; needed to send from link-local */
};

/* Whether both have the same remote address, port and scope; the source is ignored. */
WG_MUST_USE static inline bool wg_endpoint_is_same_remote(const struct wg_endpoint *a,
                                                          const struct wg_endpoint *b)
{
        return wg_ip_equal(&a->ip, &b->ip) && a->port == b->port && a->scope == b->scope;
}

#endif
