/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * raw_packet.h - whole IP packets, for tests that write them to a TUN: the first packet of a
 * connection, replies to it, and ICMP errors about it. All checksums are right. */
#ifndef TEST_LIB_RAW_PACKET_H
#define TEST_LIB_RAW_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"

enum { RAW_PACKET_MOST = 256, RAW_PACKET_MSS = 1460 /* of SYNs */ }; /* bytes */

struct raw_packet_ends {
        struct wg_ip from, to; /* of one family */
        uint8_t protocol;      /* WG_PROTOCOL_TCP, _UDP or _ICMP, for ICMPv6, too */
        uint16_t port;         /* of the destination; none with ICMP */
};

/* Writes a SYN, a datagram or an echo request. It contains the serial number, in network order, and
 * replies to it do as well. Returns its length. */
size_t raw_packet_write(uint8_t out[RAW_PACKET_MOST], const struct raw_packet_ends *ends,
                        uint32_t serial);

/* Writes the reply to a packet as it has arrived. Returns its length. */
size_t raw_packet_reply(uint8_t out[RAW_PACKET_MOST], const uint8_t *packet, size_t len);

/* Writes the error that a router or host sends back for a packet as it has arrived: that it is too
 * big, whose MTU the next link has. Returns its length. */
size_t raw_packet_too_big(uint8_t out[RAW_PACKET_MOST], const struct wg_ip *from,
                          const uint8_t *packet, size_t len, uint16_t mtu);

/* The addresses of a packet. */
struct raw_packet_ends raw_packet_read(const uint8_t *packet);

/* The MSS of a SYN, or of the reply to one, which has that of the SYN. */
uint16_t raw_packet_mss(const uint8_t *packet);

/* The packet that an error is about; NULL: it is no error. */
const uint8_t *raw_packet_quoted(const uint8_t *packet);

/* Whether the checksums of the IP header and of the transport are right. */
bool raw_packet_is_sound(const uint8_t *packet, size_t len);

#endif
