/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/ip.h"

#include "base/bytes.h"
#include "base/endpoint.h"
#include "base/mem.h"

struct wg_ip_header wg_ip_parse(const uint8_t *packet, size_t len)
{
        struct wg_ip_header h = {.family = WG_FAMILY_NONE};

        if (len >= WG_IPV4_HEADER_LEN && packet[0] >> 4 == 4) {
                h.family = WG_FAMILY_IPV4;
                h.tos = packet[1];
                h.len = wg_be16_load(packet + 2);
                h.source = packet + 12;
                h.destination = packet + 16;
        } else if (len >= WG_IPV6_HEADER_LEN && packet[0] >> 4 == 6) {
                h.family = WG_FAMILY_IPV6;
                h.tos = (uint8_t)(packet[0] << 4 | packet[1] >> 4);
                h.len = (uint32_t)wg_be16_load(packet + 4) + WG_IPV6_HEADER_LEN;
                h.source = packet + 8;
                h.destination = packet + 24;
        }
        return h;
}

bool wg_ip_is_same_address(uint8_t a_family, const uint8_t *a, uint8_t b_family, const uint8_t *b)
{
        return a_family == b_family && memcmp(a, b, a_family == WG_FAMILY_IPV4 ? 4 : 16) == 0;
}

uint32_t wg_ip_sum(const uint8_t *bytes, size_t len, uint32_t sum)
{
        uint64_t wide = sum;

        for (; len >= 2; len -= 2, bytes += 2)
                wide += wg_be16_load(bytes);
        if (len)
                wide += (uint32_t)bytes[0] << 8;
        while (wide >> 32)
                wide = (wide & UINT32_MAX) + (wide >> 32);
        return (uint32_t)wide;
}

uint16_t wg_ip_fold(uint32_t sum)
{
        sum = (sum & 0xffff) + (sum >> 16);
        sum = (sum & 0xffff) + (sum >> 16);
        return (uint16_t)~sum;
}

void wg_ip_mark_congestion(uint8_t *packet, const struct wg_ip_header *header)
{
        uint8_t ecn = header->tos & WG_ECN_MASK;
        uint16_t before, after;

        if (ecn != WG_ECN_ECT0 && ecn != WG_ECN_ECT1)
                return;
        if (header->family == WG_FAMILY_IPV6) {
                packet[1] |= WG_ECN_CE << 4;
                return;
        }
        /* The checksum changes by the word that changes: new = ~(~old + ~before + after). */
        before = wg_be16_load(packet);
        packet[1] |= WG_ECN_CE;
        after = wg_be16_load(packet);
        wg_be16_store(packet + 10, wg_ip_fold((uint32_t)(uint16_t)~wg_be16_load(packet + 10) +
                                              (uint16_t)~before + after));
}
