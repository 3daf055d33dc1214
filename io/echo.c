/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/echo.h"

#include <string.h>

#include "base/bytes.h"
#include "base/checksum.h"

WG_ENUM_DEFINE(tl_echo_kind, TL_ECHOES)

enum {
        TAG_LEN = 8,
        TCP_SYN = 0x02,
        TCP_WINDOW = 1024,
        IPV4_VERSION = 4,
        IPV6_VERSION = 6,

        REDIRECT4 = 5, /* types of ICMP and ICMPv6 */
        REDIRECT6 = 137,
        REDIRECT4_AT_VIA = 4,
        REDIRECT4_LEN = 8, /* before the packet that it is about */
        REDIRECT6_AT_VIA = 8,
        REDIRECT6_AT_TO = 24,
        REDIRECT6_LEN = 40,
        REDIRECT6_HOP_LIMIT = 255,
};

/* ---- composing ---- */

static uint32_t compose_udp(uint8_t *udp, const struct tl_echo *echo)
{
        wg_be16_store(udp + WG_UDP_AT_LEN, WG_UDP_HEADER_LEN + TAG_LEN);
        wg_be64_store(udp + WG_UDP_HEADER_LEN, echo->tag);
        return WG_UDP_HEADER_LEN + TAG_LEN;
}

static uint32_t compose_tcp(uint8_t *tcp, const struct tl_echo *echo)
{
        wg_be64_store(tcp + WG_TCP_AT_SEQUENCE, echo->tag); /* and the number that it confirms */
        tcp[WG_TCP_AT_DATA_OFFSET] = WG_TCP_HEADER_LEN / 4 << 4;
        tcp[WG_TCP_AT_FLAGS] = WG_TCP_ACK | (echo->kind == TL_ECHO_SYN_ACK ? TCP_SYN : 0);
        wg_be16_store(tcp + WG_TCP_AT_WINDOW, TCP_WINDOW);
        return WG_TCP_HEADER_LEN;
}

static void compose_ipv4(uint8_t *packet, const struct tl_echo *echo, uint8_t protocol,
                         uint32_t len)
{
        packet[0] = IPV4_VERSION << 4 | WG_IPV4_HEADER_LEN / 4;
        wg_be16_store(packet + WG_IPV4_AT_TOTAL_LEN, (uint16_t)(WG_IPV4_HEADER_LEN + len));
        wg_be16_store(packet + WG_IPV4_AT_FRAGMENT, WG_IPV4_DONT_FRAGMENT);
        packet[WG_IPV4_AT_TTL] = echo->hop_limit;
        packet[WG_IPV4_AT_PROTOCOL] = protocol;
        memcpy(packet + WG_IPV4_AT_SOURCE, echo->from.bytes, 4);
        memcpy(packet + WG_IPV4_AT_DESTINATION, echo->to.bytes, 4);
        wg_checksum_store(packet + WG_IPV4_AT_CHECKSUM,
                          wg_checksum_fold(wg_checksum_add(0, packet, WG_IPV4_HEADER_LEN)));
}

static void compose_ipv6(uint8_t *packet, const struct tl_echo *echo, uint8_t protocol,
                         uint32_t len)
{
        packet[0] = IPV6_VERSION << 4;
        wg_be16_store(packet + WG_IPV6_AT_PAYLOAD_LEN, (uint16_t)len);
        packet[WG_IPV6_AT_NEXT] = protocol;
        packet[WG_IPV6_AT_HOP_LIMIT] = echo->hop_limit;
        memcpy(packet + WG_IPV6_AT_SOURCE, echo->from.bytes, 16);
        memcpy(packet + WG_IPV6_AT_DESTINATION, echo->to.bytes, 16);
}

size_t tl_echo_compose(uint8_t packet[TL_ECHO_SIZE], const struct tl_echo *echo)
{
        bool is_ipv4 = echo->to.family == WG_FAMILY_IPV4, is_udp = echo->kind == TL_ECHO_UDP;
        uint32_t header_len = is_ipv4 ? WG_IPV4_HEADER_LEN : WG_IPV6_HEADER_LEN, len;
        uint8_t protocol = is_udp ? WG_PROTOCOL_UDP : WG_PROTOCOL_TCP;
        uint8_t *transport = packet + header_len;
        uint16_t checksum;

        memset(packet, 0, TL_ECHO_SIZE);
        wg_be16_store(transport, echo->from_port);
        wg_be16_store(transport + 2, echo->to_port);
        len = is_udp ? compose_udp(transport, echo) : compose_tcp(transport, echo);
        (is_ipv4 ? compose_ipv4 : compose_ipv6)(packet, echo, protocol, len);
        checksum = wg_checksum_fold(wg_checksum_add(
                wg_checksum_pseudo_of(packet, echo->to.family, protocol, len), transport, len));
        if (is_udp && !checksum)
                checksum = UINT16_MAX; /* 0 says that there is none */
        wg_checksum_store(transport + (is_udp ? WG_UDP_AT_CHECKSUM : WG_TCP_AT_CHECKSUM), checksum);
        return header_len + len;
}

/* ---- reading ---- */

/* A transport header, with what the header before it says. */
struct transport {
        uint8_t protocol, hop_limit;
        const uint8_t *at;
        size_t len;
        struct wg_ip from, to;
};

