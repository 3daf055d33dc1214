/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * offload.h - the header before each packet on a TUN with IFF_VNET_HDR. It says what remains to be
 * done to the packet: by us for packets from the kernel, by the kernel for packets to it.
 *
 * The header has 10 bytes, in the byte order of this machine (the default, unless TUNSETVNETLE or
 * TUNSETVNETBE changes it).
 *
 * Threads: pure functions of their arguments.
 * Source: Virtual I/O Device (VIRTIO) 1.2, 5.1.6; Linux Documentation/networking/tuntap.rst. */
#ifndef IO_OFFLOAD_H
#define IO_OFFLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/enum.h"
#include "base/ip.h"

enum { TL_OFFLOAD_HEADER_LEN = 10 };

#define TL_OFFLOAD_KINDS(X) \
        X(TL_OFFLOAD_NONE, 0, none, "a single packet, unchanged") \
        X(TL_OFFLOAD_TCP4, 1, tcp4, "TCP over IPv4, to be cut into segments") \
        X(TL_OFFLOAD_TCP6, 2, tcp6, "TCP over IPv6, to be cut into segments") \
        X(TL_OFFLOAD_UDP, 3, udp, "UDP, to be cut into datagrams")
WG_ENUM_DECLARE(tl_offload_kind, TL_OFFLOAD_KINDS)

struct tl_offload {
        uint8_t kind;             /* enum tl_offload_kind */
        bool needs_checksum;      /* the field has only the sum of the pseudo header */
        bool has_ecn;             /* TCP with CWR set, which only the first segment has */
        uint16_t header_len;      /* bytes of all headers; from the kernel only a hint */
        uint16_t segment;         /* bytes of payload in each packet but the last; kind NONE: 0 */
        uint16_t checksum_start;  /* where the summed bytes begin: the transport header */
        uint16_t checksum_offset; /* offset of the field from there */
};

static inline bool tl_offload_is_tcp(uint8_t kind)
{
        return kind == TL_OFFLOAD_TCP4 || kind == TL_OFFLOAD_TCP6;
}

/* The protocol of packets of a kind other than NONE. */
static inline uint8_t tl_offload_protocol(uint8_t kind)
{
        return tl_offload_is_tcp(kind) ? WG_PROTOCOL_TCP : WG_PROTOCOL_UDP;
}

/* Reads a header. Returns 0, or -EINVAL for a kind that was not enabled. */
int tl_offload_read(struct tl_offload *offload,
                    const uint8_t header[TL_OFFLOAD_HEADER_LEN]) WG_MUST_USE;

void tl_offload_write(const struct tl_offload *offload, uint8_t header[TL_OFFLOAD_HEADER_LEN]);

#endif
