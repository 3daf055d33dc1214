/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/cut.h"

#include <errno.h>
#include <string.h>

#include "base/checksum.h"
#include "io/checksum.h"

/* The offset of the transport header, if it is of that protocol and starts within the packet; else
 * 0. */
static uint32_t transport_ipv4(const uint8_t *packet, uint32_t len, uint8_t protocol)
{
        uint32_t header_len = wg_ipv4_header_len(packet);

        if (len < WG_IPV4_HEADER_LEN || header_len < WG_IPV4_HEADER_LEN || header_len > len)
                return 0;
        if (packet[WG_IPV4_AT_PROTOCOL] != protocol ||
            wg_be16_load(packet + WG_IPV4_AT_FRAGMENT) & WG_IPV4_MORE_AND_OFFSET)
                return 0;
        return header_len;
}

/* Skips the extension headers that every packet may repeat. A fragment header is not one of
 * them. */
static uint32_t transport_ipv6(const uint8_t *packet, uint32_t len, uint8_t protocol)
{
        uint32_t at = WG_IPV6_HEADER_LEN;
        uint8_t next;

        if (len < WG_IPV6_HEADER_LEN)
                return 0;
        next = packet[WG_IPV6_AT_NEXT];
        while (next == WG_PROTOCOL_HOP_BY_HOP || next == WG_PROTOCOL_ROUTING ||
               next == WG_PROTOCOL_DESTINATION) {
                if (len - at < 8)
                        return 0;
                next = packet[at];
                at += 8 + packet[at + 1] * 8u;
                if (at > len)
                        return 0;
        }
        return next == protocol ? at : 0;
}

static uint32_t find_transport(const struct tl_cut *cut, uint32_t len)
{
        uint8_t protocol = tl_offload_protocol(cut->kind);

        if (cut->family == WG_FAMILY_IPV4 && cut->kind != TL_OFFLOAD_TCP6)
                return transport_ipv4(cut->packet, len, protocol);
        if (cut->family == WG_FAMILY_IPV6 && cut->kind != TL_OFFLOAD_TCP4)
                return transport_ipv6(cut->packet, len, protocol);
        return 0;
}

/* The length of the transport header, or 0 if the packet does not hold all of it. */
static uint32_t transport_header_len(const struct tl_cut *cut, uint32_t len)
{
        const uint8_t *transport = cut->packet + cut->transport;
        uint32_t there = len - cut->transport, header_len;

        if (!tl_offload_is_tcp(cut->kind))
                return there >= WG_UDP_HEADER_LEN ? WG_UDP_HEADER_LEN : 0;
        if (there < WG_TCP_HEADER_LEN)
                return 0;
        header_len = (transport[WG_TCP_AT_DATA_OFFSET] >> 4) * 4u;
        return header_len >= WG_TCP_HEADER_LEN && header_len <= there ? header_len : 0;
}

/* The sum of the pseudo header without its length. It is taken from the checksum field, where the
 * kernel put it with the length of the superpacket. So it is correct even if a routing header makes
 * the final destination differ from the one in the IPv6 header. */
static uint64_t pseudo_sum(const struct tl_cut *cut, bool is_in_field, uint32_t len)
{
        const uint8_t *packet = cut->packet, *transport = packet + cut->transport;

        if (is_in_field) {
                uint64_t whole = tl_offload_is_tcp(cut->kind)
                                         ? wg_checksum_of((uint16_t)(len - cut->transport))
                                         : wg_checksum_at(transport + WG_UDP_AT_LEN);

                return wg_checksum_at(packet + cut->field) + (uint16_t)~whole;
        }
        return wg_checksum_pseudo_of(packet, cut->family, tl_offload_protocol(cut->kind), 0);
}

/* Subtracts a 16-bit field from a sum by adding its complement. */
static uint64_t without(uint64_t sum, const uint8_t *field)
{
        return sum + (uint16_t)~wg_checksum_at(field);
}

/* Sums everything that the packets share, so that each costs little more than its payload. */
static void sum_headers(struct tl_cut *cut, bool is_in_field, uint32_t len)
{
        const uint8_t *packet = cut->packet, *transport = packet + cut->transport;

        cut->sum = pseudo_sum(cut, is_in_field, len);
        cut->sum = tl_checksum_add(cut->sum, transport, cut->header_len - cut->transport);
        cut->sum = without(cut->sum, packet + cut->field);
        if (tl_offload_is_tcp(cut->kind)) {
                cut->sum = without(cut->sum, transport + WG_TCP_AT_SEQUENCE);
                cut->sum = without(cut->sum, transport + WG_TCP_AT_SEQUENCE + 2);
                cut->sum = without(cut->sum, transport + WG_TCP_AT_DATA_OFFSET);
                cut->sequence = wg_be32_load(transport + WG_TCP_AT_SEQUENCE);
        } else {
                cut->sum = without(cut->sum, transport + WG_UDP_AT_LEN);
        }
        if (cut->family != WG_FAMILY_IPV4)
                return;
        cut->ip_sum = tl_checksum_add(0, packet, wg_ipv4_header_len(packet));
        cut->ip_sum = without(cut->ip_sum, packet + WG_IPV4_AT_TOTAL_LEN);
        cut->ip_sum = without(cut->ip_sum, packet + WG_IPV4_AT_ID);
        cut->ip_sum = without(cut->ip_sum, packet + WG_IPV4_AT_CHECKSUM);
        cut->id = wg_be16_load(packet + WG_IPV4_AT_ID);
}

