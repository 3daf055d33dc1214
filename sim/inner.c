/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * A packet is an IPv4 or IPv6 header, 8 bytes of magic, 8 of serial, and numbers derived from
 * it. */
#include "sim/inner.h"

#include "base/bytes.h"
#include "sim/random.h"

static const uint8_t magic[8] = "tieline";

enum { IPV4_HEADER = 20, IPV6_HEADER = 40, PROTOCOL_EXPERIMENT = 253 };

/* Implemented independently of the core, which it checks. */
static uint16_t checksum(const uint8_t *header)
{
        uint32_t sum = 0;

        for (unsigned int i = 0; i < IPV4_HEADER; i += 2)
                sum += wg_be16_load(header + i);
        while (sum > 0xffff)
                sum = (sum & 0xffff) + (sum >> 16);
        return (uint16_t)~sum;
}

static uint32_t write_header(const struct sim_inner *inner, uint8_t *out)
{
        if (inner->source.family == WG_FAMILY_IPV4) {
                memset(out, 0, IPV4_HEADER);
                out[0] = 0x45;
                out[1] = inner->tos;
                wg_be16_store(out + 2, (uint16_t)inner->len);
                out[8] = 64;
                out[9] = PROTOCOL_EXPERIMENT;
                memcpy(out + 12, inner->source.bytes, 4);
                memcpy(out + 16, inner->destination.bytes, 4);
                wg_be16_store(out + 10, checksum(out));
                return IPV4_HEADER;
        }
        wg_be32_store(out, UINT32_C(6) << 28 | (uint32_t)inner->tos << 20);
        wg_be16_store(out + 4, (uint16_t)(inner->len - IPV6_HEADER));
        out[6] = PROTOCOL_EXPERIMENT;
        out[7] = 64;
        memcpy(out + 8, inner->source.bytes, 16);
        memcpy(out + 24, inner->destination.bytes, 16);
        return IPV6_HEADER;
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
        uint32_t header = len && packet[0] >> 4 == 4 ? IPV4_HEADER : IPV6_HEADER;

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

        if (len >= IPV4_HEADER && packet[0] >> 4 == 4)
                said = wg_be16_load(packet + 2);
        else if (len >= IPV6_HEADER && packet[0] >> 4 == 6)
                said = wg_be16_load(packet + 4) + (uint32_t)IPV6_HEADER;
        return said >= IPV4_HEADER && said <= len ? said : 0;
}

uint8_t sim_inner_tos(const uint8_t *packet)
{
        return packet[0] >> 4 == 4 ? packet[1] : (uint8_t)(packet[0] << 4 | packet[1] >> 4);
}

/* Reads the address at offset at4 or at6. */
static bool read_ip(const uint8_t *packet, uint32_t len, uint32_t at4, uint32_t at6,
                    struct wg_ip *ip)
{
        memset(ip, 0, sizeof(*ip));
        if (len >= IPV4_HEADER && packet[0] >> 4 == 4) {
                ip->family = WG_FAMILY_IPV4;
                memcpy(ip->bytes, packet + at4, 4);
                return true;
        }
        if (len >= IPV6_HEADER && packet[0] >> 4 == 6) {
                ip->family = WG_FAMILY_IPV6;
                memcpy(ip->bytes, packet + at6, 16);
                return true;
        }
        return false;
}

bool sim_inner_source(const uint8_t *packet, uint32_t len, struct wg_ip *ip)
{
        return read_ip(packet, len, 12, 8, ip);
}

bool sim_inner_destination(const uint8_t *packet, uint32_t len, struct wg_ip *ip)
{
        return read_ip(packet, len, 16, 24, ip);
}