static bool read_ipv4(struct transport *t, const uint8_t *packet, size_t len)
{
        size_t header_len, total_len;

        if (len < WG_IPV4_HEADER_LEN || packet[0] >> 4 != IPV4_VERSION)
                return false;
        header_len = wg_ipv4_header_len(packet);
        total_len = wg_be16_load(packet + WG_IPV4_AT_TOTAL_LEN);
        if (header_len < WG_IPV4_HEADER_LEN || total_len < header_len || header_len > len ||
            wg_be16_load(packet + WG_IPV4_AT_FRAGMENT) & WG_IPV4_MORE_AND_OFFSET)
                return false;
        *t = (struct transport){
                .protocol = packet[WG_IPV4_AT_PROTOCOL],
                .hop_limit = packet[WG_IPV4_AT_TTL],
                .at = packet + header_len,
                .len = WG_MIN(total_len, len) - header_len,
                .from = wg_ip_load(WG_FAMILY_IPV4, packet + WG_IPV4_AT_SOURCE),
                .to = wg_ip_load(WG_FAMILY_IPV4, packet + WG_IPV4_AT_DESTINATION),
        };
        return true;
}

static bool read_ipv6(struct transport *t, const uint8_t *packet, size_t len)
{
        size_t payload_len;

        if (len < WG_IPV6_HEADER_LEN || packet[0] >> 4 != IPV6_VERSION)
                return false;
        payload_len = wg_be16_load(packet + WG_IPV6_AT_PAYLOAD_LEN);
        *t = (struct transport){
                .protocol = packet[WG_IPV6_AT_NEXT],
                .hop_limit = packet[WG_IPV6_AT_HOP_LIMIT],
                .at = packet + WG_IPV6_HEADER_LEN,
                .len = WG_MIN(payload_len, len - WG_IPV6_HEADER_LEN),
                .from = wg_ip_load(WG_FAMILY_IPV6, packet + WG_IPV6_AT_SOURCE),
                .to = wg_ip_load(WG_FAMILY_IPV6, packet + WG_IPV6_AT_DESTINATION),
        };
        return true;
}

static bool read_transport(struct transport *t, uint8_t family, const uint8_t *packet, size_t len)
{
        return (family == WG_FAMILY_IPV4 ? read_ipv4 : read_ipv6)(t, packet, len);
}

bool tl_echo_read(struct tl_echo *echo, uint8_t family, const uint8_t *packet, size_t len)
{
        struct transport t;
        bool is_udp;
        size_t needed;

        if (!read_transport(&t, family, packet, len))
                return false;
        is_udp = t.protocol == WG_PROTOCOL_UDP;
        needed = is_udp ? WG_UDP_HEADER_LEN + TAG_LEN : WG_TCP_HEADER_LEN;
        if ((!is_udp && t.protocol != WG_PROTOCOL_TCP) || t.len < needed)
                return false;
        *echo = (struct tl_echo){
                .from = t.from,
                .to = t.to,
                .from_port = wg_be16_load(t.at),
                .to_port = wg_be16_load(t.at + 2),
                .hop_limit = t.hop_limit,
                .tag = wg_be64_load(t.at + (is_udp ? WG_UDP_HEADER_LEN : WG_TCP_AT_SEQUENCE)),
        };
        if (!is_udp)
                echo->kind = t.at[WG_TCP_AT_FLAGS] & TCP_SYN ? TL_ECHO_SYN_ACK : TL_ECHO_ACK;
        return true;
}

static bool read_redirect4(struct tl_echo_redirect *redirect, const struct transport *t)
{
        struct transport about;

        if (t->protocol != WG_PROTOCOL_ICMP || t->len < REDIRECT4_LEN || t->at[0] != REDIRECT4 ||
            wg_checksum_fold(wg_checksum_add(0, t->at, t->len)) != 0 ||
            !read_ipv4(&about, t->at + REDIRECT4_LEN, t->len - REDIRECT4_LEN))
                return false;
        redirect->to = about.to;
        redirect->via = wg_ip_load(WG_FAMILY_IPV4, t->at + REDIRECT4_AT_VIA);
        return true;
}

static bool read_redirect6(struct tl_echo_redirect *redirect, const struct transport *t,
                           const uint8_t *packet)
{
        if (t->protocol != WG_PROTOCOL_ICMPV6 || t->len < REDIRECT6_LEN || t->at[0] != REDIRECT6 ||
            t->hop_limit != REDIRECT6_HOP_LIMIT ||
            wg_checksum_fold(
                    wg_checksum_add(wg_checksum_pseudo_of(packet, WG_FAMILY_IPV6,
                                                          WG_PROTOCOL_ICMPV6, (uint32_t)t->len),
                                    t->at, t->len)) != 0)
                return false;
        redirect->to = wg_ip_load(WG_FAMILY_IPV6, t->at + REDIRECT6_AT_TO);
        redirect->via = wg_ip_load(WG_FAMILY_IPV6, t->at + REDIRECT6_AT_VIA);
        return true;
}

bool tl_echo_read_redirect(struct tl_echo_redirect *redirect, uint8_t family, const uint8_t *packet,
                           size_t len)
{
        struct transport t;

        if (!read_transport(&t, family, packet, len))
                return false;
        return family == WG_FAMILY_IPV4 ? read_redirect4(redirect, &t)
                                        : read_redirect6(redirect, &t, packet);
}
