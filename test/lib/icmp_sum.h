/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * icmp_sum.h - corrects the checksum of ICMP in random packets, or a fuzzer would hardly get past
 * the check of it. */
#ifndef TEST_LIB_ICMP_SUM_H
#define TEST_LIB_ICMP_SUM_H

#include "base/checksum.h"

/* Leaves a packet as it is if it has no ICMP, or ends before the checksum. */
static inline void icmp_sum_correct(uint8_t *packet, size_t size)
{
        const struct wg_ip_header h = wg_ip_parse(packet, size);
        bool is_ipv6 = h.family == WG_FAMILY_IPV6;
        size_t at = is_ipv6 ? WG_IPV6_HEADER_LEN : WG_IPV4_HEADER_LEN, end = WG_MIN(size, h.len);
        uint8_t protocol = is_ipv6 ? WG_PROTOCOL_ICMPV6 : WG_PROTOCOL_ICMP;
        uint64_t sum = 0;

        if (h.family == WG_FAMILY_IPV4)
                at = wg_ipv4_header_len(packet);
        if (h.family == WG_FAMILY_NONE || end < at + 4 ||
            packet[is_ipv6 ? WG_IPV6_AT_NEXT : WG_IPV4_AT_PROTOCOL] != protocol)
                return;
        if (is_ipv6)
                sum = wg_checksum_pseudo_of(packet, h.family, protocol, (uint32_t)(end - at));
        wg_checksum_store(packet + at + 2, 0);
        wg_checksum_store(packet + at + 2,
                          wg_checksum_fold(wg_checksum_add(sum, packet + at, end - at)));
}

#endif
