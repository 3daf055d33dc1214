/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/dhcp.h"

#include <string.h>

#include "base/bytes.h"
#include "base/checksum.h"

/* Fields of a message, and options. */
enum {
        SERVER_PORT = 67,
        CLIENT_PORT = 68,
        AT_OPERATION = 0,
        AT_LINK_KIND = 1,
        AT_MAC_LEN = 2,
        AT_ID = 4,
        AT_FLAGS = 10,
        AT_OWN = 12,
        AT_OFFERED = 16,
        AT_CLIENT = 28,
        AT_MAGIC = 236,
        AT_OPTIONS = 240,
        MESSAGE_LEN = 300, /* BOOTP relays drop shorter ones */
        REQUEST = 1,
        REPLY = 2,
        ETHERNET = 1,
        ANSWER_TO_ALL = 0x8000,

        PAD = 0,
        WANTED = 50,
        TYPE = 53,
        SERVER = 54,
        PARAMETERS = 55,
        END = 255,
        DISCOVER = 1,
        OFFER = 2,
        ACKNOWLEDGEMENT = 5,
        INFORM = 8,
        SUBNET_MASK = 1, /* a parameter that every server knows */
};

#define MAGIC 0x63825363u

_Static_assert((int)TL_DHCP_SIZE == (int)WG_IPV4_HEADER_LEN + (int)WG_UDP_HEADER_LEN + MESSAGE_LEN,
               "the size of a packet");

/* ---- questions ---- */

static const struct wg_ip none;

static void compose_options(uint8_t *option, uint8_t type, const struct wg_ip *wanted)
{
        const uint8_t first[] = {TYPE, 1, type, PARAMETERS, 1, SUBNET_MASK};

        memcpy(option, first, sizeof(first));
        option += sizeof(first);
        if (wanted->family == WG_FAMILY_IPV4) {
                *option++ = WANTED;
                *option++ = 4;
                memcpy(option, wanted->bytes, 4);
                option += 4;
        }
        *option = END;
}

static void compose_headers(uint8_t *packet, const struct wg_ip *from)
{
        uint8_t *udp = packet + WG_IPV4_HEADER_LEN;
        const uint16_t len = TL_DHCP_SIZE - WG_IPV4_HEADER_LEN;

        packet[0] = 4 << 4 | WG_IPV4_HEADER_LEN / 4;
        wg_be16_store(packet + WG_IPV4_AT_TOTAL_LEN, TL_DHCP_SIZE);
        packet[WG_IPV4_AT_TTL] = 64;
        packet[WG_IPV4_AT_PROTOCOL] = WG_PROTOCOL_UDP;
        memcpy(packet + WG_IPV4_AT_SOURCE, from->bytes, 4);
        memset(packet + WG_IPV4_AT_DESTINATION, 0xff, 4);
        wg_checksum_store(packet + WG_IPV4_AT_CHECKSUM,
                          wg_checksum_fold(wg_checksum_add(0, packet, WG_IPV4_HEADER_LEN)));
        wg_be16_store(udp, CLIENT_PORT);
        wg_be16_store(udp + 2, SERVER_PORT);
        wg_be16_store(udp + WG_UDP_AT_LEN, len);
        /* Its checksum stays 0, which means none: relays and servers must take that. */
}

/* `own` and `wanted` may be NONE. */
static size_t compose(uint8_t *packet, const struct tl_dhcp_question *question, uint8_t type,
                      const struct wg_ip *own, const struct wg_ip *wanted)
{
        uint8_t *message = packet + WG_IPV4_HEADER_LEN + WG_UDP_HEADER_LEN;

        memset(packet, 0, TL_DHCP_SIZE);
        message[AT_OPERATION] = REQUEST;
        message[AT_LINK_KIND] = ETHERNET;
        message[AT_MAC_LEN] = TL_DHCP_MAC_LEN;
        wg_be32_store(message + AT_ID, question->id);
        wg_be16_store(message + AT_FLAGS, own->family ? 0 : ANSWER_TO_ALL);
        memcpy(message + AT_OWN, own->bytes, 4);
        memcpy(message + AT_CLIENT, question->client, TL_DHCP_MAC_LEN);
        wg_be32_store(message + AT_MAGIC, MAGIC);
        compose_options(message + AT_OPTIONS, type, wanted);
        compose_headers(packet, own);
        return TL_DHCP_SIZE;
}

