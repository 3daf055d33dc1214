/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * udp.h - UDP sockets that tell by which of our addresses a datagram came, and answer from it.
 *
 * A socket is of one family: an IPv6 one never carries IPv4. Datagrams leave without DF and may be
 * fragmented on their way. Sockets do not block.
 *
 * Many datagrams of one length to one place, one behind the other in memory, cross into the kernel and
 * out of it as one piece with a segment length (UDP_SEGMENT, UDP_GRO), where the kernel can.
 *
 * Threads: a socket may be read by one thread and written by another; no function keeps state.
 * Source: ip(7), ipv6(7), RFC 3542 (packet information), Linux udp(7). */
#ifndef IO_UDP_H
#define IO_UDP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/endpoint.h"

/* The buffers that each socket asks for, received and sent. */
#define TL_UDP_BUFFER (7 << 20)

enum { TL_UDP_PAIRS = 64 }; /* that can share a port, at most */

struct tl_udp {
        int fd;         /* -1: this host has no such family, or closed */
        uint8_t family; /* WG_FAMILY_* */
};

enum {
        TL_UDP_SEGMENTS = 64, /* at most in one piece that is sent */
        /* Bytes of it, at most: with all headers less than the 64 KiB above which the kernel cuts a
         * piece before the device does. */
        TL_UDP_PIECE_MAX = 65400,
        TL_UDP_RECEIVED_MAX = 65535, /* bytes of any datagram or piece that is received */
};

/* The two sockets of one port number. */
struct tl_udp_pair {
        struct tl_udp ipv4, ipv6;
        uint16_t port; /* host order */
};

/* One datagram, or one piece of several, in memory of the caller. */
struct tl_datagram {
        uint8_t *buf;
        uint32_t room; /* bytes there are in buf; only for receiving */
        uint32_t len;  /* bytes of datagram, or of all of the piece */
        /* Bytes of each datagram of a piece but the last, which may be shorter; 0: it is one. */
        uint32_t segment;
        int error; /* 0, or -errno: why this one failed */
        /* Why the kernel refused the piece (-errno), whose datagrams were then sent one by one; 0: it
         * did not. */
        int piece_error;
        uint8_t tos;             /* IPv4's TOS or IPv6's traffic class */
        bool pin_failed;         /* it could not leave from path.source: forget that address */
        struct wg_endpoint path; /* the other end; source: our address, NONE where unknown */
};

/* Opens a socket on a port (host order; 0: the system chooses) of all our addresses of that family,
 * and marks what it sends with fwmark (0: no mark). Returns 0; -EAFNOSUPPORT: this host has no such
 * family; -EADDRINUSE; -EACCES: a port below 1024 needs a privilege; -EPERM: so does a mark; or
 * another -errno. */
int tl_udp_open(struct tl_udp *udp, uint8_t family, uint16_t port, uint32_t fwmark) WG_MUST_USE;

/* The port that the socket is bound to, in host order; 0 where it is closed. */
uint16_t tl_udp_port(const struct tl_udp *udp) WG_MUST_USE;

/* Closes. Harmless for one that is closed or failed to open. */
void tl_udp_close(struct tl_udp *udp);

/* Opens both families on one port number; port 0: one that is free in both. Where the host lacks a
 * family its socket is closed and the other works. Returns 0, or -errno as tl_udp_open() with
 * nothing left open. */
int tl_udp_open_pair(struct tl_udp_pair *pair, uint16_t port, uint32_t fwmark) WG_MUST_USE;

/* Closes both. Takes NULL, and a pair that failed to open. */
void tl_udp_close_pair(struct tl_udp_pair *pair);

/* As tl_udp_open_pair(), but 1..TL_UDP_PAIRS pairs on one port number, so that as many threads can
 * receive. Of those of a family the system gives each datagram to the one that the addresses and ports
 * of both its ends select, so that a flow stays in order as long as the sockets are the same. Nobody
 * else may have the port; while there are several pairs, a process of the same user could join them,
 * if it asks for just that (SO_REUSEPORT). */
int tl_udp_open_pairs(struct tl_udp_pair *pairs, unsigned int count, uint16_t port,
                      uint32_t fwmark) WG_MUST_USE;

/* Closes so many. Takes those that failed to open. */
void tl_udp_close_pairs(struct tl_udp_pair *pairs, unsigned int count);

/* Marks what both send from now on; 0: no mark. Returns 0 or -errno; then the mark may have changed
 * for one. */
int tl_udp_mark_pair(const struct tl_udp_pair *pair, uint32_t fwmark) WG_MUST_USE;

/* What waits in the kernel to be received by both, and what it threw away for want of room. */
struct tl_udp_backlog {
        uint64_t queued_bytes, room_bytes; /* as the kernel counts memory */
        uint64_t drops;                    /* datagrams, since the sockets were opened */
};

/* Looks. What cannot be told is 0. */
struct tl_udp_backlog tl_udp_look_at_backlog(const struct tl_udp_pair *pair) WG_MUST_USE;

/* Has the kernel join what it receives to pieces, where it can. */
void tl_udp_receive_pieces(const struct tl_udp_pair *pair);

/* Whether the kernel takes pieces from these sockets, and gives them. */
bool tl_udp_sends_pieces(const struct tl_udp_pair *pair) WG_MUST_USE;
bool tl_udp_receives_pieces(const struct tl_udp_pair *pair) WG_MUST_USE;

/* How many datagrams one is. */
static inline uint32_t tl_datagram_count(const struct tl_datagram *datagram)
{
        return datagram->segment ? (datagram->len + datagram->segment - 1) / datagram->segment : 1;
}

/* Receives up to count datagrams or pieces into their bufs and sets all their other fields but room.
 * Their room should be TL_UDP_RECEIVED_MAX: what a peer sent, and whether the kernel joins it, is not
 * known before. path.ip, port and scope are the sender; path.source is our address it was sent to,
 * path.source_ifindex the interface it came in by. A datagram that did not fit gets the error
 * -EMSGSIZE. Returns how many were received, 0 when there is none, or -errno. */
int tl_udp_receive(const struct tl_udp *udp, struct tl_datagram *datagrams,
                   unsigned int count) WG_MUST_USE;

/* Sends count datagrams or pieces in order to their path.ip, port and scope, from path.source where
 * that is given and of the same family (the output interface is forced only where the source is
 * link-local), with their tos. Sets error, piece_error and pin_failed of each. One that fails does
 * not stop the rest, but a full socket does: the rest then gets -EAGAIN and is lost unless the
 * caller sends it again. One that fails with its source is sent again without it, and gets
 * pin_failed if that helped or the source is not ours. A piece that the kernel refuses as such (a
 * segment longer than the MTU of the way, which a lone datagram may be; a device that cannot) is
 * sent datagram by datagram, and has piece_error: keep to that from then on. Never blocks. Returns
 * how many were sent. */
unsigned int tl_udp_send(const struct tl_udp *udp, struct tl_datagram *datagrams,
                         unsigned int count);

/* The same for datagrams of either family, each by its socket; the order is kept within a family.
 * Where the family has no socket: -EAFNOSUPPORT. */
unsigned int tl_udp_send_pair(const struct tl_udp_pair *pair, struct tl_datagram *datagrams,
                              unsigned int count);

#endif
