/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * receive.h - the inbound path: turns a batch of datagrams into inner packets.
 * Source: WireGuard paper 5.4.6, 6.2; RFC 3168 9.1 (ECN, as the kernel's tunnels do it).
 * Threads: any worker. Pointers in a slot are borrowed until the worker's next quiescent point. */
#ifndef CORE_RECEIVE_H
#define CORE_RECEIVE_H

#include "core/worker.h"

struct wg_receive_slot {
        uint8_t *buf;            /* the datagram; opened in place */
        uint32_t len;            /* of the datagram */
        uint8_t tos;             /* of the outer header */
        struct wg_endpoint from; /* the sender; its source: our address it arrived at */

        /* Written by wg_receive(). */
        /* DATA (deliver it), HANDSHAKE (pass it to wg_engine_offer()), KEEPALIVE, or why it is
         * dropped. */
        enum wg_verdict verdict;
        struct wg_peer *peer; /* the sender; NULL: unknown */
        bool is_preferred;    /* HANDSHAKE: the engine should take it before others */
        uint8_t *inner;       /* DATA: the inner packet, inside buf */
        uint32_t inner_len;
};

/* Classifies, opens and checks each datagram, and updates the endpoint of a peer whose authentic
 * packet came from elsewhere. n is at most WG_BATCH_MAX. */
void wg_receive(struct wg_worker *worker, struct wg_receive_slot *slots, size_t n, uint64_t now_ns);

#endif
