/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * endpoint.h - IP addresses and the two ends of a UDP path, without any system's headers, so that
 * io, conf and core can speak of them.
 * Threads: plain values. */
#ifndef BASE_ENDPOINT_H
#define BASE_ENDPOINT_H

#include "base/attr.h"
#include "base/mem.h"
#include "base/std.h"

enum { WG_FAMILY_NONE = 0, WG_FAMILY_IPV4 = 4, WG_FAMILY_IPV6 = 6 };

/* An address: IPv4 in the first 4 bytes (the rest zero), IPv6 in all 16, network order. */
struct wg_ip {
        uint8_t family; /* WG_FAMILY_* */
        uint8_t bytes[16];
};

static inline unsigned int wg_ip_bits(const struct wg_ip *ip)
{
        return ip->family == WG_FAMILY_IPV4 ? 32 : 128;
}

/* An address range: the bits after the first `cidr` are zero once masked. */
struct wg_prefix {
        struct wg_ip ip;
        uint8_t cidr; /* 0..32 or 0..128 */
};

/* Where a peer is, and from where we answer it. */
struct wg_endpoint {
        struct wg_ip ip;         /* the peer's address; family NONE: no endpoint is known */
        uint16_t port;           /* the peer's, host order */
        uint32_t scope;          /* interface number of a link-local IPv6 address, else 0 */
        struct wg_ip source;     /* our address the peer reached us at; NONE: the system chooses */
        uint32_t source_ifindex; /* the interface it came in by; only used for link-local */
};

WG_MUST_USE static inline bool wg_ip_equal(const struct wg_ip *a, const struct wg_ip *b)
{
        return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* Whether both name the same remote address, port and scope; the source does not count. */
WG_MUST_USE static inline bool wg_endpoint_is_same_remote(const struct wg_endpoint *a,
                                                          const struct wg_endpoint *b)
{
        return wg_ip_equal(&a->ip, &b->ip) && a->port == b->port && a->scope == b->scope;
}

#endif
