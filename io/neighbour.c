/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/neighbour.h"

#include <string.h>

#include "base/bytes.h"
#include "base/checksum.h"

/* Fields of ARP for IPv4 over Ethernet. */
enum {
        ARP_LEN = 28,
        ARP_AT_PROTOCOL = 2,
        ARP_AT_LENGTHS = 4,
        ARP_AT_OPERATION = 6,
        ARP_AT_SENDER_MAC = 8,
        ARP_AT_SENDER_IP = 14,
        ARP_AT_TARGET_IP = 24,
        ARP_ETHERNET = 1,
        ARP_IPV4 = 0x0800,
        ARP_LENGTHS = 0x0604, /* of both kinds of addresses */
        ARP_REQUEST = 1,
        ARP_REPLY = 2,
};

/* Fields of neighbour solicitations and advertisements, from the ICMPv6 header on. */
enum {
        NDP_LEN = 24, /* without options */
        NDP_AT_CHECKSUM = 2,
        NDP_AT_FLAGS = 4,
        NDP_AT_TARGET = 8,
        NDP_SOLICITATION = 135,
        NDP_ADVERTISEMENT = 136,
        NDP_IS_SOLICITED = 0x40,
        NDP_OPTION_LEN = 8, /* of an Ethernet address; also the unit of lengths */
        NDP_OPTION_SOURCE = 1,
        NDP_OPTION_TARGET = 2,
        NDP_HOP_LIMIT = 255, /* no router has forwarded it */
        MULTICAST6 = 0xff,   /* the first byte of an address */
};

static const uint8_t nobody[16];

static bool is_zero(const uint8_t *bytes, size_t len)
{
        return memcmp(bytes, nobody, len) == 0;
}

/* ---- questions ---- */

static size_t ask_arp(uint8_t *packet, uint8_t *to, const uint8_t *own, const struct wg_ip *from,
                      const struct wg_ip *target)
{
        memset(packet, 0, ARP_LEN);
        wg_be16_store(packet, ARP_ETHERNET);
        wg_be16_store(packet + ARP_AT_PROTOCOL, ARP_IPV4);
        wg_be16_store(packet + ARP_AT_LENGTHS, ARP_LENGTHS);
        wg_be16_store(packet + ARP_AT_OPERATION, ARP_REQUEST);
        memcpy(packet + ARP_AT_SENDER_MAC, own, TL_NEIGHBOUR_MAC_LEN);
        memcpy(packet + ARP_AT_SENDER_IP, from->bytes, 4);
        memcpy(packet + ARP_AT_TARGET_IP, target->bytes, 4);
        memset(to, 0xff, TL_NEIGHBOUR_MAC_LEN);
        return ARP_LEN;
}

static size_t ask_ndp(uint8_t *packet, uint8_t *to, const uint8_t *own, const struct wg_ip *from,
                      const struct wg_ip *target)
{
        /* ff02::1:ff00:0/104, with the last bits of the address that is asked for. */
        uint8_t group[16] = {MULTICAST6, 2, [11] = 1, [12] = 0xff};
        const uint8_t group_mac[] = {0x33, 0x33, 0xff};
        uint8_t *icmp = packet + WG_IPV6_HEADER_LEN;
        uint32_t len = NDP_LEN + (from->family ? NDP_OPTION_LEN : 0);

        memcpy(group + 13, target->bytes + 13, 3);
        memcpy(to, group_mac, 3);
        memcpy(to + 3, target->bytes + 13, 3);
        memset(packet, 0, TL_NEIGHBOUR_SIZE);
        packet[0] = 0x60;
        wg_be16_store(packet + WG_IPV6_AT_PAYLOAD_LEN, (uint16_t)len);
        packet[WG_IPV6_AT_NEXT] = WG_PROTOCOL_ICMPV6;
        packet[WG_IPV6_AT_HOP_LIMIT] = NDP_HOP_LIMIT;
        memcpy(packet + WG_IPV6_AT_SOURCE, from->bytes, 16);
        memcpy(packet + WG_IPV6_AT_DESTINATION, group, 16);
        icmp[0] = NDP_SOLICITATION;
        memcpy(icmp + NDP_AT_TARGET, target->bytes, 16);
        if (from->family) {
                icmp[NDP_LEN] = NDP_OPTION_SOURCE;
                icmp[NDP_LEN + 1] = 1;
                memcpy(icmp + NDP_LEN + 2, own, TL_NEIGHBOUR_MAC_LEN);
        }
        wg_checksum_store(
                icmp + NDP_AT_CHECKSUM,
                wg_checksum_fold(wg_checksum_add(
                        wg_checksum_pseudo_of(packet, WG_FAMILY_IPV6, WG_PROTOCOL_ICMPV6, len),
                        icmp, len)));
        return WG_IPV6_HEADER_LEN + len;
}

