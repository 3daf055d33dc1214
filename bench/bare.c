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
#include "base/checksum.h"
#include "base/ip.h"

enum {
        VNET = sizeof(struct virtio_net_hdr),
        HEAD = 16,    /* bytes before each packet on the wire, */
        TAIL = 16,    /* and after it */
        PADDING = 16, /* packets are padded to a multiple of this */
        PIECE_MAX = VNET + 65536,
        DATAGRAMS_MAX = 64,      /* per call, with UDP_SEGMENT */
        SEND_MAX = 65507,        /* bytes per call */
        SOCKET_BUFFER = 7 << 20, /* bytes, each way */
};

static int tun, udp;

static void fill_ipv4_checksum(uint8_t *packet, size_t ip_len)
{
        wg_checksum_store(packet + WG_IPV4_AT_CHECKSUM, 0);
        wg_checksum_store(packet + WG_IPV4_AT_CHECKSUM,
                          wg_checksum_fold(wg_checksum_add(0, packet, ip_len)));
}

/* The sum of the pseudo header, which TCP's checksum covers in addition to the segment. */
static uint64_t pseudo_header(const uint8_t *packet, size_t segment_len)
{
        return wg_checksum_pseudo_of(packet, WG_FAMILY_IPV4, WG_PROTOCOL_TCP,
                                     (uint32_t)segment_len);
}

/* The length of the headers of a TCP packet. */
static size_t headers_len(const uint8_t *packet, size_t ip_len)
{
        return ip_len + (packet[ip_len + WG_TCP_AT_DATA_OFFSET] >> 4) * 4u;
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
        /* If the other end is not listening yet, the packets count as lost. */
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
        wg_be16_store(packet + WG_IPV4_AT_TOTAL_LEN, (uint16_t)(header_len + len));
        wg_be16_store(packet + WG_IPV4_AT_ID,
                      (uint16_t)(wg_be16_load(large + WG_IPV4_AT_ID) + out->count - 1));
        fill_ipv4_checksum(packet, ip_len);
        wg_be32_store(tcp + WG_TCP_AT_SEQUENCE,
                      wg_be32_load(large + ip_len + WG_TCP_AT_SEQUENCE) + (uint32_t)at);
        if (!is_last)
                tcp[WG_TCP_AT_FLAGS] &= (uint8_t) ~(WG_TCP_FIN | WG_TCP_PSH);
        wg_checksum_store(tcp + WG_TCP_AT_CHECKSUM, 0);
        wg_checksum_store(tcp + WG_TCP_AT_CHECKSUM,
                          wg_checksum_fold(wg_checksum_add(pseudo_header(packet, segment_len), tcp,
                                                           segment_len)));
}

static void cut(struct outgoing *out, const uint8_t *large, size_t len, size_t payload_each)
{
        size_t ip_len = wg_ipv4_header_len(large), header_len = headers_len(large, ip_len);

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
                                wg_checksum_store(packet + field,
                                                  wg_checksum_fold(wg_checksum_add(
                                                          0, packet + start, len - start)));
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
                                                 .csum_offset = WG_TCP_AT_CHECKSUM};
                wg_be16_store(packet + WG_IPV4_AT_TOTAL_LEN, (uint16_t)run->len);
                fill_ipv4_checksum(packet, run->ip_len);
                /* The kernel completes it: not the complement. */
                wg_checksum_store(packet + run->ip_len + WG_TCP_AT_CHECKSUM,
                                  (uint16_t)~wg_checksum_fold(pseudo_header(packet, segment_len)));
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

/* Whether two headers agree from one offset up to another. */
static bool is_same(const uint8_t *a, const uint8_t *b, size_t from, size_t to)
{
        return memcmp(a + from, b + from, to - from) == 0;
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
               is_same(packet, first, 0, WG_IPV4_AT_TOTAL_LEN) &&
               is_same(packet, first, WG_IPV4_AT_FRAGMENT, WG_IPV4_AT_CHECKSUM) &&
               is_same(packet, first, WG_IPV4_AT_SOURCE, WG_IPV4_HEADER_LEN) &&
               is_same(tcp, first_tcp, 0, WG_TCP_AT_SEQUENCE) &&
               wg_be32_load(tcp + WG_TCP_AT_SEQUENCE) == run->next &&
               is_same(tcp, first_tcp, WG_TCP_AT_ACK, WG_TCP_AT_FLAGS) &&
               (tcp[WG_TCP_AT_FLAGS] & ~WG_TCP_PSH) == WG_TCP_ACK &&
               is_same(tcp, first_tcp, WG_TCP_AT_WINDOW, WG_TCP_AT_CHECKSUM) &&
               is_same(tcp, first_tcp, WG_TCP_HEADER_LEN, header_len - run->ip_len);
}

static void take_tcp(struct run *run, const uint8_t *packet, size_t len)
{
        size_t ip_len = wg_ipv4_header_len(packet), header_len = headers_len(packet, ip_len);
        uint64_t sum = wg_checksum_add(pseudo_header(packet, len - ip_len), packet + ip_len,
                                       len - ip_len);
        uint8_t flags = packet[ip_len + WG_TCP_AT_FLAGS];

        if (header_len > len)
                errx(1, "received a TCP packet that is shorter than its headers");
        if (wg_checksum_fold(sum) != 0)
                errx(1, "received a TCP packet with a wrong checksum");
        if (continues(run, packet, header_len, len - header_len)) {
                memcpy(run->piece + VNET + run->len, packet + header_len, len - header_len);
                run->len += len - header_len;
                run->count++;
                run->piece[VNET + ip_len + WG_TCP_AT_FLAGS] |= flags & WG_TCP_PSH;
        } else {
                flush_run(run);
                begin_run(run, packet, len);
                run->ip_len = ip_len;
                run->header_len = header_len;
                run->payload_each = len - header_len;
                run->is_over = (flags & ~WG_TCP_PSH) != WG_TCP_ACK;
        }
        run->next = wg_be32_load(packet + ip_len + WG_TCP_AT_SEQUENCE) +
                    (uint32_t)(len - header_len);
        run->is_over |= (flags & WG_TCP_PSH) || len - header_len < run->payload_each ||
                        len == header_len;
}

static void take(struct run *run, const uint8_t *packet, size_t len)
{
        struct wg_ip_header h = wg_ip_parse(packet, len);

        if (h.family == WG_FAMILY_NONE || h.len > len)
                return;
        if (h.family == WG_FAMILY_IPV4 && packet[WG_IPV4_AT_PROTOCOL] == WG_PROTOCOL_TCP &&
            (wg_be16_load(packet + WG_IPV4_AT_FRAGMENT) & WG_IPV4_MORE_AND_OFFSET) == 0) {
                take_tcp(run, packet, h.len);
                return;
        }
        flush_run(run);
        begin_run(run, packet, h.len);
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
