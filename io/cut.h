/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * cut.h - cuts a packet as the TUN gave it into IP packets as they go on a wire: what a network card
 * does with a superpacket, and byte for byte what the kernel does without one.
 *
 * TCP: all headers are repeated, with the lengths of each packet, IPv4's identification counted up, the
 * sequence number of each, FIN and PSH on the last alone, CWR on the first alone. UDP: the same with
 * its length. Checksums are whole. A packet is read once, and nothing outside of it is, whatever it
 * and its offload say.
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
        uint32_t at;         /* the payload not yet cut: offset in the packet */
        uint32_t left;       /* and bytes */
        uint32_t segment;    /* bytes of payload in each packet but the last */
        uint32_t header_len; /* bytes that all packets repeat */
        uint64_t ip_sum;     /* IPv4's header without what differs from packet to packet */
        uint64_t sum;        /* pseudo and transport header, likewise */
        uint32_t sequence;   /* TCP: of the next packet */
        uint16_t id;         /* IPv4: of the next packet */
        uint16_t transport;  /* offset of the transport header; kind NONE: of what is summed */
        uint16_t field;      /* offset of its checksum */
        uint8_t kind;        /* enum tl_offload_kind */
        uint8_t family;      /* WG_FAMILY_*; not known where the kind is NONE */
        bool needs_checksum; /* kind NONE: it is to be completed */
        bool is_first, is_done;
};

/* Looks at a packet of len bytes and what its header says of it. The packet is borrowed until the last
 * tl_cut_next(). Returns 0; or -EINVAL where the two do not fit together, or where it has no bytes at
 * all or more than 65535: then there is nothing to send. */
int tl_cut_begin(struct tl_cut *cut, const struct tl_offload *offload, const uint8_t *packet,
                 uint32_t len) WG_MUST_USE;

/* Bytes of the next packet; 0: there is none left. */
static inline uint32_t tl_cut_next_len(const struct tl_cut *cut)
{
        return cut->is_done ? 0 : cut->header_len + WG_MIN(cut->segment, cut->left);
}

/* Writes the next packet, exactly tl_cut_next_len() bytes, which must not be 0, to where it does not
 * overlap with the packet that is cut. */
void tl_cut_next(struct tl_cut *cut, uint8_t *to);

#endif
