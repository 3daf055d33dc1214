/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * bare - a tunnel without a cipher, as simple as possible: the cost of moving packets through a
 * process, and so a bound for everything that also encrypts them.
 *
 *   bare IFNAME ADDRESS PORT      the other end's IPv4 address; both ends use the same port
 *
 * bare makes a TUN device, prints "ready" and carries packets until it is terminated. It has no
 * peers, keys, handshakes or replay windows. It does only the work that no tunnel can avoid: the
 * kernel passes TCP in pieces of up to 64 KiB (virtio header and TSO on the TUN, UDP_SEGMENT and
 * UDP_GRO on the socket); bare cuts them into packets with their own headers and checksums, and
 * merges received packets after verifying their checksums. A packet is as long as in WireGuard: 16
 * bytes before it, padding, and 16 bytes after it.
 *
 * Only IPv4 TCP comes in pieces; everything else goes packet by packet.
 *
 * Threads: one per direction; they share only the descriptors.
 * Source: Linux Documentation/networking/tuntap.rst, include/uapi/linux/virtio_net.h, udp(7). */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/bytes.h"

enum {
        VNET = sizeof(struct virtio_net_hdr),
        HEAD = 16,    /* bytes before each packet on the wire, */
        TAIL = 16,    /* and after it */
        PADDING = 16, /* packets are padded to a multiple of this */
        PIECE_MAX = VNET + 65536,
        DATAGRAMS_MAX = 64,      /* per call, with UDP_SEGMENT */
        SEND_MAX = 65507,        /* bytes per call */
        SOCKET_BUFFER = 7 << 20, /* bytes, each way */
        TCP_CHECKSUM = 16,       /* its offset in the TCP header */
        TCP_FIN = 1,
        TCP_PSH = 8,
        TCP_ACK = 16,
};

static int tun, udp;

/* Checksums. They are in the machine's byte order: a sum of words does not depend on the order of
 * their bytes, as long as it is stored the way they were loaded (RFC 1071). */

static uint64_t sum(const uint8_t *at, size_t len, uint64_t total)
{
        uint64_t word = 0;

        for (; len >= sizeof(word); at += sizeof(word), len -= sizeof(word)) {
                memcpy(&word, at, sizeof(word));
                total += word;
                total += total < word;
        }
        word = 0;
        memcpy(&word, at, len);
        total += word;
        return total + (total < word);
}

static uint16_t folded(uint64_t total)
{
        total = (total & UINT32_MAX) + (total >> 32);
        total = (total & UINT32_MAX) + (total >> 32);
        total = (total & UINT16_MAX) + (total >> 16);
        total = (total & UINT16_MAX) + (total >> 16);
        return (uint16_t)total;
}

static void store_sum(uint8_t *at, uint16_t value)
{
        memcpy(at, &value, sizeof(value));
}

static void fill_ipv4_checksum(uint8_t *packet, size_t ip_len)
{
        store_sum(packet + 10, 0);
        store_sum(packet + 10, (uint16_t)~folded(sum(packet, ip_len, 0)));
}

/* The sum of the pseudo header, which TCP's checksum covers in addition to the segment. */
static uint64_t pseudo_header(const uint8_t *packet, size_t segment_len)
{
        return sum(packet + 12, 8, 0) + htons(IPPROTO_TCP) + htons((uint16_t)segment_len);
}

/* Out */

/* Datagrams of the same length, except the last, which may be shorter. */
struct outgoing {
        uint8_t bytes[SEND_MAX];
        size_t len, each, count;
};

static void flush_outgoing(struct outgoing *out)
{
        struct iovec vector = {out->bytes, out->len};
        union {
                char bytes[CMSG_SPACE(sizeof(uint16_t))];
                struct cmsghdr align;
        } control = {0};
        struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
        uint16_t each = (uint16_t)out->each;

        if (out->count > 1) {
                message.msg_control = &control;
                message.msg_controllen = sizeof(control);
                struct cmsghdr *header = CMSG_FIRSTHDR(&message);

                header->cmsg_level = SOL_UDP;
                header->cmsg_type = UDP_SEGMENT;
                header->cmsg_len = CMSG_LEN(sizeof(each));
                memcpy(CMSG_DATA(header), &each, sizeof(each));
        }
        /* If the other end does not listen yet, the packets count as lost. */
        if (out->count && sendmsg(udp, &message, 0) < 0 && errno != ECONNREFUSED && errno != EINTR)
                warn("send");
        out->len = out->each = out->count = 0;
}

