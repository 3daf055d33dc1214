/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * udp.h - UDP sockets that report which of our addresses a datagram was sent to, and can reply from
 * it.
 *
 * A socket has one family: an IPv6 socket never carries IPv4. Datagrams leave without DF and may be
 * fragmented on their way. Sockets do not block.
 *
 * Many datagrams of one length between the same two endpoints, consecutive in memory, pass to and
 * from the kernel as one piece with a segment length (UDP_SEGMENT, UDP_GRO), if the kernel supports
 * that.
 *
 * Threads: one thread may read a socket while another writes it; no function keeps state.
 * Source: ip(7), ipv6(7), RFC 3542 (packet information), Linux udp(7). */
#ifndef IO_UDP_H
#define IO_UDP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/endpoint.h"

/* Size of the receive and send buffers that each socket requests. */
#define TL_UDP_BUFFER (7 << 20)

enum { TL_UDP_PAIRS = 64 }; /* the most that can share a port */

struct tl_udp {
        int fd;         /* -1: the host lacks this family, or the socket is closed */
        uint8_t family; /* WG_FAMILY_* */
};

enum {
        TL_UDP_SEGMENTS = 64, /* datagrams in one piece to send, at most */
        /* Bytes in a piece to send, at most: with all headers below 64 KiB, or the kernel splits it
         * before the device does. */
        TL_UDP_PIECE_MAX = 65400,
        TL_UDP_RECEIVED_MAX = 65535, /* bytes in a received datagram or piece, at most */
};

/* The two sockets on one port number. */
struct tl_udp_pair {
        struct tl_udp ipv4, ipv6;
        uint16_t port; /* host order */
};

/* A datagram, or a piece of several, in the caller's memory. */
struct tl_datagram {
        uint8_t *buf;
        uint32_t room; /* size of buf; only for receiving */
        uint32_t len;  /* bytes of the datagram, or of the whole piece */
        /* Bytes of each datagram of a piece; the last may be shorter. 0: a single datagram. */
        uint32_t segment;
        int error; /* 0, or -errno: why this one failed */
        /* Why the kernel refused the piece (-errno), so that its datagrams were sent one by one; 0:
         * it did not. */
        int piece_error;
        uint8_t tos;             /* TOS of IPv4, traffic class of IPv6 */
        bool pin_failed;         /* it could not leave from path.source: drop the pin */
        struct wg_endpoint path; /* the other end; source: our address, NONE: unknown */
};

/* Opens a socket on a port (host order; 0: the kernel chooses) for all our addresses of that
 * family, and marks its packets with fwmark (0: no mark). Returns 0; -EAFNOSUPPORT: this host lacks
 * the family; -EADDRINUSE; -EACCES: ports below 1024 need a privilege; -EPERM: so do marks; or
 * another -errno. */
int tl_udp_open(struct tl_udp *udp, uint8_t family, uint16_t port, uint32_t fwmark) WG_MUST_USE;

/* The port that the socket is bound to, in host order; 0 if it is closed. */
uint16_t tl_udp_port(const struct tl_udp *udp) WG_MUST_USE;

/* Closes a socket. Has no effect on a socket that is closed or failed to open. */
void tl_udp_close(struct tl_udp *udp);

/* Opens both families on one port number; port 0: one that is free in both. If the host lacks a
 * family, its socket stays closed and the other works. Returns 0, or -errno as tl_udp_open() with
 * nothing left open. */
int tl_udp_open_pair(struct tl_udp_pair *pair, uint16_t port, uint32_t fwmark) WG_MUST_USE;

/* Closes both. Accepts NULL, and a pair that failed to open. */
void tl_udp_close_pair(struct tl_udp_pair *pair);

/* Like tl_udp_open_pair(), but opens 1..TL_UDP_PAIRS pairs on one port number, for as many
 * receiving threads. For each datagram, the kernel selects a socket by the addresses and ports at
 * both ends, so a flow stays in order as long as the sockets stay the same. Fails if another
 * program has the port. While there are several pairs, another process of the same user can join
 * them, but only on purpose (SO_REUSEPORT). */
int tl_udp_open_pairs(struct tl_udp_pair *pairs, unsigned int count, uint16_t port,
                      uint32_t fwmark) WG_MUST_USE;

/* Closes count pairs. Accepts pairs that failed to open. */
void tl_udp_close_pairs(struct tl_udp_pair *pairs, unsigned int count);

/* Sets the mark of both sockets; 0: no mark. Returns 0; or -errno, and one mark may have
 * changed. */
int tl_udp_mark_pair(const struct tl_udp_pair *pair, uint32_t fwmark) WG_MUST_USE;

/* The receive buffers of both sockets. */
struct tl_udp_backlog {
        uint64_t queued_bytes, room_bytes; /* as the kernel counts memory */
        uint64_t drops; /* datagrams lost for lack of room, since the sockets were opened */
};

/* Returns the state of the receive buffers; 0 for unknown values. */
struct tl_udp_backlog tl_udp_look_at_backlog(const struct tl_udp_pair *pair) WG_MUST_USE;

/* Makes the kernel join received datagrams into pieces, if it can. */
void tl_udp_receive_pieces(const struct tl_udp_pair *pair);

/* Whether the kernel accepts pieces from these sockets, and delivers them. */
bool tl_udp_sends_pieces(const struct tl_udp_pair *pair) WG_MUST_USE;
bool tl_udp_receives_pieces(const struct tl_udp_pair *pair) WG_MUST_USE;

/* The number of datagrams in a piece; 1 for a single datagram. */
static inline uint32_t tl_datagram_count(const struct tl_datagram *datagram)
{
        return datagram->segment ? (datagram->len + datagram->segment - 1) / datagram->segment : 1;
}

/* Receives up to count datagrams or pieces into their bufs, and sets all fields but room. room
 * should be TL_UDP_RECEIVED_MAX: neither the length nor whether the kernel joins datagrams is known
 * in advance. path.ip, port and scope are the sender; path.source is our address that it was sent
 * to, path.source_ifindex the interface that it arrived on. A datagram that did not fit gets the
 * error -EMSGSIZE. Returns how many were received, 0 if there is none, or -errno. */
int tl_udp_receive(const struct tl_udp *udp, struct tl_datagram *datagrams,
                   unsigned int count) WG_MUST_USE;

/* Sends count datagrams or pieces in order, to their path.ip, port and scope, with their tos, and
 * from path.source if that is set and of the same family. (Only a link-local source forces the
 * output interface.) Sets error, piece_error and pin_failed of each. A failure does not stop the
 * rest, but a full socket does: the rest gets -EAGAIN and is lost unless the caller sends it again.
 * A datagram that fails with its source is sent again without it, and gets pin_failed if that helps
 * or the source is not ours. A piece that the kernel refuses as such is sent one datagram at a time
 * and gets piece_error: either a segment exceeds the path MTU, which a single datagram may do, or
 * the device does not support pieces. Send single datagrams from then on. Never blocks. Returns how
 * many were sent. */
unsigned int tl_udp_send(const struct tl_udp *udp, struct tl_datagram *datagrams,
                         unsigned int count);

/* The same for datagrams of both families, each through its socket; the order is kept within a
 * family. Without a socket of the family: -EAFNOSUPPORT. */
unsigned int tl_udp_send_pair(const struct tl_udp_pair *pair, struct tl_datagram *datagrams,
                              unsigned int count);

#endif
