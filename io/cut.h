/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * cut.h - cuts a packet from the TUN into IP packets for the wire, as a network card does with a
 * superpacket, and byte for byte as the kernel does without one.
 *
 * TCP: each packet repeats all headers, with its own lengths, sequence number and (IPv4, counting
 * up) identification; FIN and PSH are only on the last packet, CWR only on the first. UDP: the
 * same, with the length of each datagram. Checksums are complete. Each byte is read once, and none
 * outside the packet, whatever the packet and its offload say.
 *
 * Threads: a cursor has one owner.
 * Source: RFC 791, RFC 8200, RFC 9293, RFC 768; RFC 3168 6.1.2 (CWR); Linux
 * Documentation/networking/segmentation-offloads.rst. */
#ifndef IO_CUT_H
#define IO_CUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "io/offload.h"

struct tl_cut {
        const uint8_t *packet;
        uint32_t at;         /* offset of the payload that is not cut yet */
        uint32_t left;       /* and its length */
        uint32_t segment;    /* bytes of payload in each packet but the last */
        uint32_t header_len; /* bytes that all packets repeat */
        uint64_t ip_sum;     /* of the IPv4 header, without fields that differ */
        uint64_t sum;        /* of pseudo and transport header, likewise */
        uint32_t sequence;   /* TCP: of the next packet */
        uint16_t id;         /* IPv4: of the next packet */
        uint16_t transport;  /* offset of the transport header; kind NONE: of the summed bytes */
        uint16_t field;      /* offset of its checksum */
        uint8_t kind;        /* enum tl_offload_kind */
        uint8_t family;      /* WG_FAMILY_*; unknown for kind NONE */
        bool needs_checksum; /* kind NONE: the checksum must be completed */
        bool is_first, is_done;
};

/* Starts on a packet of len bytes and its offload. The packet is borrowed until the last
 * tl_cut_next(). Returns 0; or -EINVAL if the two contradict each other, or the packet is empty or
 * longer than 65535 bytes: then there is nothing to send. */
int tl_cut_begin(struct tl_cut *cut, const struct tl_offload *offload, const uint8_t *packet,
                 uint32_t len) WG_MUST_USE;

/* The length of the next packet; 0: there is none. */
static inline uint32_t tl_cut_next_len(const struct tl_cut *cut)
{
        return cut->is_done ? 0 : cut->header_len + WG_MIN(cut->segment, cut->left);
}

/* Writes the next packet, tl_cut_next_len() bytes, which must not be 0. `to` must not overlap the
 * packet being cut. */
void tl_cut_next(struct tl_cut *cut, uint8_t *to);

#endif
