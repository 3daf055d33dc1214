/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * send.h - the outbound path: turns a batch of inner packets into sealed datagrams.
 * Source: WireGuard paper 5.4.6, 6.2; RFC 3168 9.1 (ECN, as the kernel's tunnels do it).
 * Threads: any worker. Pointers in a slot are borrowed until the worker's next quiescent point. */
#ifndef CORE_SEND_H
#define CORE_SEND_H

#include "core/worker.h"

/* The room in a slot's memory before and after the inner packet. */
#define WG_SEND_HEADROOM WG_DATA_TEXT
#define WG_SEND_TAILROOM (WG_PADDING - 1 + WG_AEAD_TAG_LEN)

struct wg_send_slot {
        uint8_t *buf; /* headroom, inner packet, tailroom */
        uint32_t len; /* in: of the inner packet; out, if sealed: of the datagram in buf */
        /* In: the result of wg_send_sealed_len(); the buffer needs no room beyond it. 0: the caller
         * did not ask, and the buffer has the full tailroom. */
        uint32_t sealed_len;
        /* In: cut from the same packet as the previous slot of this call, so every decision by
         * address is the same. */
        bool is_more;

        /* Written by wg_send(). */
        enum wg_verdict verdict; /* SEALED, NO_SESSION (for the engine), or why it is dropped */
        uint8_t tos;             /* of the outer header */
        struct wg_peer *peer;    /* NULL: none found */
        struct wg_endpoint to;   /* if sealed: send it there, then call wg_worker_count_sent() */
};

/* Returns the length of the datagram for an inner packet of len bytes, on a link of this MTU (0:
 * none). With it, the caller can lay out slots without gaps, as one UDP_SEGMENT buffer needs. */
uint32_t wg_send_sealed_len(uint32_t len, uint32_t mtu) WG_MUST_USE;

/* Finds the peer of each inner packet, then numbers and seals the packet. n is at most
 * WG_BATCH_MAX. A packet gets NO_SESSION if there is no session, or if the engine still holds
 * earlier packets of its peer. Send the sealed packets of the call first, then pass those with
 * NO_SESSION to wg_engine_stage(), in order, or to wg_worker_refuse() if that is impossible. */
void wg_send(struct wg_worker *worker, struct wg_send_slot *slots, size_t n, uint64_t now_ns);

/* Numbers and seals packets for a given peer, even if earlier packets wait. Empty packets become
 * keepalives. The caller keeps packets with NO_SESSION. */
void wg_send_to(struct wg_worker *worker, struct wg_peer *peer, struct wg_send_slot *slots,
                size_t n, uint64_t now_ns);

/* Whether a packet can be sealed for the peer now. */
bool wg_send_is_ready(struct wg_peer *peer, uint64_t now_ns) WG_MUST_USE;

#endif