static int begin_one(struct tl_cut *cut, const struct tl_offload *offload, uint32_t len)
{
        uint32_t field = (uint32_t)offload->checksum_start + offload->checksum_offset;

        cut->segment = cut->left = len;
        if (!offload->needs_checksum)
                return 0;
        if (field + 2 > len)
                return -EINVAL;
        cut->needs_checksum = true;
        cut->transport = offload->checksum_start;
        cut->field = (uint16_t)field;
        return 0;
}

static int begin_many(struct tl_cut *cut, const struct tl_offload *offload, uint32_t len)
{
        uint16_t field = tl_offload_is_tcp(cut->kind) ? WG_TCP_AT_CHECKSUM : WG_UDP_AT_CHECKSUM;
        uint32_t header_len;

        cut->family = cut->packet[0] >> 4;
        cut->transport = (uint16_t)find_transport(cut, len);
        if (!cut->transport || !offload->segment)
                return -EINVAL;
        header_len = transport_header_len(cut, len);
        if (!header_len)
                return -EINVAL;
        if (offload->needs_checksum &&
            (offload->checksum_start != cut->transport || offload->checksum_offset != field))
                return -EINVAL;
        cut->field = (uint16_t)(cut->transport + field);
        cut->segment = offload->segment;
        cut->header_len = cut->at = cut->transport + header_len;
        cut->left = len - cut->header_len;
        sum_headers(cut, offload->needs_checksum, len);
        return 0;
}

int tl_cut_begin(struct tl_cut *cut, const struct tl_offload *offload, const uint8_t *packet,
                 uint32_t len)
{
        if (len == 0 || len > UINT16_MAX)
                return -EINVAL;
        *cut = (struct tl_cut){.packet = packet, .kind = offload->kind, .is_first = true};
        return cut->kind == TL_OFFLOAD_NONE ? begin_one(cut, offload, len)
                                            : begin_many(cut, offload, len);
}

static void write_one(const struct tl_cut *cut, uint8_t *to)
{
        uint16_t checksum;
        uint64_t sum;

        if (!cut->needs_checksum) {
                memcpy(to, cut->packet, cut->left);
                return;
        }
        /* The field is part of the sum: it holds the sum of the pseudo header. */
        memcpy(to, cut->packet, cut->transport);
        sum = tl_checksum_copy(0, to + cut->transport, cut->packet + cut->transport,
                               cut->left - cut->transport);
        checksum = wg_checksum_fold(sum);
        wg_checksum_store(to + cut->field, checksum ? checksum : UINT16_MAX);
}

static void write_ip(struct tl_cut *cut, uint8_t *to, uint32_t len)
{
        if (cut->family == WG_FAMILY_IPV6) {
                wg_be16_store(to + WG_IPV6_AT_PAYLOAD_LEN, (uint16_t)(len - WG_IPV6_HEADER_LEN));
                return;
        }
        wg_be16_store(to + WG_IPV4_AT_TOTAL_LEN, (uint16_t)len);
        wg_be16_store(to + WG_IPV4_AT_ID, cut->id);
        wg_checksum_store(to + WG_IPV4_AT_CHECKSUM,
                          wg_checksum_fold(cut->ip_sum + wg_checksum_of((uint16_t)len) +
                                           wg_checksum_of(cut->id)));
        cut->id++;
}

static void write_tcp(struct tl_cut *cut, uint8_t *to, uint32_t payload_len, uint64_t sum)
{
        uint8_t *tcp = to + cut->transport;

        if (payload_len < cut->left)
                tcp[WG_TCP_AT_FLAGS] &= (uint8_t) ~(WG_TCP_FIN | WG_TCP_PSH);
        if (!cut->is_first)
                tcp[WG_TCP_AT_FLAGS] &= (uint8_t)~WG_TCP_CWR;
        wg_be32_store(tcp + WG_TCP_AT_SEQUENCE, cut->sequence);
        sum += wg_checksum_at(tcp + WG_TCP_AT_DATA_OFFSET) +
               wg_checksum_of((uint16_t)(cut->sequence >> 16)) +
               wg_checksum_of((uint16_t)cut->sequence);
        wg_checksum_store(to + cut->field, wg_checksum_fold(sum));
        cut->sequence += payload_len;
}

static void write_udp(const struct tl_cut *cut, uint8_t *to, uint16_t len, uint64_t sum)
{
        uint16_t checksum = wg_checksum_fold(sum + wg_checksum_of(len));

        wg_be16_store(to + cut->transport + WG_UDP_AT_LEN, len);
        wg_checksum_store(to + cut->field, checksum ? checksum : UINT16_MAX);
}

void tl_cut_next(struct tl_cut *cut, uint8_t *to)
{
        uint32_t payload_len = WG_MIN(cut->segment, cut->left);
        uint32_t len = cut->header_len + payload_len;
        uint16_t transport_len = (uint16_t)(len - cut->transport);
        uint64_t sum;

        WG_ASSERT(!cut->is_done);
        if (cut->kind == TL_OFFLOAD_NONE) {
                write_one(cut, to);
                cut->is_done = true;
                return;
        }
        memcpy(to, cut->packet, cut->header_len);
        sum = tl_checksum_copy(cut->sum + wg_checksum_of(transport_len), to + cut->header_len,
                               cut->packet + cut->at, payload_len);
        write_ip(cut, to, len);
        if (tl_offload_is_tcp(cut->kind))
                write_tcp(cut, to, payload_len, sum);
        else
                write_udp(cut, to, transport_len, sum);
        cut->at += payload_len;
        cut->left -= payload_len;
        cut->is_first = false;
        cut->is_done = cut->left == 0;
}
