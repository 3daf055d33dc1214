/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * worker.h - a thread that runs both packet paths to completion, with its own TUN queue.
 *
 * What it met that is not its own (handshakes, packets without a session, a deleted TUN) it hands to
 * the engine. It goes offline before it blocks and reads every pointer anew after.
 * Threads: the engine makes and ends it; the rest is the worker's own. */
#ifndef DAEMON_WORKER_H
#define DAEMON_WORKER_H

#include <pthread.h>
#include <semaphore.h>

#include "core/icmp.h"
#include "core/receive.h"
#include "core/send.h"
#include "daemon/device.h"
#include "daemon/turns.h"
#include "io/merge.h"

/* Memory of a worker: what it reads from the TUN, what it made of that, and what it received. Together
 * far below 1 MiB, and never more, whatever comes. */
enum {
        TL_CACHE_LINE = 64,     /* as far as the packet from the TUN is from its buffer's begin */
        TL_PACKET_MAX = 65535,  /* bytes of any IP packet */
        TL_BUFFER_SIZE = 65792, /* such a packet with what sealing adds, to whole cache lines */
        TL_TX_SLOTS = 128,      /* sealed at once */
        TL_TX_BYTES = 2 * TL_BUFFER_SIZE, /* of their datagrams */
        TL_RX_BUFFERS = 8,                /* datagrams or pieces that are received at once */
};

_Static_assert(WG_SEND_HEADROOM + TL_PACKET_MAX + 1 + WG_SEND_TAILROOM <= TL_BUFFER_SIZE,
               "a buffer holds any packet, and one byte more shows that it was cut");
_Static_assert((int)TL_TUN_HEADROOM <= (int)TL_CACHE_LINE &&
                       TL_CACHE_LINE + TL_PACKET_MAX + 1 <= TL_BUFFER_SIZE,
               "the TUN's header fits before a packet");
_Static_assert((int)TL_TUN_HEADROOM <= (int)WG_DATA_TEXT,
               "what was received can be written where it lies");
_Static_assert(TL_TX_SLOTS <= WG_BATCH_MAX && WG_BATCH_MAX <= TL_MERGE_MAX,
               "a batch can be sealed, and merged after it was opened");

struct tl_worker {
        /* Constant. */
        struct tl_device *device;
        struct tl_tun_queue *queue;
        unsigned int number;
        pthread_t thread;
        sem_t has_begun;
        bool may_run;     /* once has_begun: it found the memory it needs */
        uint8_t *buffers; /* the memory of the next three */
        uint8_t *tx_packet, *tx_bytes;
        uint8_t *rx_bytes; /* TL_RX_BUFFERS of TL_BUFFER_SIZE */

        /* Any thread. */
        struct tl_wake wake;
        atomic_bool is_stopping;
        atomic_bool is_idle;                  /* waits, or is about to, and has seen no job since */
        _Atomic(struct tl_sockets *) watched; /* whose descriptors are in the loop */
        _Atomic uint64_t superpackets_read, superpackets_written, pieces_sent, pieces_received;

        /* Worker. */
        struct tl_loop loop;
        struct tl_watch tun_watch, ipv4_watch, ipv6_watch;
        struct tl_turns turns;
        struct wg_worker core;
        struct wg_icmp_limit icmp_limit;
        struct tl_piece_limits piece_limits;
        struct tl_datagram datagrams[TL_TX_SLOTS];
        unsigned int tx_count; /* slots that are filled */
        uint32_t tx_used;      /* bytes of tx_bytes that they have */
        struct wg_send_slot send_slots[TL_TX_SLOTS];
        struct wg_receive_slot receive_slots[WG_BATCH_MAX];
        struct tl_packet packets[WG_BATCH_MAX];
        struct wg_peer *senders[WG_BATCH_MAX]; /* of each packet */
        struct tl_merge merge;
};

/* Makes a worker and starts its thread; when this returns it runs. NULL: errno says why. */
struct tl_worker *tl_worker_start(struct tl_device *device, unsigned int number,
                                  const struct wg_aead_backend *aead);

/* Engine: if it has nothing to do, wakes it, so that it looks for jobs. Returns whether it did. */
bool tl_worker_lend_a_hand(struct tl_worker *worker);

/* Asks the thread to end after its current turn, and does not wait. */
void tl_worker_tell_to_stop(struct tl_worker *worker);

/* Ends the thread, waits for it and frees the worker. Takes NULL. */
void tl_worker_stop(struct tl_worker *worker);

/* Hand the engine a handshake message, or a packet without a session. If the inbox is full, the
 * message or packet is dropped and counted. */
void tl_worker_hand_over_handshake(struct tl_worker *worker, const struct wg_receive_slot *slot,
                                   uint64_t now_ns);
void tl_worker_hand_over_unsent(struct tl_worker *worker, const struct wg_send_slot *slot,
                                uint64_t now_ns);

/* tx.c: some packets from the TUN to the network. Returns whether there may be more. */
bool tl_tx_run(struct tl_worker *worker, const struct tl_sockets *sockets);

/* rx.c: some datagrams from a socket to the TUN. Returns whether there may be more. */
bool tl_rx_run(struct tl_worker *worker, const struct tl_udp *udp);

#endif
