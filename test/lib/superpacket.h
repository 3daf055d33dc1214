/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * superpacket.h - random superpackets as the kernel passes them to a TUN; and a naive segmenter,
 * which makes each packet from scratch and sums all of it, one byte at a time. */
#ifndef TEST_LIB_SUPERPACKET_H
#define TEST_LIB_SUPERPACKET_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "io/offload.h"
#include "test/lib/env.h"
#include "test/lib/packet.h"

enum { SUPERPACKET_MAX = 65535 };

/* The shape of a superpacket. Lengths are in bytes; header lengths include options. */
struct shape {
        uint8_t family; /* 4, 6 */
        bool is_udp;
        uint32_t ip_len;        /* 20..60, or 40 and extension headers of 8 bytes each */
        uint32_t transport_len; /* 8, or 20..60 */
        uint32_t payload;
        uint16_t segment;
        uint8_t tos, ttl, flags; /* flags: TCP */
        uint16_t fragment;       /* IPv4: DF or 0 */
};

static inline uint32_t shape_headers(const struct shape *s)
{
        return s->ip_len + s->transport_len;
}

static inline uint32_t shape_len(const struct shape *s)
{
        return shape_headers(s) + s->payload;
}

/* The sum of the pseudo header, not complemented, for a transport header and payload of `len`
 * bytes. */
static inline uint16_t superpacket_pseudo(const uint8_t *packet, bool is_udp, uint32_t len)
{
        uint8_t pseudo[40] = {0};
        bool is_ipv4 = packet[0] >> 4 == 4;

        if (is_ipv4)
                memcpy(pseudo, packet + 12, 8);
        else
                memcpy(pseudo, packet + 8, 32);
        wg_be32_store(pseudo + 32, len);
        pseudo[39] = is_udp ? 17 : 6;
        return (uint16_t)~packet_checksum(pseudo, sizeof(pseudo));
}

/* The checksum of a transport header and its payload; its own field is zero. */
static inline uint16_t superpacket_checksum(const uint8_t *packet, bool is_udp,
                                            const uint8_t *transport, uint32_t len)
{
        uint32_t sum = superpacket_pseudo(packet, is_udp, len);

        sum += (uint16_t)~packet_checksum(transport, len);
        if (sum > 0xffff)
                sum -= 0xffff;
        return (uint16_t)~sum;
}

/* Corrects the checksums of a packet without options, if it has any. */
static inline void superpacket_refresh(uint8_t *packet, uint32_t len)
{
        bool is_ipv4 = packet[0] >> 4 == 4;
        uint32_t ip_len = is_ipv4 ? 20 : 40;
        bool is_udp = (is_ipv4 ? packet[9] : packet[6]) == 17;
        uint8_t *transport = packet + ip_len, *field = transport + (is_udp ? 6 : 16);
        uint16_t checksum;

        if (len < ip_len + (is_udp ? 8 : 20))
                return;
        if (is_ipv4)
                packet_fix_ipv4(packet);
        wg_be16_store(field, 0);
        checksum = superpacket_checksum(packet, is_udp, transport, len - ip_len);
        wg_be16_store(field, is_udp && !checksum ? 0xffff : checksum);
}

/* A shape that is likely to be at some boundary; the payload is not empty. */
static inline struct shape shape_random(struct test_env *t)
{
        struct shape s = {.family = test_env_below(t, 2) ? 4 : 6, .is_udp = !test_env_below(t, 3)};
        uint32_t most;

        s.ip_len = s.family == 4 ? 20 : 40;
        if (!test_env_below(t, 8))
                s.ip_len += s.family == 4 ? 4 * test_env_below(t, 11) : 8 * test_env_below(t, 4);
        s.transport_len = s.is_udp ? 8 : 20 + 4 * test_env_below(t, 11);
        s.segment = (uint16_t)(test_env_below(t, 4) ? 500 + test_env_below(t, 1000)
                                                    : 1 + test_env_below(t, 100));
        most = SUPERPACKET_MAX - s.ip_len - s.transport_len;
        if (s.is_udp)
                most = WG_MIN(most, s.segment * UINT32_C(64));
        if (test_env_below(t, 3))
                s.payload = 1 + test_env_below(t, WG_MIN(most, s.segment * UINT32_C(70)));
        else /* exactly this many, or one byte more or less */
                s.payload = s.segment * (1 + test_env_below(t, 40)) + test_env_below(t, 3) - 1;
        s.payload = WG_MAX(1, WG_MIN(s.payload, most));
        s.tos = (uint8_t)test_env_random(t);
        s.ttl = (uint8_t)(2 + test_env_below(t, 254));
        s.flags = 0x10; /* ACK */
        if (!test_env_below(t, 3))
                s.flags |= (uint8_t)test_env_random(t) & 0xf9; /* all but SYN and RST */
        s.fragment = test_env_below(t, 2) ? 0x4000 : 0;
        return s;
}