size_t tl_dhcp_discover(uint8_t packet[TL_DHCP_SIZE], const struct tl_dhcp_question *question)
{
        return compose(packet, question, DISCOVER, &none, &question->ip);
}

size_t tl_dhcp_inform(uint8_t packet[TL_DHCP_SIZE], const struct tl_dhcp_question *question)
{
        return compose(packet, question, INFORM, &question->ip, &none);
}

/* ---- answers ---- */

/* The value of an option that has that length; NULL: there is none. */
static const uint8_t *find_option(const uint8_t *option, size_t left, uint8_t wanted, size_t len)
{
        while (left && *option != END) {
                if (*option == PAD) {
                        option++;
                        left--;
                        continue;
                }
                if (left < 2 || left - 2 < option[1])
                        return NULL;
                if (option[0] == wanted && option[1] == len)
                        return option + 2;
                left -= 2u + option[1];
                option += 2u + option[1];
        }
        return NULL;
}

/* The message in a packet, and its length; NULL: the packet has none. */
static const uint8_t *find_message(const uint8_t *packet, size_t len, size_t *message_len)
{
        size_t header_len, total_len;
        const uint8_t *udp;

        if (len < WG_IPV4_HEADER_LEN || packet[0] >> 4 != 4)
                return NULL;
        header_len = wg_ipv4_header_len(packet);
        total_len = WG_MIN(wg_be16_load(packet + WG_IPV4_AT_TOTAL_LEN), len);
        if (header_len < WG_IPV4_HEADER_LEN || total_len < header_len + WG_UDP_HEADER_LEN ||
            packet[WG_IPV4_AT_PROTOCOL] != WG_PROTOCOL_UDP ||
            wg_be16_load(packet + WG_IPV4_AT_FRAGMENT) & WG_IPV4_MORE_AND_OFFSET)
                return NULL;
        udp = packet + header_len;
        if (wg_be16_load(udp) != SERVER_PORT || wg_be16_load(udp + 2) != CLIENT_PORT ||
            wg_be16_load(udp + WG_UDP_AT_LEN) < WG_UDP_HEADER_LEN)
                return NULL;
        *message_len = WG_MIN(total_len - header_len, wg_be16_load(udp + WG_UDP_AT_LEN)) -
                       WG_UDP_HEADER_LEN;
        return *message_len > AT_OPTIONS ? udp + WG_UDP_HEADER_LEN : NULL;
}

/* An offer has an address. An acknowledgement has one only if it was leased. */
static bool read_offered(struct wg_ip *offered, uint8_t type, const uint8_t *at)
{
        *offered = type == OFFER ? wg_ip_load(WG_FAMILY_IPV4, at) : none;
        return type == OFFER ? wg_be32_load(at) != 0 : type == ACKNOWLEDGEMENT;
}

bool tl_dhcp_read(struct tl_dhcp_answer *answer, const uint8_t *packet, size_t len)
{
        size_t message_len;
        const uint8_t *message = find_message(packet, len, &message_len), *type, *server;
        struct wg_ip offered;

        if (!message || message[AT_OPERATION] != REPLY || message[AT_LINK_KIND] != ETHERNET ||
            message[AT_MAC_LEN] != TL_DHCP_MAC_LEN || wg_be32_load(message + AT_MAGIC) != MAGIC)
                return false;
        type = find_option(message + AT_OPTIONS, message_len - AT_OPTIONS, TYPE, 1);
        server = find_option(message + AT_OPTIONS, message_len - AT_OPTIONS, SERVER, 4);
        if (!type || !server || !read_offered(&offered, *type, message + AT_OFFERED))
                return false;
        *answer = (struct tl_dhcp_answer){
                .id = wg_be32_load(message + AT_ID),
                .offered = offered,
                .server = wg_ip_load(WG_FAMILY_IPV4, server),
        };
        memcpy(answer->client, message + AT_CLIENT, TL_DHCP_MAC_LEN);
        return true;
}
