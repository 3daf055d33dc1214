/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * rx.h - the receive path: UDP -> core -> TUN.
 *
 * Datagrams, single or joined in pieces, are opened in place in the receive buffer. Consecutive
 * packets of a TCP or UDP flow are written to the TUN as one superpacket, also without copying the
 * payload.
 * Threads: the worker's, except for its counters. */
#ifndef DAEMON_RX_H
#define DAEMON_RX_H

#include "core/receive.h"
#include "daemon/buffer.h"
#include "daemon/shared.h"
#include "io/merge.h"

enum { TL_RX_BUFFERS = 8 }; /* datagrams or pieces received at once */

_Static_assert(WG_BATCH_MAX <= TL_MERGE_MAX, "a batch can be merged after it was opened");

struct tl_rx {
        /* Constant. */
        struct tl_shared *shared;
        struct wg_worker *core;
        struct tl_tun_queue *queue;
        uint8_t *bytes; /* TL_RX_BUFFERS of TL_BUFFER_SIZE */

        /* Any thread. */
        _Atomic uint64_t superpackets_written, pieces_received;

        /* Worker. */
        struct tl_datagram datagrams[TL_RX_BUFFERS];
        struct wg_receive_slot slots[WG_BATCH_MAX];
        struct tl_packet packets[WG_BATCH_MAX];
        struct wg_peer *senders[WG_BATCH_MAX]; /* of each packet */
        struct tl_merge merge;
};

/* Moves a batch of datagrams from a socket to the TUN. Returns whether there may be more. */
bool tl_rx_run_batch(struct tl_rx *rx, const struct tl_udp *udp);

#endif
