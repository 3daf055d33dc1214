/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * merge.h - arranges a batch of IP packets into runs, each of which the kernel takes as one superpacket
 * and can cut into the very same packets again.
 *
 * What a run may hold. TCP: packets of one flow, each with the sequence number that follows, all with
 * the same acknowledgement number, window, flags and options, a payload as long as the first's (the
 * last one's may be shorter), and PSH on the last alone. UDP: datagrams of one flow, likewise, each
 * with a checksum. In both the rest of the IP header is the same, ECN included; IPv4's identification
 * counts up, or, where fragments are forbidden and it therefore means nothing (RFC 6864), stays. Never
 * SYN, FIN, RST, URG, CWR; never fragments, IPv4 options, IPv6 extension headers.
 *
 * A run's checksums are verified, for the kernel takes those of a superpacket on trust. One that is wrong
 * stands alone as it came, for the receiver to judge. A packet that none joins costs no such pass.
 *
 * Threads: pure functions of their arguments.
 * Source: RFC 9293, RFC 3168 5.3, RFC 6864 4; Linux Documentation/networking/
 * segmentation-offloads.rst. */
#ifndef IO_MERGE_H
#define IO_MERGE_H

#include <stdint.h>
#include <sys/uio.h>

#include "io/offload.h"
#include "io/tun.h"

enum {
        TL_MERGE_MAX = 128,          /* packets in a batch */
        TL_MERGE_DATAGRAMS_MAX = 64, /* in a run of UDP: older kernels take no more */
};

struct tl_merge_run {
        struct tl_offload offload; /* of kind NONE: one packet as it is */
        uint16_t first, last;      /* packets, by their number in the batch */
        uint16_t count;
        uint32_t header; /* bytes that all but the first leave out */
        uint32_t len;    /* of the superpacket, without virtio header */

        /* The first packet's fields that were changed, as they were. */
        uint16_t ip_len, ip_checksum, udp_len, checksum;
        uint8_t tcp_flags;
};

struct tl_merge {
        struct tl_merge_run runs[TL_MERGE_MAX];
        uint16_t next[TL_MERGE_MAX]; /* the packet that follows in the same run, but for its last */
        unsigned int count;          /* of runs */
};

/* Arranges count packets, TL_MERGE_MAX at most, of which each is a whole IP packet of len bytes (one
 * that is none stands alone). Runs stand in an order, and hold packets in an order, that keeps the
 * order in each flow. The headers of a run's first packet are made those of the superpacket; nothing
 * else is written. kinds: of which kinds there may be runs, bits 1u << TL_OFFLOAD_*. */
void tl_merge(struct tl_merge *merge, struct tl_packet *packets, unsigned int count,
              uint32_t kinds);

/* The pieces of a run for writev(), which come behind the virtio header. There is room for TL_MERGE_MAX.
 * Returns how many there are: run->count. */
unsigned int tl_merge_parts(const struct tl_merge *merge, const struct tl_merge_run *run,
                            const struct tl_packet *packets, struct iovec *parts);

/* Gives a run's first packet its own headers back, so that all its packets can be written one by one:
 * the first is run->first, then follow the batch's next[]. */
void tl_merge_undo(const struct tl_merge_run *run, struct tl_packet *packets);

#endif