static size_t datagram_len(size_t packet_len)
{
        return HEAD + (packet_len + PADDING - 1) / PADDING * PADDING + TAIL;
}

/* Writes the head and tail of a packet of that length; returns where the packet goes. */
static uint8_t *add_outgoing(struct outgoing *out, size_t packet_len)
{
        static const uint8_t head[HEAD] = {4}; /* WireGuard's type for data */
        size_t len = datagram_len(packet_len);
        uint8_t *datagram;

        if (out->count == DATAGRAMS_MAX || out->len + len > SEND_MAX)
                flush_outgoing(out);
        if (!out->count)
                out->each = len;
        datagram = out->bytes + out->len;
        memcpy(datagram, head, HEAD);
        memset(datagram + HEAD + packet_len, 0, len - HEAD - packet_len);
        out->len += len;
        out->count++;
        return datagram + HEAD;
}

/* Writes the part of a large TCP packet that starts `at` bytes into its payload. */
static void cut_one(struct outgoing *out, const uint8_t *large, size_t ip_len, size_t header_len,
                    size_t at, size_t len, bool is_last)
{
        size_t segment_len = header_len - ip_len + len;
        uint8_t *packet = add_outgoing(out, header_len + len), *tcp = packet + ip_len;

        memcpy(packet, large, header_len);
        memcpy(packet + header_len, large + header_len + at, len);
        wg_be16_store(packet + 2, (uint16_t)(header_len + len));
        wg_be16_store(packet + 4, (uint16_t)(wg_be16_load(large + 4) + out->count - 1));
        fill_ipv4_checksum(packet, ip_len);
        wg_be32_store(tcp + 4, wg_be32_load(large + ip_len + 4) + (uint32_t)at);
        if (!is_last)
                tcp[13] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
        store_sum(tcp + TCP_CHECKSUM, 0);
        store_sum(tcp + TCP_CHECKSUM,
                  (uint16_t)~folded(sum(tcp, segment_len, pseudo_header(packet, segment_len))));
}

static void cut(struct outgoing *out, const uint8_t *large, size_t len, size_t payload_each)
{
        size_t ip_len = (large[0] & 15) * 4u, header_len = ip_len + (large[ip_len + 12] >> 4) * 4u;

        for (size_t at = 0; at < len - header_len; at += payload_each) {
                size_t left = len - header_len - at;

                cut_one(out, large, ip_len, header_len, at, WG_MIN(left, payload_each),
                        left <= payload_each);
        }
}

