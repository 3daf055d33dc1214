/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * headers.h - where the fields of IP, TCP and UDP are that cutting and merging touch: offsets from the
 * beginning of each header, in bytes.
 * Threads: pure functions of their arguments.
 * Source: RFC 791, RFC 8200, RFC 9293, RFC 768. */
#ifndef IO_HEADERS_H
#define IO_HEADERS_H

#include "base/endpoint.h"
#include "io/checksum.h"
#include "io/offload.h"

enum {
        TL_PROTOCOL_TCP = 6,
        TL_PROTOCOL_UDP = 17,

        TL_IPV4_LEN = 20, /* without options */
        TL_IPV4_AT_TOTAL_LEN = 2,
        TL_IPV4_AT_ID = 4,
        TL_IPV4_AT_FRAGMENT = 6,
        TL_IPV4_AT_TTL = 8,
        TL_IPV4_AT_PROTOCOL = 9,
        TL_IPV4_AT_CHECKSUM = 10,
        TL_IPV4_AT_SOURCE = 12,
        TL_IPV4_AT_DESTINATION = 16,
        TL_IPV4_DONT_FRAGMENT = 0x4000,   /* of the field FRAGMENT */
        TL_IPV4_MORE_AND_OFFSET = 0x3fff, /* not 0: this is a fragment */

        TL_IPV6_LEN = 40, /* without extension headers */
        TL_IPV6_AT_PAYLOAD_LEN = 4,
        TL_IPV6_AT_NEXT = 6,
        TL_IPV6_AT_HOP_LIMIT = 7,
        TL_IPV6_AT_SOURCE = 8,
        TL_IPV6_AT_DESTINATION = 24,

        TL_TCP_LEN = 20, /* without options */
        TL_TCP_AT_SEQUENCE = 4,
        TL_TCP_AT_ACK = 8,
        TL_TCP_AT_DATA_OFFSET = 12,
        TL_TCP_AT_FLAGS = 13,
        TL_TCP_AT_WINDOW = 14,
        TL_TCP_AT_CHECKSUM = 16,
        TL_TCP_AT_URGENT = 18,
        TL_TCP_FIN = 0x01,
        TL_TCP_PSH = 0x08,
        TL_TCP_ACK = 0x10,
        TL_TCP_ECE = 0x40,
        TL_TCP_CWR = 0x80,

        TL_UDP_LEN = 8,
        TL_UDP_AT_LEN = 4,
        TL_UDP_AT_CHECKSUM = 6,
};

/* The protocol of packets of a kind (enum tl_offload_kind) other than NONE. */
static inline uint8_t tl_headers_protocol(uint8_t kind)
{
        return tl_offload_is_tcp(kind) ? TL_PROTOCOL_TCP : TL_PROTOCOL_UDP;
}

/* tl_checksum_pseudo() of a packet whose IP header is whole. */
static inline uint64_t tl_headers_pseudo(const uint8_t *packet, uint8_t family, uint8_t protocol,
                                         uint32_t len)
{
        if (family == WG_FAMILY_IPV4)
                return tl_checksum_pseudo(family, packet + TL_IPV4_AT_SOURCE,
                                          packet + TL_IPV4_AT_DESTINATION, protocol, len);
        return tl_checksum_pseudo(family, packet + TL_IPV6_AT_SOURCE,
                                  packet + TL_IPV6_AT_DESTINATION, protocol, len);
}

#endif
