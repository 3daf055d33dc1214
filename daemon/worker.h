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

enum {
        TL_BATCH = 64,          /* packets and datagrams a round */
        TL_PACKET_MAX = 65535,  /* bytes of any IP packet */
        TL_BUFFER_SIZE = 65792, /* such a packet with what sealing adds, to whole cache lines */
};

_Static_assert(WG_SEND_HEADROOM + TL_PACKET_MAX + 1 + WG_SEND_TAILROOM <= TL_BUFFER_SIZE,
               "a buffer holds any packet, and one byte more shows that it was cut");

struct tl_worker {
        /* Constant. */
        struct tl_device *device;
        struct tl_tun_queue *queue;
        unsigned int number;
        pthread_t thread;
        sem_t has_begun;
        bool may_run;     /* once has_begun: it found the memory it needs */
        uint8_t *buffers; /* TL_BATCH of TL_BUFFER_SIZE, shared by both paths */

        /* Any thread. */
        struct tl_wake wake;
        atomic_bool is_stopping;
        _Atomic(struct tl_sockets *) watched; /* whose descriptors are in the loop */

        /* Worker. */
        struct tl_loop loop;
        struct tl_watch tun_watch, ipv4_watch, ipv6_watch;
        bool tun_ready, ipv4_ready, ipv6_ready;
        struct wg_worker core;
        struct wg_icmp_limit icmp_limit;
        struct tl_packet packets[TL_BATCH];
        struct tl_datagram datagrams[TL_BATCH];
        union {
                struct wg_send_slot send_slots[TL_BATCH];
                struct wg_receive_slot receive_slots[TL_BATCH];
        };
};

/* Makes a worker and starts its thread; when this returns it runs. NULL: errno says why. */
struct tl_worker *tl_worker_start(struct tl_device *device, unsigned int number,
                                  const struct wg_aead_backend *aead);

/* Ends the thread, waits for it and frees the worker. Takes NULL. */
void tl_worker_stop(struct tl_worker *worker);

/* The buffer of one packet of a batch. */
static inline uint8_t *tl_worker_buffer(const struct tl_worker *worker, unsigned int i)
{
        return worker->buffers + (size_t)i * TL_BUFFER_SIZE;
}

/* Hand to the engine a handshake message, and a packet without a session. Count what does not fit. */
void tl_worker_hand_over_handshake(struct tl_worker *worker, const struct wg_receive_slot *slot,
                                   uint64_t now_ns);
void tl_worker_hand_over_unsent(struct tl_worker *worker, const uint8_t *packet, uint32_t len,
                                uint64_t now_ns);

/* tx.c: one batch from the TUN to the network. Returns whether there may be more. */
bool tl_tx_run(struct tl_worker *worker, const struct tl_sockets *sockets);

/* rx.c: one batch from a socket to the TUN. Returns whether there may be more. */
bool tl_rx_run(struct tl_worker *worker, const struct tl_udp *udp);

#endif
