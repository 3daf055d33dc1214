/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * packet.h - inner packets for tests, and the Internet checksum, computed naively. */
#ifndef TEST_LIB_PACKET_H
#define TEST_LIB_PACKET_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"

/* RFC 1071 literally: the ones' complement of the ones' complement sum of 16-bit words, with each
 * carry added back at once. */
static inline uint16_t packet_checksum(const uint8_t *bytes, size_t len)
{
        uint32_t sum = 0;

        for (size_t i = 0; i < len; i++) {
                sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
                if (sum > 0xffff)
                        sum -= 0xffff;
        }
        return (uint16_t)~sum;
}

/* Writes the correct checksum into an IPv4 header of 20 bytes. */
static inline void packet_fix_ipv4(uint8_t *packet)
{
        wg_be16_store(packet + 10, 0);
        wg_be16_store(packet + 10, packet_checksum(packet, 20));
}

/* A complete IPv4 packet of len bytes, at least 20; the payload counts up. Addresses in host
 * order. */
static inline void packet_ipv4(uint8_t *packet, size_t len, uint32_t source, uint32_t destination)
{
        for (size_t i = 20; i < len; i++)
                packet[i] = (uint8_t)i;
        memset(packet, 0, 20);
        packet[0] = 0x45;
        wg_be16_store(packet + 2, (uint16_t)len);
        packet[8] = 64;
        packet[9] = 17;
        wg_be32_store(packet + 12, source);
        wg_be32_store(packet + 16, destination);
        packet_fix_ipv4(packet);
}

/* A complete IPv6 packet of len bytes, at least 40. Addresses are fd00::/64 with these last
 * bytes. */
static inline void packet_ipv6(uint8_t *packet, size_t len, uint8_t source, uint8_t destination)
{
        for (size_t i = 40; i < len; i++)
                packet[i] = (uint8_t)i;
        memset(packet, 0, 40);
        packet[0] = 0x60;
        wg_be16_store(packet + 4, (uint16_t)(len - 40));
        packet[6] = 17;
        packet[7] = 64;
        packet[8] = packet[24] = 0xfd;
        packet[23] = source;
        packet[39] = destination;
}

#endif
