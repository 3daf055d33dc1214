/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * packet.h - sends and receives packets on one Ethernet link, past routing, neighbour tables and
 * firewalls.
 *
 * A socket receives one kind of packet only; the kernel drops everything else before it is queued,
 * so that a busy link or a flood of other packets does not matter.
 * Threads: one owner. Source: packet(7), Linux networking/filter. */
#ifndef IO_PACKET_H
#define IO_PACKET_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/enum.h"

enum { TL_PACKET_MAC_LEN = 6 };

#define TL_PACKET_KINDS(X) \
        X(TL_PACKET_ARP, 0, arp, "ARP") \
        X(TL_PACKET_NDP, 1, ndp, "neighbour solicitations and advertisements") \
        X(TL_PACKET_DHCP, 2, dhcp, "messages to DHCP clients") \
        X(TL_PACKET_ECHO4, 3, echo4, "UDP and TCP over IPv4 to a port; redirects") \
        X(TL_PACKET_ECHO6, 4, echo6, "UDP and TCP over IPv6 to a port; redirects")
WG_ENUM_DECLARE(tl_packet_kind, TL_PACKET_KINDS)

struct tl_packet_socket {
        int fd; /* watch it in a loop for EPOLLIN */
        uint32_t ifindex;
        uint16_t protocol;              /* of Ethernet */
        uint8_t mac[TL_PACKET_MAC_LEN]; /* of the link */
};

/* Opens a socket on a link. The port is that of ECHO4 and ECHO6. Returns 0; -EPERM; -ENODEV;
 * -ENETDOWN: the link is down, or has no carrier; -EOPNOTSUPP: it is no Ethernet; or another
 * -errno. */
int tl_packet_open(struct tl_packet_socket *socket, const char *link, enum tl_packet_kind kind,
                   uint16_t port) WG_MUST_USE;

/* Closes it. Accepts NULL, and an object whose open failed. */
void tl_packet_close(struct tl_packet_socket *socket);

/* Sends a packet, which begins after the Ethernet header. Never blocks. Returns 0; -EAGAIN or
 * -ENOBUFS: a queue is full; or another -errno. */
int tl_packet_send(const struct tl_packet_socket *socket, const uint8_t to[TL_PACKET_MAC_LEN],
                   const uint8_t *packet, size_t len) WG_MUST_USE;

/* Receives a packet that another machine sent to this one, or to several, without its Ethernet
 * header; one longer than `size` is cut. Never blocks. Returns its length; -EAGAIN: there is none;
 * or another -errno. */
ssize_t tl_packet_receive(const struct tl_packet_socket *socket, uint8_t *packet, size_t size,
                          uint8_t from[TL_PACKET_MAC_LEN]) WG_MUST_USE;

#endif
