/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * merge.h - arranges a batch of IP packets into runs. The kernel accepts each run as one
 * superpacket, and can cut it into exactly the same packets again.
 *
 * A run has packets of one flow. TCP: consecutive sequence numbers; the same acknowledgement
 * number, window, flags and options; payloads as long as the first one (the last may be shorter);
 * PSH only on the last. UDP: likewise, each datagram with a checksum. The rest of the IP header is
 * the same in all, ECN included. The IPv4 identification counts up, or stays the same if DF makes
 * it meaningless (RFC 6864). Packets with SYN, FIN, RST, URG or CWR, fragments, and packets with
 * IPv4 options or IPv6 extension headers are in no run.
 *
 * Checksums in a run are verified, because the kernel trusts those of a superpacket. A packet with
 * a wrong one stays alone, unchanged, for the receiver to judge. Packets that stay alone are not
 * verified.
 *
 * Threads: pure functions of their arguments.
 * Source: RFC 9293, RFC 3168 5.3, RFC 6864 4; Linux
 * Documentation/networking/segmentation-offloads.rst. */
#ifndef IO_MERGE_H
#define IO_MERGE_H

#include <stdint.h>
#include <sys/uio.h>

#include "io/offload.h"
#include "io/tun.h"

enum {
        TL_MERGE_MAX = 128,          /* packets in a batch */
        TL_MERGE_DATAGRAMS_MAX = 64, /* in a run of UDP: older kernels accept no more */
};

struct tl_merge_run {
        struct tl_offload offload; /* of kind NONE: a single packet, unchanged */
        uint16_t first, last;      /* indices of packets in the batch */
        uint16_t count;
        uint32_t header; /* bytes to leave out of all packets but the first */
        uint32_t len;    /* of the superpacket, without virtio header */

        /* Original values of the changed fields of the first packet. */
        uint16_t ip_len, ip_checksum, udp_len, checksum;
        uint8_t tcp_flags;
};

struct tl_merge {
        struct tl_merge_run runs[TL_MERGE_MAX];
        uint16_t next[TL_MERGE_MAX]; /* the next packet in the same run; undefined for its last */
        unsigned int count;          /* of runs */
};

/* Arranges count packets, at most TL_MERGE_MAX. A packet that is not a complete IP packet of len
 * bytes stays alone. The order of runs, and of packets in them, keeps the order of each flow.
 * Changes only the headers of the first packet of a run, to those of the superpacket. kinds: the
 * kinds of runs that are allowed, bits 1u << TL_OFFLOAD_*. */
void tl_merge(struct tl_merge *merge, struct tl_packet *packets, unsigned int count,
              uint32_t kinds);

/* The pieces of a run for writev(), after the virtio header. There is room for TL_MERGE_MAX.
 * Returns their number: run->count. */
unsigned int tl_merge_parts(const struct tl_merge *merge, const struct tl_merge_run *run,
                            const struct tl_packet *packets, struct iovec *parts);

/* Restores the headers of the first packet of a run, so that its packets can be written one by one,
 * starting at run->first and following next[] of the batch. */
void tl_merge_undo(const struct tl_merge_run *run, struct tl_packet *packets);

#endif