static void *send_packets(void *unused)
{
        static struct outgoing out;
        static uint8_t piece[PIECE_MAX];
        struct virtio_net_hdr header;

        (void)unused;
        for (;;) {
                ssize_t got = read(tun, piece, sizeof(piece));
                uint8_t *packet = piece + VNET;
                size_t len = (size_t)got - VNET;

                if (got <= VNET)
                        continue; /* the link is down, or the read was interrupted */
                memcpy(&header, piece, VNET);
                if (header.gso_type == VIRTIO_NET_HDR_GSO_TCPV4) {
                        cut(&out, packet, len, header.gso_size);
                } else {
                        size_t start = header.csum_start, field = start + header.csum_offset;

                        /* The sum of the pseudo header is already in place. */
                        if (header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
                                store_sum(packet + field,
                                          (uint16_t)~folded(sum(packet + start, len - start, 0)));
                        memcpy(add_outgoing(&out, len), packet, len);
                }
                flush_outgoing(&out);
        }
        return NULL;
}

/* In */

/* Consecutive packets of one flow, merged behind the headers of the first. */
struct run {
        uint8_t piece[PIECE_MAX];
        size_t len; /* of the merged packet; 0: none */
        size_t ip_len, header_len, payload_each, count;
        uint32_t next; /* the sequence number expected next */
        bool is_over;  /* no packet may follow */
};

static void flush_run(struct run *run)
{
        struct virtio_net_hdr header = {.gso_type = VIRTIO_NET_HDR_GSO_NONE};
        uint8_t *packet = run->piece + VNET;

        if (run->count > 1) {
                size_t segment_len = run->len - run->ip_len;

                header = (struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                                 .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
                                                 .hdr_len = (uint16_t)run->header_len,
                                                 .gso_size = (uint16_t)run->payload_each,
                                                 .csum_start = (uint16_t)run->ip_len,
                                                 .csum_offset = TCP_CHECKSUM};
                wg_be16_store(packet + 2, (uint16_t)run->len);
                fill_ipv4_checksum(packet, run->ip_len);
                store_sum(packet + run->ip_len + TCP_CHECKSUM,
                          folded(pseudo_header(packet, segment_len)));
        }
        memcpy(run->piece, &header, VNET);
        if (run->count && write(tun, run->piece, VNET + run->len) < 0 && errno != EIO)
                warn("write to the TUN");
        run->len = run->count = 0;
}

static void begin_run(struct run *run, const uint8_t *packet, size_t len)
{
        memcpy(run->piece + VNET, packet, len);
        run->len = len;
        run->count = 1;
}

/* Whether a TCP packet with these headers continues the run: it belongs to the same flow, and
 * equals the run in all fields that merging does not recompute. */
static bool continues(const struct run *run, const uint8_t *packet, size_t header_len,
                      size_t payload_len)
{
        const uint8_t *first = run->piece + VNET, *tcp = packet + run->ip_len;
        const uint8_t *first_tcp = first + run->ip_len;

        return run->count && !run->is_over && header_len == run->header_len && payload_len > 0 &&
               payload_len <= run->payload_each && run->len + payload_len <= UINT16_MAX &&
               memcmp(packet, first, 2) == 0 && memcmp(packet + 6, first + 6, 4) == 0 &&
               memcmp(packet + 12, first + 12, 8) == 0 && memcmp(tcp, first_tcp, 4) == 0 &&
               wg_be32_load(tcp + 4) == run->next && memcmp(tcp + 8, first_tcp + 8, 5) == 0 &&
               (tcp[13] & ~TCP_PSH) == TCP_ACK && memcmp(tcp + 14, first_tcp + 14, 2) == 0 &&
               memcmp(tcp + 20, first_tcp + 20, header_len - run->ip_len - 20) == 0;
}

static void take_tcp(struct run *run, const uint8_t *packet, size_t len)
{
        size_t ip_len = (packet[0] & 15) * 4u,
               header_len = ip_len + (packet[ip_len + 12] >> 4) * 4u;
        uint64_t total = sum(packet + ip_len, len - ip_len, pseudo_header(packet, len - ip_len));
        uint8_t flags = packet[ip_len + 13];

        if (header_len > len)
                errx(1, "received a TCP packet that is shorter than its headers");
        if (folded(total) != UINT16_MAX)
                errx(1, "received a TCP packet with a wrong checksum");
        if (continues(run, packet, header_len, len - header_len)) {
                memcpy(run->piece + VNET + run->len, packet + header_len, len - header_len);
                run->len += len - header_len;
                run->count++;
                run->piece[VNET + ip_len + 13] |= flags & TCP_PSH;
        } else {
                flush_run(run);
                begin_run(run, packet, len);
                run->ip_len = ip_len;
                run->header_len = header_len;
                run->payload_each = len - header_len;
                run->is_over = (flags & ~TCP_PSH) != TCP_ACK;
        }
        run->next = wg_be32_load(packet + ip_len + 4) + (uint32_t)(len - header_len);
        run->is_over |= (flags & TCP_PSH) || len - header_len < run->payload_each ||
                        len == header_len;
}

static void take(struct run *run, const uint8_t *packet, size_t len)
{
        bool is_ipv4 = packet[0] >> 4 == 4;
        size_t told = is_ipv4 ? wg_be16_load(packet + 2) : 40u + wg_be16_load(packet + 4);

        if (told > len)
                return;
        if (is_ipv4 && packet[9] == IPPROTO_TCP && (wg_be16_load(packet + 6) & 0x3fff) == 0) {
                take_tcp(run, packet, told);
                return;
        }
        flush_run(run);
        begin_run(run, packet, told);
        flush_run(run);
}

/* Receives datagrams with one call; all but the last are *each bytes long. */
static size_t receive(uint8_t *bytes, size_t room, size_t *each)
{
        struct iovec vector = {bytes, room};
        union {
                char bytes[CMSG_SPACE(sizeof(int))];
                struct cmsghdr align;
        } control;
        struct msghdr message = {.msg_iov = &vector,
                                 .msg_iovlen = 1,
                                 .msg_control = &control,
                                 .msg_controllen = sizeof(control)};
        ssize_t got = recvmsg(udp, &message, 0);
        int size;

        if (got < 0)
                return 0; /* the other end is not there, or a signal came */
        *each = (size_t)got;
        for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header;
             header = CMSG_NXTHDR(&message, header)) {
                if (header->cmsg_level != SOL_UDP || header->cmsg_type != UDP_GRO)
                        continue;
                memcpy(&size, CMSG_DATA(header), sizeof(size));
                *each = (size_t)size;
        }
        return (size_t)got;
}

