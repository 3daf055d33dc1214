/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * receive.h - the way in: from datagrams to inner packets, a batch at a time.
 * Source: WireGuard paper 5.4.6, 6.2; RFC 3168 9.1 (ECN, as the kernel's tunnels do it).
 * Threads: any worker; pointers in a slot are borrowed until its next quiescent moment. */
#ifndef CORE_RECEIVE_H
#define CORE_RECEIVE_H

#include "core/worker.h"

struct wg_receive_slot {
        uint8_t *buf;            /* the datagram; opened in place */
        uint32_t len;            /* of it */
        uint8_t tos;             /* of the outer header */
        struct wg_endpoint from; /* whence it came, and at which of our addresses it arrived */

        /* Written by wg_receive(). */
        enum wg_verdict verdict; /* DATA (deliver it), HANDSHAKE (wg_engine_offer()), KEEPALIVE, or
                                    why it is dropped */
        struct wg_peer *peer;    /* who sent it; NULL where that is not known */
        bool is_preferred;       /* with HANDSHAKE: what strangers send by the thousand waits */
        uint8_t *inner;          /* with DATA: the inner packet, inside buf */
        uint32_t inner_len;
};

/* Classifies, opens and checks each datagram, and moves the endpoint of peers that proved to be
 * elsewhere. n is at most WG_BATCH_MAX. */
void wg_receive(struct wg_worker *worker, struct wg_receive_slot *slots, size_t n, uint64_t now_ns);

#endif