size_t tl_neighbour_ask(uint8_t packet[TL_NEIGHBOUR_SIZE], uint8_t to[TL_NEIGHBOUR_MAC_LEN],
                        const uint8_t own[TL_NEIGHBOUR_MAC_LEN], const struct wg_ip *from,
                        const struct wg_ip *target)
{
        return (target->family == WG_FAMILY_IPV4 ? ask_arp : ask_ndp)(packet, to, own, from,
                                                                      target);
}

/* ---- claims ---- */

static bool read_arp(struct tl_neighbour_claim *claim, const uint8_t *packet, size_t len)
{
        uint16_t operation;
        const uint8_t *ip;

        if (len < ARP_LEN || wg_be16_load(packet) != ARP_ETHERNET ||
            wg_be16_load(packet + ARP_AT_PROTOCOL) != ARP_IPV4 ||
            wg_be16_load(packet + ARP_AT_LENGTHS) != ARP_LENGTHS)
                return false;
        operation = wg_be16_load(packet + ARP_AT_OPERATION);
        if (operation != ARP_REQUEST && operation != ARP_REPLY)
                return false;
        claim->is_question = is_zero(packet + ARP_AT_SENDER_IP, 4);
        if (claim->is_question && operation == ARP_REPLY)
                return false;
        ip = packet + (claim->is_question ? ARP_AT_TARGET_IP : ARP_AT_SENDER_IP);
        claim->ip = wg_ip_load(WG_FAMILY_IPV4, ip);
        memcpy(claim->mac, packet + ARP_AT_SENDER_MAC, TL_NEIGHBOUR_MAC_LEN);
        return !is_zero(ip, 4) && !is_zero(claim->mac, TL_NEIGHBOUR_MAC_LEN);
}

/* Reads the Ethernet address among the options, if it is there. Returns false if an option does not
 * end within them. */
static bool read_options(struct tl_neighbour_claim *claim, uint8_t wanted, const uint8_t *option,
                         size_t left)
{
        while (left) {
                size_t len = left < 2 ? 0 : option[1] * (size_t)NDP_OPTION_LEN;

                if (len == 0 || len > left)
                        return false;
                if (option[0] == wanted && len == NDP_OPTION_LEN)
                        memcpy(claim->mac, option + 2, TL_NEIGHBOUR_MAC_LEN);
                option += len;
                left -= len;
        }
        return true;
}

/* The checks are those of RFC 4861, 7.1.1 and 7.1.2. */
static bool read_ndp(struct tl_neighbour_claim *claim, const uint8_t *from, const uint8_t *packet,
                     size_t size)
{
        const uint8_t *icmp = packet + WG_IPV6_HEADER_LEN;
        const uint8_t *source = packet + WG_IPV6_AT_SOURCE;
        const uint8_t *destination = packet + WG_IPV6_AT_DESTINATION;
        uint32_t len;

        if (size < WG_IPV6_HEADER_LEN + NDP_LEN || packet[0] >> 4 != 6)
                return false;
        len = wg_be16_load(packet + WG_IPV6_AT_PAYLOAD_LEN);
        if (len < NDP_LEN || len > size - WG_IPV6_HEADER_LEN ||
            packet[WG_IPV6_AT_NEXT] != WG_PROTOCOL_ICMPV6 ||
            packet[WG_IPV6_AT_HOP_LIMIT] != NDP_HOP_LIMIT || icmp[1] != 0 ||
            icmp[NDP_AT_TARGET] == MULTICAST6 ||
            wg_checksum_fold(wg_checksum_add(
                    wg_checksum_pseudo_of(packet, WG_FAMILY_IPV6, WG_PROTOCOL_ICMPV6, len), icmp,
                    len)) != 0)
                return false;
        claim->ip = wg_ip_load(WG_FAMILY_IPV6, icmp + NDP_AT_TARGET);
        claim->is_question = icmp[0] == NDP_SOLICITATION;
        memcpy(claim->mac, from, TL_NEIGHBOUR_MAC_LEN);
        if (icmp[0] == NDP_ADVERTISEMENT)
                return !(destination[0] == MULTICAST6 && icmp[NDP_AT_FLAGS] & NDP_IS_SOLICITED) &&
                       read_options(claim, NDP_OPTION_TARGET, icmp + NDP_LEN, len - NDP_LEN);
        /* A machine that has an address asks for others'. */
        return icmp[0] == NDP_SOLICITATION && is_zero(source, 16) && destination[0] == MULTICAST6 &&
               read_options(claim, 0, icmp + NDP_LEN, len - NDP_LEN);
}

bool tl_neighbour_read(struct tl_neighbour_claim *claim, uint8_t family,
                       const uint8_t from[TL_NEIGHBOUR_MAC_LEN], const uint8_t *packet, size_t len)
{
        struct tl_neighbour_claim read = {0};

        if (family == WG_FAMILY_IPV4 ? !read_arp(&read, packet, len)
                                     : !read_ndp(&read, from, packet, len))
                return false;
        *claim = read;
        return true;
}
