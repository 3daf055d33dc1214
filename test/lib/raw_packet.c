/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "test/lib/raw_packet.h"

#include <string.h>

#include "base/bytes.h"

enum {
        IPV4_LEN = 20,
        IPV6_LEN = 40,
        PAYLOAD = 8, /* bytes, after ports or the header of ICMP */
        ICMP_LEN = 8,
        TCP_LEN = 24, /* with the MSS */
        AT_MSS = 22,
        SYN = 2,
        ACK = 16,
};

/* ---- checksums ---- */

static uint32_t add_up(const uint8_t *bytes, size_t len, uint32_t sum)
{
        for (size_t i = 0; i < len; i++)
                sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
        return sum;
}

static uint16_t fold(uint32_t sum)
{
        sum = (sum & 0xffff) + (sum >> 16);
        return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

static bool is_ipv6(const uint8_t *packet)
{
        return packet[0] >> 4 == 6;
}

static size_t header_len(const uint8_t *packet)
{
        return is_ipv6(packet) ? IPV6_LEN : IPV4_LEN;
}

static uint8_t protocol_of(const uint8_t *packet)
{
        return packet[is_ipv6(packet) ? 6 : 9];
}

/* Over the transport, with the pseudo-header that its protocol has. */
static uint32_t add_up_transport(const uint8_t *packet, size_t len)
{
        size_t header = header_len(packet);
        uint32_t sum = add_up(packet + header, len - header, 0);

        if (protocol_of(packet) == WG_PROTOCOL_ICMP)
                return sum;
        sum += protocol_of(packet) + (uint32_t)(len - header);
        return is_ipv6(packet) ? add_up(packet + 8, 32, sum) : add_up(packet + 12, 8, sum);
}

static uint8_t *checksum_of(uint8_t *packet)
{
        uint8_t *transport = packet + header_len(packet);

        switch (protocol_of(packet)) {
        case WG_PROTOCOL_TCP:
                return transport + 16;
        case WG_PROTOCOL_UDP:
                return transport + 6;
        default:
                return transport + 2;
        }
}

static void set_checksums(uint8_t *packet, size_t len)
{
        wg_be16_store(checksum_of(packet), 0);
        wg_be16_store(checksum_of(packet), (uint16_t)~fold(add_up_transport(packet, len)));
        if (is_ipv6(packet))
                return;
        wg_be16_store(packet + 10, 0);
        wg_be16_store(packet + 10, (uint16_t)~fold(add_up(packet, IPV4_LEN, 0)));
}

bool raw_packet_is_sound(const uint8_t *packet, size_t len)
{
        return fold(add_up_transport(packet, len)) == 0xffff &&
               (is_ipv6(packet) || fold(add_up(packet, IPV4_LEN, 0)) == 0xffff);
}

/* ---- headers ---- */

static void write_header(uint8_t *out, const struct wg_ip *from, const struct wg_ip *to,
                         uint8_t protocol, size_t len)
{
        if (from->family == WG_FAMILY_IPV4) {
                out[0] = 0x45;
                wg_be16_store(out + 2, (uint16_t)(IPV4_LEN + len));
                out[8] = 64;
                out[9] = protocol;
                memcpy(out + 12, from->bytes, 4);
                memcpy(out + 16, to->bytes, 4);
                return;
        }
        out[0] = 0x60;
        wg_be16_store(out + 4, (uint16_t)len);
        out[6] = protocol == WG_PROTOCOL_ICMP ? WG_PROTOCOL_ICMPV6 : protocol;
        out[7] = 64;
        memcpy(out + 8, from->bytes, 16);
        memcpy(out + 24, to->bytes, 16);
}

static struct wg_ip read_ip(const uint8_t *packet, unsigned int number)
{
        struct wg_ip ip = {.family = is_ipv6(packet) ? WG_FAMILY_IPV6 : WG_FAMILY_IPV4};

        if (is_ipv6(packet))
                memcpy(ip.bytes, packet + 8 + 16 * number, 16);
        else
                memcpy(ip.bytes, packet + 12 + 4 * number, 4);
        return ip;
}

uint16_t raw_packet_mss(const uint8_t *packet)
{
        return wg_be16_load(packet + header_len(packet) + AT_MSS);
}

struct raw_packet_ends raw_packet_read(const uint8_t *packet)
{
        return (struct raw_packet_ends){
                .from = read_ip(packet, 0),
                .to = read_ip(packet, 1),
                .protocol = protocol_of(packet) == WG_PROTOCOL_ICMPV6 ? (uint8_t)WG_PROTOCOL_ICMP
                                                                      : protocol_of(packet),
        };
}

/* ---- packets ---- */

static size_t write_transport(uint8_t *out, const struct raw_packet_ends *ends, uint32_t serial)
{
        uint16_t port = (uint16_t)(20000 + serial % 40000);

        switch (ends->protocol) {
        case WG_PROTOCOL_TCP:
                wg_be16_store(out, port);
                wg_be16_store(out + 2, ends->port);
                wg_be32_store(out + 4, serial);
                out[12] = TCP_LEN / 4 << 4;
                out[13] = SYN;
                wg_be16_store(out + 14, 1000);
                out[AT_MSS - 2] = 2; /* the option and its length */
                out[AT_MSS - 1] = 4;
                wg_be16_store(out + AT_MSS, RAW_PACKET_MSS);
                return TCP_LEN;
        case WG_PROTOCOL_UDP:
                wg_be16_store(out, port);
                wg_be16_store(out + 2, ends->port);
                wg_be16_store(out + 4, 8 + PAYLOAD);
                wg_be32_store(out + 8, serial);
                return 8 + PAYLOAD;
        default:
                out[0] = ends->from.family == WG_FAMILY_IPV6 ? 128 : 8;
                wg_be16_store(out + 4, port);
                wg_be32_store(out + 8, serial);
                return ICMP_LEN + PAYLOAD;
        }
}

size_t raw_packet_write(uint8_t out[RAW_PACKET_MOST], const struct raw_packet_ends *ends,
                        uint32_t serial)
{
        size_t header = ends->from.family == WG_FAMILY_IPV4 ? IPV4_LEN : IPV6_LEN, len;

        memset(out, 0, RAW_PACKET_MOST);
        len = write_transport(out + header, ends, serial);
        write_header(out, &ends->from, &ends->to, ends->protocol, len);
        set_checksums(out, header + len);
        return header + len;
}

/* A SYN-ACK also has the serial number that it acknowledges, as its own. */
static void turn_transport(uint8_t *transport, uint8_t protocol)
{
        uint8_t port[2];

        if (protocol == WG_PROTOCOL_ICMP || protocol == WG_PROTOCOL_ICMPV6) {
                transport[0] = protocol == WG_PROTOCOL_ICMP ? 0 : 129;
                return;
        }
        memcpy(port, transport, 2);
        memcpy(transport, transport + 2, 2);
        memcpy(transport + 2, port, 2);
        if (protocol == WG_PROTOCOL_TCP) {
                wg_be32_store(transport + 8, wg_be32_load(transport + 4) + 1);
                transport[13] = SYN | ACK;
        }
}

size_t raw_packet_reply(uint8_t out[RAW_PACKET_MOST], const uint8_t *packet, size_t len)
{
        struct wg_ip from = read_ip(packet, 0), to = read_ip(packet, 1);
        uint8_t protocol = protocol_of(packet);

        memset(out, 0, RAW_PACKET_MOST);
        memcpy(out + header_len(packet), packet + header_len(packet), len - header_len(packet));
        write_header(out, &to, &from, protocol, len - header_len(packet));
        turn_transport(out + header_len(packet), protocol);
        set_checksums(out, len);
        return len;
}

size_t raw_packet_too_big(uint8_t out[RAW_PACKET_MOST], const struct wg_ip *from,
                          const uint8_t *packet, size_t len, uint16_t mtu)
{
        struct wg_ip to = read_ip(packet, 0);
        size_t header = header_len(packet);

        memset(out, 0, RAW_PACKET_MOST);
        write_header(out, from, &to, WG_PROTOCOL_ICMP, ICMP_LEN + len);
        out[header] = is_ipv6(packet) ? 2 : 3;
        out[header + 1] = is_ipv6(packet) ? 0 : 4;
        wg_be16_store(out + header + 6, mtu);
        memcpy(out + header + ICMP_LEN, packet, len);
        set_checksums(out, header + ICMP_LEN + len);
        return header + ICMP_LEN + len;
}

const uint8_t *raw_packet_quoted(const uint8_t *packet)
{
        const uint8_t *icmp = packet + header_len(packet);

        if (protocol_of(packet) == WG_PROTOCOL_ICMP && icmp[0] == 3)
                return icmp + ICMP_LEN;
        if (protocol_of(packet) == WG_PROTOCOL_ICMPV6 && icmp[0] < 128)
                return icmp + ICMP_LEN;
        return NULL;
}
