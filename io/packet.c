/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/packet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/filter.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/ip.h"

WG_ENUM_DEFINE(tl_packet_kind, TL_PACKET_KINDS)

enum {
        BUFFER_SIZE = 1 << 20, /* answers of a whole LAN at once */
        ICMP_REDIRECT = 5,
        NDP_SOLICITATION = 135,
        NDP_ADVERTISEMENT = 136,
        NDP_REDIRECT = 137,
        DHCP_CLIENT_PORT = 68,
};

/* ---- filters: programs that see a packet from its IP header on; 0 drops it ---- */

#define LOAD8(offset) BPF_STMT(BPF_LD | BPF_B | BPF_ABS, offset)
#define LOAD16(offset) BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offset)
#define LOAD8_X(offset) BPF_STMT(BPF_LD | BPF_B | BPF_IND, offset)
#define LOAD16_X(offset) BPF_STMT(BPF_LD | BPF_H | BPF_IND, offset)
#define IPV4_HEADER_TO_X BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0)
#define IF_EQUAL(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)
#define IF_ABOVE(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, value, yes, no)
#define IF_ANY_BIT(mask, yes, no) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, mask, yes, no)
#define TAKE BPF_STMT(BPF_RET | BPF_K, 0xffffffff)
#define DROP BPF_STMT(BPF_RET | BPF_K, 0)

/* Every filter begins with this: packets between others, which a promiscuous link hears, and those
 * that this machine sends are dropped. */
#define DROP_OTHERS \
        LOAD8((uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)), IF_ABOVE(PACKET_MULTICAST, 0, 1), DROP

_Static_assert(PACKET_HOST == 0 && PACKET_BROADCAST == 1 && PACKET_MULTICAST == 2,
               "the kinds of packets that this machine is sent");

static struct sock_filter take_all[] = {DROP_OTHERS, TAKE};

static struct sock_filter take_ndp[] = {
        DROP_OTHERS,
        LOAD8(WG_IPV6_AT_NEXT),
        IF_EQUAL(WG_PROTOCOL_ICMPV6, 0, 4),
        LOAD8(WG_IPV6_HEADER_LEN),
        IF_EQUAL(NDP_SOLICITATION, 1, 0),
        IF_EQUAL(NDP_ADVERTISEMENT, 0, 1),
        TAKE,
        DROP,
};

static struct sock_filter take_dhcp[] = {
        DROP_OTHERS,
        LOAD8(WG_IPV4_AT_PROTOCOL),
        IF_EQUAL(WG_PROTOCOL_UDP, 0, 6),
        LOAD16(WG_IPV4_AT_FRAGMENT),
        IF_ANY_BIT(WG_IPV4_OFFSET, 4, 0),
        IPV4_HEADER_TO_X,
        LOAD16_X(2),
        IF_EQUAL(DHCP_CLIENT_PORT, 0, 1),
        TAKE,
        DROP,
};

/* The port of the echo filters is filled in on opening. */
enum { ECHO4_PORT_AT = 11, ECHO6_PORT_AT = 7 };

static const struct sock_filter take_echo4[] = {
        DROP_OTHERS,
        LOAD16(WG_IPV4_AT_FRAGMENT),
        IF_ANY_BIT(WG_IPV4_OFFSET, 10, 0),
        IPV4_HEADER_TO_X,
        LOAD8(WG_IPV4_AT_PROTOCOL),
        IF_EQUAL(WG_PROTOCOL_UDP, 2, 0),
        IF_EQUAL(WG_PROTOCOL_TCP, 1, 0),
        IF_EQUAL(WG_PROTOCOL_ICMP, 2, 5),
        LOAD16_X(2),
        IF_EQUAL(0, 2, 3), /* the port */
        LOAD8_X(0),        /* of ICMP: its type */
        IF_EQUAL(ICMP_REDIRECT, 0, 1),
        TAKE,
        DROP,
};

static const struct sock_filter take_echo6[] = {
        DROP_OTHERS,
        LOAD8(WG_IPV6_AT_NEXT),
        IF_EQUAL(WG_PROTOCOL_UDP, 1, 0),
        IF_EQUAL(WG_PROTOCOL_TCP, 0, 2),
        LOAD16(WG_IPV6_HEADER_LEN + 2),
        IF_EQUAL(0, 3, 4), /* the port */
        IF_EQUAL(WG_PROTOCOL_ICMPV6, 0, 3),
        LOAD8(WG_IPV6_HEADER_LEN),
        IF_EQUAL(NDP_REDIRECT, 0, 1),
        TAKE,
        DROP,
};

_Static_assert(WG_ARRAY_SIZE(take_echo4) >= WG_ARRAY_SIZE(take_echo6), "the larger one");

static int attach(int fd, struct sock_filter *filter, size_t count)
{
        const struct sock_fprog program = {.len = (unsigned short)count, .filter = filter};

        return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno
                                                                                           : 0;
}

static int attach_with_port(int fd, const struct sock_filter *filter, size_t count, size_t port_at,
                            uint16_t port)
{
        struct sock_filter copy[WG_ARRAY_SIZE(take_echo4)];

        memcpy(copy, filter, count * sizeof(*filter));
        copy[port_at].k = port;
        return attach(fd, copy, count);
}

