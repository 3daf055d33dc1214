/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * ip.h - as much of IPv4 and IPv6 headers as a tunnel looks at.
 * Source: RFC 791, RFC 8200; RFC 3168 (ECN), RFC 1624 (checksum update).
 * Threads: pure functions of their arguments. */
#ifndef CORE_IP_H
#define CORE_IP_H

#include "base/attr.h"
#include "base/std.h"

#define WG_IPV4_HEADER_LEN 20
#define WG_IPV6_HEADER_LEN 40

/* The two bits of ECN in a type-of-service or traffic-class byte. */
enum { WG_ECN_NONE = 0, WG_ECN_ECT1 = 1, WG_ECN_ECT0 = 2, WG_ECN_CE = 3, WG_ECN_MASK = 3 };

/* What a packet's header says; addresses point into the packet. */
struct wg_ip_header {
        uint8_t family; /* WG_FAMILY_*; NONE: not IP, or shorter than its header */
        uint8_t tos;    /* type of service, traffic class */
        uint32_t len;   /* of the whole packet, as the header says; may exceed what is there */
        const uint8_t *source, *destination;
};

struct wg_ip_header wg_ip_parse(const uint8_t *packet, size_t len);

/* Whether two addresses, source or destination, of parsed packets of these families are one. */
bool wg_ip_is_same_address(uint8_t a_family, const uint8_t *a, uint8_t b_family, const uint8_t *b);

/* Marks congestion on a packet that was parsed, unless its sender does not know ECN. */
void wg_ip_mark_congestion(uint8_t *packet, const struct wg_ip_header *header);

/* The ones' complement sum of bytes in 16-bit words, added to `sum`; and its folded complement. */
uint32_t wg_ip_sum(const uint8_t *bytes, size_t len, uint32_t sum);
uint16_t wg_ip_fold(uint32_t sum);

#endif