/* IPv6 extension headers without meaning: destination options, all padding. */
static inline void superpacket_extend(uint8_t *packet, const struct shape *s)
{
        uint8_t protocol = s->is_udp ? 17 : 6;

        packet[6] = s->ip_len > 40 ? 60 : protocol;
        for (uint32_t at = 40; at < s->ip_len; at += 8) {
                packet[at] = at + 8 < s->ip_len ? 60 : protocol;
                packet[at + 1] = 0;
                memcpy(packet + at + 2, "\x01\x04\0\0\0", 6);
        }
}

/* Writes the packet of that shape, with the pseudo header's sum in the checksum field. Everything
 * that the shape does not determine is random, except the addresses: 10.x.0.1 or fdxx::1 with x = 1
 * for the source and x = 2 for the destination. */
static inline void superpacket_make(struct test_env *t, uint8_t *packet, const struct shape *s)
{
        uint32_t len = shape_len(s);
        uint8_t *transport = packet + s->ip_len;

        test_env_fill(t, packet, len);
        if (s->family == 4) {
                packet[0] = (uint8_t)(0x40 | s->ip_len / 4);
                packet[1] = s->tos;
                wg_be16_store(packet + 2, (uint16_t)len);
                wg_be16_store(packet + 6, s->fragment);
                packet[8] = s->ttl;
                packet[9] = s->is_udp ? 17 : 6;
                wg_be32_store(packet + 12, 0x0a010001);
                wg_be32_store(packet + 16, 0x0a020001);
                memset(packet + 20, 1, s->ip_len - 20); /* options: no-operations */
                wg_be16_store(packet + 10, 0);
                wg_be16_store(packet + 10, packet_checksum(packet, s->ip_len));
        } else {
                packet[0] = (uint8_t)(0x60 | s->tos >> 4);
                packet[1] = (uint8_t)(s->tos << 4 | (packet[1] & 15));
                wg_be16_store(packet + 4, (uint16_t)(len - 40));
                packet[7] = s->ttl;
                memcpy(packet + 8, "\xfd\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16);
                memcpy(packet + 24, "\xfd\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16);
                superpacket_extend(packet, s);
        }
        if (s->is_udp) {
                wg_be16_store(transport + 4, (uint16_t)(len - s->ip_len));
                wg_be16_store(transport + 6, superpacket_pseudo(packet, true, len - s->ip_len));
        } else {
                transport[12] = (uint8_t)(s->transport_len << 2);
                transport[13] = s->flags;
                wg_be16_store(transport + 16, superpacket_pseudo(packet, false, len - s->ip_len));
                memset(transport + 20, 1, s->transport_len - 20);
        }
}

static inline struct tl_offload shape_offload(const struct shape *s)
{
        return (struct tl_offload){
                .kind = s->is_udp        ? TL_OFFLOAD_UDP
                        : s->family == 4 ? TL_OFFLOAD_TCP4
                                         : TL_OFFLOAD_TCP6,
                .needs_checksum = true,
                .has_ecn = !s->is_udp && s->flags & 0x80,
                .header_len = (uint16_t)shape_headers(s),
                .segment = s->segment,
                .checksum_start = (uint16_t)s->ip_len,
                .checksum_offset = s->is_udp ? 6 : 16,
        };
}

/* The number of packets that the naive segmenter makes. */
static inline uint32_t naive_count(const struct shape *s)
{
        return s->payload <= s->segment ? 1 : (s->payload + s->segment - 1) / s->segment;
}

/* Writes the nth packet, counted from 0, and returns its length. Uses only the header lengths,
 * payload, segment and protocol of the shape. */
static inline uint32_t naive_packet(uint8_t *to, const uint8_t *packet, const struct shape *s,
                                    uint32_t nth)
{
        uint32_t headers = shape_headers(s), at = nth * s->segment;
        uint32_t payload = WG_MIN(s->payload - at, s->segment);
        uint32_t len = headers + payload;
        uint8_t *transport = to + s->ip_len;

        memcpy(to, packet, headers);
        memcpy(to + headers, packet + headers + at, payload);
        if (to[0] >> 4 == 4) {
                wg_be16_store(to + 2, (uint16_t)len);
                wg_be16_store(to + 4, (uint16_t)(wg_be16_load(to + 4) + nth));
                wg_be16_store(to + 10, 0);
                wg_be16_store(to + 10, packet_checksum(to, s->ip_len));
        } else {
                wg_be16_store(to + 4, (uint16_t)(len - 40));
        }
        if (s->is_udp) {
                uint16_t checksum;

                wg_be16_store(transport + 4, (uint16_t)(len - s->ip_len));
                wg_be16_store(transport + 6, 0);
                checksum = superpacket_checksum(to, true, transport, len - s->ip_len);
                wg_be16_store(transport + 6, checksum ? checksum : 0xffff);
                return len;
        }
        wg_be32_store(transport + 4, wg_be32_load(transport + 4) + at);
        if (nth > 0)
                transport[13] &= 0x7f; /* CWR */
        if (nth + 1 < naive_count(s))
                transport[13] &= 0xf6; /* PSH, FIN */
        wg_be16_store(transport + 16, 0);
        wg_be16_store(transport + 16, superpacket_checksum(to, false, transport, len - s->ip_len));
        return len;
}

#endif
