/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * A packet is an IPv4 or IPv6 header, 8 bytes of magic, 8 of serial, and numbers derived from
 * it. */
#include "sim/inner.h"

#include "base/bytes.h"
#include "base/ip.h"
#include "sim/random.h"

static const uint8_t magic[8] = "tieline";

enum { PROTOCOL_EXPERIMENT = 253 };

/* Implemented independently of the core, which it checks. */
static uint16_t checksum(const uint8_t *header)
{
        uint32_t sum = 0;

        for (unsigned int i = 0; i < WG_IPV4_HEADER_LEN; i += 2)
                sum += wg_be16_load(header + i);
        while (sum > 0xffff)
                sum = (sum & 0xffff) + (sum >> 16);
        return (uint16_t)~sum;
}

static uint32_t write_header(const struct sim_inner *inner, uint8_t *out)
{
        if (inner->source.family == WG_FAMILY_IPV4) {
                memset(out, 0, WG_IPV4_HEADER_LEN);
                out[0] = 0x45;
                out[WG_IPV4_AT_TOS] = inner->tos;
                wg_be16_store(out + WG_IPV4_AT_TOTAL_LEN, (uint16_t)inner->len);
                out[WG_IPV4_AT_TTL] = 64;
                out[WG_IPV4_AT_PROTOCOL] = PROTOCOL_EXPERIMENT;
                memcpy(out + WG_IPV4_AT_SOURCE, inner->source.bytes, 4);
                memcpy(out + WG_IPV4_AT_DESTINATION, inner->destination.bytes, 4);
                wg_be16_store(out + WG_IPV4_AT_CHECKSUM, checksum(out));
                return WG_IPV4_HEADER_LEN;
        }
        wg_be32_store(out, UINT32_C(6) << 28 | (uint32_t)inner->tos << 20);
        wg_be16_store(out + WG_IPV6_AT_PAYLOAD_LEN, (uint16_t)(inner->len - WG_IPV6_HEADER_LEN));
        out[WG_IPV6_AT_NEXT] = PROTOCOL_EXPERIMENT;
        out[WG_IPV6_AT_HOP_LIMIT] = 64;
        memcpy(out + WG_IPV6_AT_SOURCE, inner->source.bytes, 16);
        memcpy(out + WG_IPV6_AT_DESTINATION, inner->destination.bytes, 16);
        return WG_IPV6_HEADER_LEN;
}

void sim_inner_write(const struct sim_inner *inner, uint8_t *out)
{
        uint32_t at = write_header(inner, out);
        uint64_t state = inner->serial;

        memcpy(out + at, magic, sizeof(magic));
        wg_be64_store(out + at + 8, inner->serial);
        for (at += 16; at < inner->len; at += 8) {
                uint64_t word = sim_random_mix(&state);

                memcpy(out + at, &word, WG_MIN(inner->len - at, 8u));
        }
}

bool sim_inner_read(const uint8_t *packet, uint32_t len, uint64_t *serial)
{
        uint32_t header = len && packet[0] >> 4 == 4 ? WG_IPV4_HEADER_LEN : WG_IPV6_HEADER_LEN;

        if (len < header + 16 || memcmp(packet + header, magic, sizeof(magic)) != 0)
                return false;
        *serial = wg_be64_load(packet + header + 8);
        return true;
}

bool sim_inner_occurs(const uint8_t *bytes, size_t len)
{
        for (size_t i = 0; i + sizeof(magic) <= len; i++)
                if (bytes[i] == magic[0] && memcmp(bytes + i, magic, sizeof(magic)) == 0)
                        return true;
        return false;
}

uint32_t sim_inner_len(const uint8_t *packet, uint32_t len)
{
        uint32_t said = 0;

        if (len >= WG_IPV4_HEADER_LEN && packet[0] >> 4 == 4)
                said = wg_be16_load(packet + WG_IPV4_AT_TOTAL_LEN);
        else if (len >= WG_IPV6_HEADER_LEN && packet[0] >> 4 == 6)
                said = wg_be16_load(packet + WG_IPV6_AT_PAYLOAD_LEN) + (uint32_t)WG_IPV6_HEADER_LEN;
        return said >= WG_IPV4_HEADER_LEN && said <= len ? said : 0;
}

uint8_t sim_inner_tos(const uint8_t *packet)
{
        return packet[0] >> 4 == 4 ? packet[WG_IPV4_AT_TOS]
                                   : (uint8_t)(packet[0] << 4 | packet[1] >> 4);
}

/* Reads the address at offset at4 or at6. */
static bool read_ip(const uint8_t *packet, uint32_t len, uint32_t at4, uint32_t at6,
                    struct wg_ip *ip)
{
        memset(ip, 0, sizeof(*ip));
        if (len >= WG_IPV4_HEADER_LEN && packet[0] >> 4 == 4) {
                ip->family = WG_FAMILY_IPV4;
                memcpy(ip->bytes, packet + at4, 4);
                return true;
        }
        if (len >= WG_IPV6_HEADER_LEN && packet[0] >> 4 == 6) {
                ip->family = WG_FAMILY_IPV6;
                memcpy(ip->bytes, packet + at6, 16);
                return true;
        }
        return false;
}

bool sim_inner_source(const uint8_t *packet, uint32_t len, struct wg_ip *ip)
{
        return read_ip(packet, len, WG_IPV4_AT_SOURCE, WG_IPV6_AT_SOURCE, ip);
}

bool sim_inner_destination(const uint8_t *packet, uint32_t len, struct wg_ip *ip)
{
        return read_ip(packet, len, WG_IPV4_AT_DESTINATION, WG_IPV6_AT_DESTINATION, ip);
}
