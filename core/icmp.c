/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/icmp.h"

#include "base/checksum.h"

enum { ICMP_HEADER_LEN = 8, ICMP_AT_TYPE = 0, ICMP_AT_CODE = 1, ICMP_AT_CHECKSUM = 2, HOPS = 64 };
/* The largest errors: every host must be able to receive packets of these sizes. */
enum { IPV4_MAX = 576, IPV6_MAX = WG_ICMP_LEN_MAX };
enum { ICMP_UNREACHABLE = 3, ICMP_HOST = 1, ICMPV6_UNREACHABLE = 1, ICMPV6_ADDRESS = 3 };

#define PER_S 1000
#define AT_ONCE 100

/* Whether an ICMP message of this type is a query or reply, not an error. */
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
        const uint8_t *source = packet + WG_IPV4_AT_SOURCE;
        uint16_t fragment = wg_be16_load(packet + WG_IPV4_AT_FRAGMENT);
        size_t header = wg_ipv4_header_len(packet);

        if (fragment & WG_IPV4_OFFSET || header < WG_IPV4_HEADER_LEN || header > len)
                return false;
        /* Multicast, reserved and limited broadcast destinations; then sources that are no single
         * host. */
        if (packet[WG_IPV4_AT_DESTINATION] >= 224 || source[0] >= 224 || source[0] == 127 ||
            wg_be32_load(source) == 0)
                return false;
        if (packet[WG_IPV4_AT_PROTOCOL] == WG_PROTOCOL_ICMP)
                return header < len && is_icmp_query(packet[header]);
        return true;
}

static bool may_answer_ipv6(const uint8_t *packet, size_t len)
{
        const uint8_t *source = packet + WG_IPV6_AT_SOURCE;
        uint8_t next = packet[WG_IPV6_AT_NEXT];
        size_t at = WG_IPV6_HEADER_LEN, size;

        if (packet[WG_IPV6_AT_DESTINATION] == 0xff || source[0] == 0xff || wg_is_zero(source, 16))
                return false;
        while (next == WG_PROTOCOL_HOP_BY_HOP || next == WG_PROTOCOL_ROUTING ||
               next == WG_PROTOCOL_DESTINATION || next == WG_PROTOCOL_FRAGMENT) {
                if (at + 8 > len)
                        return false;
                if (next == WG_PROTOCOL_FRAGMENT && wg_be16_load(packet + at + 2) >> 3)
                        return false;
                /* A fragment header has no length field; that byte is reserved. */
                size = next == WG_PROTOCOL_FRAGMENT ? 8 : (size_t)packet[at + 1] * 8 + 8;
                next = packet[at];
                at += size;
        }
        /* ICMPv6 errors have types below 128. */
        return next != WG_PROTOCOL_ICMPV6 || (at < len && packet[at] >= 128);
}

/* Writes the ICMP message into zeroed memory. `sum` is that of the pseudo header; 0 if it has
 * none. */
static void write_icmp(uint8_t *icmp, uint8_t type, uint8_t code, const uint8_t *packet,
                       size_t quoted, uint64_t pseudo)
{
        icmp[ICMP_AT_TYPE] = type;
        icmp[ICMP_AT_CODE] = code;
        memcpy(icmp + ICMP_HEADER_LEN, packet, quoted);
        wg_checksum_store(
                icmp + ICMP_AT_CHECKSUM,
                wg_checksum_fold(wg_checksum_add(pseudo, icmp, ICMP_HEADER_LEN + quoted)));
}

static size_t answer_ipv4(const uint8_t *packet, size_t len, uint8_t out[WG_ICMP_LEN_MAX])
{
        size_t quoted = WG_MIN(len, (size_t)IPV4_MAX - WG_IPV4_HEADER_LEN - ICMP_HEADER_LEN);
        size_t total = WG_IPV4_HEADER_LEN + ICMP_HEADER_LEN + quoted;
        uint8_t *icmp = out + WG_IPV4_HEADER_LEN;

        memset(out, 0, WG_IPV4_HEADER_LEN + ICMP_HEADER_LEN);
        out[0] = 0x45;
        wg_be16_store(out + WG_IPV4_AT_TOTAL_LEN, (uint16_t)total);
        out[WG_IPV4_AT_TTL] = HOPS;
        out[WG_IPV4_AT_PROTOCOL] = WG_PROTOCOL_ICMP;
        memcpy(out + WG_IPV4_AT_SOURCE, packet + WG_IPV4_AT_DESTINATION, 4);
        memcpy(out + WG_IPV4_AT_DESTINATION, packet + WG_IPV4_AT_SOURCE, 4);
        wg_checksum_store(out + WG_IPV4_AT_CHECKSUM,
                          wg_checksum_fold(wg_checksum_add(0, out, WG_IPV4_HEADER_LEN)));
        write_icmp(icmp, ICMP_UNREACHABLE, ICMP_HOST, packet, quoted, 0);
        return total;
}

static size_t answer_ipv6(const uint8_t *packet, size_t len, uint8_t out[WG_ICMP_LEN_MAX])
{
        size_t quoted = WG_MIN(len, (size_t)IPV6_MAX - WG_IPV6_HEADER_LEN - ICMP_HEADER_LEN);
        uint8_t *icmp = out + WG_IPV6_HEADER_LEN;

        memset(out, 0, WG_IPV6_HEADER_LEN + ICMP_HEADER_LEN);
        out[0] = 0x60;
        wg_be16_store(out + WG_IPV6_AT_PAYLOAD_LEN, (uint16_t)(ICMP_HEADER_LEN + quoted));
        out[WG_IPV6_AT_NEXT] = WG_PROTOCOL_ICMPV6;
        out[WG_IPV6_AT_HOP_LIMIT] = HOPS;
        memcpy(out + WG_IPV6_AT_SOURCE, packet + WG_IPV6_AT_DESTINATION, 16);
        memcpy(out + WG_IPV6_AT_DESTINATION, packet + WG_IPV6_AT_SOURCE, 16);
        write_icmp(icmp, ICMPV6_UNREACHABLE, ICMPV6_ADDRESS, packet, quoted,
                   wg_checksum_pseudo_of(out, WG_FAMILY_IPV6, WG_PROTOCOL_ICMPV6,
                                         (uint32_t)(ICMP_HEADER_LEN + quoted)));
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