static int attach_filter(int fd, enum tl_packet_kind kind, uint16_t port)
{
        switch (kind) {
        case TL_PACKET_ARP:
                return attach(fd, take_all, WG_ARRAY_SIZE(take_all));
        case TL_PACKET_NDP:
                return attach(fd, take_ndp, WG_ARRAY_SIZE(take_ndp));
        case TL_PACKET_DHCP:
                return attach(fd, take_dhcp, WG_ARRAY_SIZE(take_dhcp));
        case TL_PACKET_ECHO4:
                return attach_with_port(fd, take_echo4, WG_ARRAY_SIZE(take_echo4), ECHO4_PORT_AT,
                                        port);
        case TL_PACKET_ECHO6:
                return attach_with_port(fd, take_echo6, WG_ARRAY_SIZE(take_echo6), ECHO6_PORT_AT,
                                        port);
        }
        return -EINVAL;
}

static uint16_t protocol_of(enum tl_packet_kind kind)
{
        switch (kind) {
        case TL_PACKET_ARP:
                return ETH_P_ARP;
        case TL_PACKET_DHCP:
        case TL_PACKET_ECHO4:
                return ETH_P_IP;
        case TL_PACKET_NDP:
        case TL_PACKET_ECHO6:
                return ETH_P_IPV6;
        }
        return 0;
}

/* ---- sockets ---- */

/* The kernel takes packets for a link without a carrier, and drops them without an error. */
static int check_carrier(int fd, const char *link)
{
        struct ethtool_value carrier = {.cmd = ETHTOOL_GLINK};
        struct ifreq request = {0};

        memcpy(request.ifr_name, link, strnlen(link, IF_NAMESIZE - 1));
        if (ioctl(fd, SIOCGIFFLAGS, &request) < 0)
                return -errno;
        if (!(request.ifr_flags & IFF_UP))
                return -ENETDOWN;
        /* The flags of an interface learn of its carrier later than it does. */
        request.ifr_data = (char *)&carrier;
        return ioctl(fd, SIOCETHTOOL, &request) == 0 && !carrier.data ? -ENETDOWN : 0;
}

static int read_mac(struct tl_packet_socket *s)
{
        struct sockaddr_ll own = {0};
        socklen_t len = sizeof(own);

        if (getsockname(s->fd, (struct sockaddr *)&own, &len) < 0)
                return -errno;
        if (own.sll_hatype != ARPHRD_ETHER || own.sll_halen != TL_PACKET_MAC_LEN)
                return -EOPNOTSUPP;
        memcpy(s->mac, own.sll_addr, TL_PACKET_MAC_LEN);
        return 0;
}

/* Best effort: without it, advertisements to all nodes arrive, but not what others solicit. */
static void hear_multicast(const struct tl_packet_socket *s)
{
        const struct packet_mreq all = {.mr_ifindex = (int)s->ifindex,
                                        .mr_type = PACKET_MR_ALLMULTI};

        (void)!setsockopt(s->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all));
}

static void set_buffer(int fd)
{
        int size = BUFFER_SIZE;

        if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
                (void)!setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

/* The socket hears nothing before it is bound, and by then it has its filter. */
static int prepare(struct tl_packet_socket *s, const char *link, enum tl_packet_kind kind,
                   uint16_t port)
{
        struct sockaddr_ll own = {
                .sll_family = AF_PACKET,
                .sll_protocol = htons(s->protocol),
        };
        int error = check_carrier(s->fd, link);

        s->ifindex = if_nametoindex(link);
        own.sll_ifindex = (int)s->ifindex;
        if (!error)
                error = attach_filter(s->fd, kind, port);
        set_buffer(s->fd);
        if (!error && bind(s->fd, (struct sockaddr *)&own, sizeof(own)) < 0)
                error = -errno;
        if (!error)
                error = read_mac(s);
        if (!error && kind == TL_PACKET_NDP)
                hear_multicast(s);
        return error;
}

int tl_packet_open(struct tl_packet_socket *s, const char *link, enum tl_packet_kind kind,
                   uint16_t port)
{
        int error;

        *s = (struct tl_packet_socket){.protocol = protocol_of(kind)};
        s->fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (s->fd < 0)
                return -errno;
        error = prepare(s, link, kind, port);
        if (error)
                tl_packet_close(s);
        return error;
}

void tl_packet_close(struct tl_packet_socket *s)
{
        if (!s)
                return;
        if (s->fd >= 0)
                close(s->fd);
        s->fd = -1;
}

int tl_packet_send(const struct tl_packet_socket *s, const uint8_t to[TL_PACKET_MAC_LEN],
                   const uint8_t *packet, size_t len)
{
        struct sockaddr_ll address = {
                .sll_family = AF_PACKET,
                .sll_protocol = htons(s->protocol),
                .sll_ifindex = (int)s->ifindex,
                .sll_halen = TL_PACKET_MAC_LEN,
        };

        memcpy(address.sll_addr, to, TL_PACKET_MAC_LEN);
        if (sendto(s->fd, packet, len, MSG_NOSIGNAL, (struct sockaddr *)&address, sizeof(address)) <
            0)
                return -errno;
        return 0;
}

ssize_t tl_packet_receive(const struct tl_packet_socket *s, uint8_t *packet, size_t size,
                          uint8_t from[TL_PACKET_MAC_LEN])
{
        struct sockaddr_ll address = {0};
        socklen_t address_len;
        ssize_t len;

        do {
                address_len = sizeof(address);
                len = recvfrom(s->fd, packet, size, 0, (struct sockaddr *)&address, &address_len);
                if (len < 0 && errno != EINTR)
                        return -errno;
        } while (len < 0 || address.sll_halen != TL_PACKET_MAC_LEN);
        memcpy(from, address.sll_addr, TL_PACKET_MAC_LEN);
        return len;
}
