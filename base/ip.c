/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "base/ip.h"

#include "base/bytes.h"
#include "base/checksum.h"

struct wg_ip_header wg_ip_parse(const uint8_t *packet, size_t len)
{
        struct wg_ip_header h = {.family = WG_FAMILY_NONE};

        if (len >= WG_IPV4_HEADER_LEN && packet[0] >> 4 == 4) {
                h.family = WG_FAMILY_IPV4;
                h.tos = packet[WG_IPV4_AT_TOS];
                h.len = wg_be16_load(packet + WG_IPV4_AT_TOTAL_LEN);
                h.source = packet + WG_IPV4_AT_SOURCE;
                h.destination = packet + WG_IPV4_AT_DESTINATION;
        } else if (len >= WG_IPV6_HEADER_LEN && packet[0] >> 4 == 6) {
                h.family = WG_FAMILY_IPV6;
                h.tos = (uint8_t)(packet[0] << 4 | packet[1] >> 4);
                h.len = (uint32_t)wg_be16_load(packet + WG_IPV6_AT_PAYLOAD_LEN) +
                        WG_IPV6_HEADER_LEN;
                h.source = packet + WG_IPV6_AT_SOURCE;
                h.destination = packet + WG_IPV6_AT_DESTINATION;
        }
        return h;
}

bool wg_ip_is_same_address(uint8_t a_family, const uint8_t *a, uint8_t b_family, const uint8_t *b)
{
        return a_family == b_family && memcmp(a, b, a_family == WG_FAMILY_IPV4 ? 4 : 16) == 0;
}

void wg_ip_mark_congestion(uint8_t *packet, const struct wg_ip_header *header)
{
        uint8_t ecn = header->tos & WG_ECN_MASK;
        uint64_t before;

        if (ecn != WG_ECN_ECT0 && ecn != WG_ECN_ECT1)
                return;
        if (header->family == WG_FAMILY_IPV6) {
                packet[1] |= WG_ECN_CE << 4;
                return;
        }
        before = wg_checksum_at(packet);
        packet[WG_IPV4_AT_TOS] |= WG_ECN_CE;
        wg_checksum_update(packet + WG_IPV4_AT_CHECKSUM, before, wg_checksum_at(packet));
}
