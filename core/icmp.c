/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/icmp.h"

#include "base/bytes.h"
#include "base/endpoint.h"
#include "core/ip.h"

enum { PROTOCOL_ICMP = 1, PROTOCOL_ICMPV6 = 58, ICMP_HEADER_LEN = 8, HOPS = 64 };
/* The most that any host must be able to receive, so the most that an error may be. */
enum { IPV4_MAX = 576, IPV6_MAX = WG_ICMP_LEN_MAX };
enum { ICMP_UNREACHABLE = 3, ICMP_HOST = 1, ICMPV6_UNREACHABLE = 1, ICMPV6_ADDRESS = 3 };

#define PER_S 1000
#define AT_ONCE 100

/* Whether an ICMP message of that type asks or answers, rather than reports an error. */
static bool is_icmp_query(uint8_t type)
{
        switch (type) {
        case 0: /* echo reply, echo, router advertisement and solicitation, timestamps */
        case 8:
        case 9:
        case 10:
        case 13:
        case 14:
                return true;
        default:
                return false;
        }
}

static bool may_answer_ipv4(const uint8_t *packet, size_t len)
{
        size_t header = (size_t)(packet[0] & 15) * 4;
        bool is_later_fragment = (wg_be16_load(packet + 6) & 0x1fff) != 0;

        if (is_later_fragment || header < WG_IPV4_HEADER_LEN || header > len)
                return false;
        /* Multicast, reserved and limited broadcast; then a source that names no single host. */
        if (packet[16] >= 224 || packet[12] >= 224 || packet[12] == 127 ||
            wg_be32_load(packet + 12) == 0)
                return false;
        if (packet[9] == PROTOCOL_ICMP)
                return header < len && is_icmp_query(packet[header]);
        return true;
}

static bool may_answer_ipv6(const uint8_t *packet, size_t len)
{
        enum { HOP_BY_HOP = 0, ROUTING = 43, FRAGMENT = 44, DESTINATION = 60 };
        uint8_t next = packet[6];
        size_t at = WG_IPV6_HEADER_LEN, size;

        if (packet[24] == 0xff || packet[8] == 0xff || wg_is_zero(packet + 8, 16))
                return false;
        while (next == HOP_BY_HOP || next == ROUTING || next == DESTINATION || next == FRAGMENT) {
                if (at + 8 > len)
                        return false;
                if (next == FRAGMENT && wg_be16_load(packet + at + 2) >> 3)
                        return false;
                /* A fragment header has no length: that byte is reserved. */
                size = next == FRAGMENT ? 8 : (size_t)packet[at + 1] * 8 + 8;
                next = packet[at];
                at += size;
        }
        /* ICMPv6 errors have types below 128. */
        return next != PROTOCOL_ICMPV6 || (at < len && packet[at] >= 128);
}

static size_t answer_ipv4(const uint8_t *packet, size_t len, uint8_t out[WG_ICMP_LEN_MAX])
{
        size_t quoted = WG_MIN(len, (size_t)IPV4_MAX - WG_IPV4_HEADER_LEN - ICMP_HEADER_LEN);
        size_t total = WG_IPV4_HEADER_LEN + ICMP_HEADER_LEN + quoted;
        uint8_t *icmp = out + WG_IPV4_HEADER_LEN;

        memset(out, 0, WG_IPV4_HEADER_LEN + ICMP_HEADER_LEN);
        out[0] = 0x45;
        wg_be16_store(out + 2, (uint16_t)total);
        out[8] = HOPS;
        out[9] = PROTOCOL_ICMP;
        memcpy(out + 12, packet + 16, 4);
        memcpy(out + 16, packet + 12, 4);
        wg_be16_store(out + 10, wg_ip_fold(wg_ip_sum(out, WG_IPV4_HEADER_LEN, 0)));
        icmp[0] = ICMP_UNREACHABLE;
        icmp[1] = ICMP_HOST;
        memcpy(icmp + ICMP_HEADER_LEN, packet, quoted);
        wg_be16_store(icmp + 2, wg_ip_fold(wg_ip_sum(icmp, ICMP_HEADER_LEN + quoted, 0)));
        return total;
}

static size_t answer_ipv6(const uint8_t *packet, size_t len, uint8_t out[WG_ICMP_LEN_MAX])
{
        size_t quoted = WG_MIN(len, (size_t)IPV6_MAX - WG_IPV6_HEADER_LEN - ICMP_HEADER_LEN);
        uint8_t *icmp = out + WG_IPV6_HEADER_LEN;

        memset(out, 0, WG_IPV6_HEADER_LEN + ICMP_HEADER_LEN);
        out[0] = 0x60;
        wg_be16_store(out + 4, (uint16_t)(ICMP_HEADER_LEN + quoted));
        out[6] = PROTOCOL_ICMPV6;
        out[7] = HOPS;
        memcpy(out + 8, packet + 24, 16);
        memcpy(out + 24, packet + 8, 16);
        icmp[0] = ICMPV6_UNREACHABLE;
        icmp[1] = ICMPV6_ADDRESS;
        memcpy(icmp + ICMP_HEADER_LEN, packet, quoted);
        /* The pseudo header: both addresses, the length, the protocol. */
        wg_be16_store(icmp + 2,
                      wg_ip_fold(wg_ip_sum(
                              icmp, ICMP_HEADER_LEN + quoted,
                              wg_ip_sum(out + 8, 32,
                                        (uint32_t)(ICMP_HEADER_LEN + quoted) + PROTOCOL_ICMPV6))));
        return WG_IPV6_HEADER_LEN + ICMP_HEADER_LEN + quoted;
}

size_t wg_icmp_unreachable(const uint8_t *packet, size_t len, uint8_t out[WG_ICMP_LEN_MAX])
{
        struct wg_ip_header h = wg_ip_parse(packet, len);

        if (h.family == WG_FAMILY_IPV4 && may_answer_ipv4(packet, len))
                return answer_ipv4(packet, len, out);
        if (h.family == WG_FAMILY_IPV6 && may_answer_ipv6(packet, len))
                return answer_ipv6(packet, len, out);
        return 0;
}

bool wg_icmp_may_send(struct wg_icmp_limit *limit, uint64_t now_ns)
{
        const uint64_t cost = WG_NS_PER_S / PER_S;
        uint64_t full = WG_MAX(limit->full_ns, now_ns) + cost;

        if (full > now_ns + AT_ONCE * cost)
                return false;
        limit->full_ns = full;
        return true;
}