static void *receive_packets(void *unused)
{
        static uint8_t bytes[65536];
        static struct run run;
        size_t each = 0;

        (void)unused;
        for (;;) {
                size_t got = receive(bytes, sizeof(bytes), &each);

                for (size_t at = 0; at < got; at += each) {
                        size_t len = WG_MIN(got - at, each);

                        if (len >= HEAD + 20 + TAIL)
                                take(&run, bytes + at + HEAD, len - HEAD - TAIL);
                }
                flush_run(&run);
        }
        return NULL;
}

/* Start */

static void open_tun(const char *name)
{
        struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR};
        int header_len = VNET;

        if (strlen(name) >= sizeof(request.ifr_name))
                errx(2, "%s is too long for an interface name", name);
        strcpy(request.ifr_name, name);
        tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
        if (tun < 0 || ioctl(tun, TUNSETIFF, &request) < 0)
                err(2, "TUN device %s", name);
        if (ioctl(tun, TUNSETVNETHDRSZ, &header_len) < 0 ||
            ioctl(tun, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4) < 0)
                err(2, "offloads of the TUN device");
}

static void open_udp(const char *address, const char *port_text)
{
        struct sockaddr_in here = {.sin_family = AF_INET}, there;
        int port = atoi(port_text), size = SOCKET_BUFFER, on = 1;

        if (port < 1 || port > UINT16_MAX)
                errx(2, "%s is not a port", port_text);
        here.sin_port = htons((uint16_t)port);
        there = here;
        if (inet_pton(AF_INET, address, &there.sin_addr) != 1)
                errx(2, "%s is not an IPv4 address", address);
        udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (udp < 0 || bind(udp, (struct sockaddr *)&here, sizeof(here)) ||
            connect(udp, (struct sockaddr *)&there, sizeof(there)))
                err(2, "UDP socket");
        if (setsockopt(udp, SOL_UDP, UDP_GRO, &on, sizeof(on)) ||
            setsockopt(udp, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ||
            setsockopt(udp, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
                err(2, "options of the UDP socket");
}

int main(int argc, char **argv)
{
        pthread_t sender;

        if (argc != 4) {
                fputs("usage: bare IFNAME ADDRESS PORT\n", stderr);
                return 2;
        }
        open_tun(argv[1]);
        open_udp(argv[2], argv[3]);
        puts("ready");
        fflush(stdout);
        if (pthread_create(&sender, NULL, send_packets, NULL))
                errx(2, "cannot start a thread");
        receive_packets(NULL);
        return 0;
}
