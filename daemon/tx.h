/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * tx.h - the send path: TUN -> core -> UDP.
 *
 * A packet or superpacket from the TUN is cut into adjacent slots, each as long as its datagram
 * will be, and sealed there. Packets of equal length to one endpoint are sent as one piece. So each
 * byte is copied once, and no packet has an object of its own.
 * Threads: the worker's, except for its counters. */
#ifndef DAEMON_TX_H
#define DAEMON_TX_H

#include "core/icmp.h"
#include "core/send.h"
#include "daemon/buffer.h"
#include "daemon/offloads.h"
#include "daemon/shared.h"

enum {
        TL_TX_SLOTS = 128,                /* sealed at once */
        TL_TX_BYTES = 2 * TL_BUFFER_SIZE, /* of their datagrams */
};

_Static_assert(TL_TX_SLOTS <= WG_BATCH_MAX, "a batch can be sealed");

struct tl_tx {
        /* Constant. */
        struct tl_shared *shared;
        struct wg_worker *core;
        struct tl_tun_queue *queue;
        uint8_t *packet; /* the packet from the TUN, in a buffer of TL_BUFFER_SIZE */
        uint8_t *bytes;  /* TL_TX_BYTES for the slots */

        /* Any thread. */
        _Atomic uint64_t superpackets_read, pieces_sent;

        /* Worker. */
        struct wg_icmp_limit icmp_limit;
        struct tl_piece_limits piece_limits;
        unsigned int count; /* filled slots */
        uint32_t used;      /* bytes that they take */
        struct wg_send_slot slots[TL_TX_SLOTS];
        struct tl_datagram datagrams[TL_TX_SLOTS];
};

/* Moves a batch of packets from the TUN to the network, through these sockets (NULL: no port is
 * held). Returns whether there may be more. */
bool tl_tx_run_batch(struct tl_tx *tx, const struct tl_udp_pair *sockets);

#endif
