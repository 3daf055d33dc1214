/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * ip.h - IP addresses, and the fields of IP, TCP and UDP headers that a tunnel reads or writes.
 * Source: RFC 791, RFC 8200, RFC 9293, RFC 768; RFC 3168 (ECN).
 * Threads: pure functions of their arguments. */
#ifndef BASE_IP_H
#define BASE_IP_H

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

WG_MUST_USE static inline bool wg_ip_equal(const struct wg_ip *a, const struct wg_ip *b)
{
        return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* Reads an address from a packet, where it has 4 or 16 bytes. */
WG_MUST_USE static inline struct wg_ip wg_ip_load(uint8_t family, const uint8_t *at)
{
        struct wg_ip ip = {.family = family};

        memcpy(ip.bytes, at, wg_ip_bits(&ip) / 8);
        return ip;
}

/* An order of addresses, as of qsort: by family, then by value. */
WG_MUST_USE static inline int wg_ip_compare(const struct wg_ip *a, const struct wg_ip *b)
{
        if (a->family != b->family)
                return a->family < b->family ? -1 : 1;
        return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

/* Protocols after an IP header: transports, and the extension headers of IPv6. */
enum {
        WG_PROTOCOL_HOP_BY_HOP = 0,
        WG_PROTOCOL_ICMP = 1,
        WG_PROTOCOL_TCP = 6,
        WG_PROTOCOL_UDP = 17,
        WG_PROTOCOL_ROUTING = 43,
        WG_PROTOCOL_FRAGMENT = 44,
        WG_PROTOCOL_ICMPV6 = 58,
        WG_PROTOCOL_DESTINATION = 60,
};

/* Offsets (AT) and lengths in bytes, and bits of fields. Offsets count from the start of the header
 * that has the field. */
enum {
        WG_IPV4_HEADER_LEN = 20, /* without options */
        WG_IPV4_AT_TOS = 1,
        WG_IPV4_AT_TOTAL_LEN = 2,
        WG_IPV4_AT_ID = 4,
        WG_IPV4_AT_FRAGMENT = 6,
        WG_IPV4_AT_TTL = 8,
        WG_IPV4_AT_PROTOCOL = 9,
        WG_IPV4_AT_CHECKSUM = 10,
        WG_IPV4_AT_SOURCE = 12,
        WG_IPV4_AT_DESTINATION = 16,
        WG_IPV4_DONT_FRAGMENT = 0x4000,   /* in FRAGMENT */
        WG_IPV4_MORE_AND_OFFSET = 0x3fff, /* in FRAGMENT; not 0 in any fragment */
        WG_IPV4_OFFSET = 0x1fff,          /* in FRAGMENT; 0 only in the first fragment */

        WG_IPV6_HEADER_LEN = 40, /* without extension headers */
        WG_IPV6_AT_PAYLOAD_LEN = 4,
        WG_IPV6_AT_NEXT = 6,
        WG_IPV6_AT_HOP_LIMIT = 7,
        WG_IPV6_AT_SOURCE = 8,
        WG_IPV6_AT_DESTINATION = 24,

        WG_TCP_HEADER_LEN = 20, /* without options */
        WG_TCP_AT_SEQUENCE = 4,
        WG_TCP_AT_ACK = 8,
        WG_TCP_AT_DATA_OFFSET = 12,
        WG_TCP_AT_FLAGS = 13,
        WG_TCP_AT_WINDOW = 14,
        WG_TCP_AT_CHECKSUM = 16,
        WG_TCP_AT_URGENT = 18,
        WG_TCP_FIN = 0x01,
        WG_TCP_PSH = 0x08,
        WG_TCP_ACK = 0x10,
        WG_TCP_ECE = 0x40,
        WG_TCP_CWR = 0x80,

        WG_UDP_HEADER_LEN = 8,
        WG_UDP_AT_LEN = 4,
        WG_UDP_AT_CHECKSUM = 6,
};

/* Bytes of an IPv4 header, options included, as its first byte says: 0 to 60, so possibly less than
 * WG_IPV4_HEADER_LEN. */
static inline uint32_t wg_ipv4_header_len(const uint8_t *packet)
{
        return (packet[0] & 15) * 4u;
}

/* The two bits of ECN in a type-of-service or traffic-class byte. */
enum { WG_ECN_NONE = 0, WG_ECN_ECT1 = 1, WG_ECN_ECT0 = 2, WG_ECN_CE = 3, WG_ECN_MASK = 3 };

/* The fields of a packet's header that a tunnel needs; addresses point into the packet. */
struct wg_ip_header {
        uint8_t family; /* WG_FAMILY_*; NONE: not IP, or shorter than its header */
        uint8_t tos;    /* type of service, traffic class */
        uint32_t len;   /* of the whole packet, as the header says; may exceed the actual length */
        const uint8_t *source, *destination;
};

struct wg_ip_header wg_ip_parse(const uint8_t *packet, size_t len);

/* Whether two addresses, source or destination, of parsed packets of these families are equal. */
bool wg_ip_is_same_address(uint8_t a_family, const uint8_t *a, uint8_t b_family, const uint8_t *b);

/* Marks congestion on a parsed packet, unless its sender does not support ECN. */
void wg_ip_mark_congestion(uint8_t *packet, const struct wg_ip_header *header);

#endif
