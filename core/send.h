/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * send.h - the way out: from inner packets to sealed datagrams, a batch at a time.
 * Source: WireGuard paper 5.4.6, 6.2; RFC 3168 9.1 (ECN, as the kernel's tunnels do it).
 * Threads: any worker; pointers in a slot are borrowed until its next quiescent moment. */
#ifndef CORE_SEND_H
#define CORE_SEND_H

#include "core/worker.h"

/* A slot's memory holds this much before the inner packet, and this much behind it. */
#define WG_SEND_HEADROOM WG_DATA_TEXT
#define WG_SEND_TAILROOM (WG_PADDING - 1 + WG_AEAD_TAG_LEN)

struct wg_send_slot {
        uint8_t *buf; /* headroom, inner packet, tailroom */
        uint32_t len; /* in: of the inner packet; out, if sealed: of the datagram at buf */
        /* In: what wg_send_sealed_len() said of it, so that no more room is used; 0: it was not asked,
         * and the tailroom is there. */
        uint32_t sealed_len;
        /* In: cut from the same packet as the slot before, which is in the same call: whatever that one's
         * addresses decided holds for it too. */
        bool is_more;

        /* Written by wg_send(). */
        enum wg_verdict verdict; /* SEALED, NO_SESSION (for the engine), or why it is dropped */
        uint8_t tos;             /* of the outer header */
        struct wg_peer *peer;    /* NULL where none was found */
        struct wg_endpoint to;   /* if sealed: send it there, then call wg_worker_count_sent() */
};

/* How long the datagram with an inner packet of len bytes will be, on a link of that MTU (0: none). Slots
 * can be laid out by it without a gap, as what shall leave in one piece has to be. */
uint32_t wg_send_sealed_len(uint32_t len, uint32_t mtu) WG_MUST_USE;

/* Routes each inner packet to its peer, numbers and seals it. n is at most WG_BATCH_MAX. A packet
 * without a session, or behind packets of its peer that the engine still holds, gets NO_SESSION.
 * Send the sealed packets of the call first, then give these to wg_engine_stage() in order, or to
 * wg_worker_refuse() if that is not possible. */
void wg_send(struct wg_worker *worker, struct wg_send_slot *slots, size_t n, uint64_t now_ns);

/* Numbers and seals for one given peer, whatever else waits; also empty packets, which are
 * keepalives. Slots with NO_SESSION are not handed on. */
void wg_send_to(struct wg_worker *worker, struct wg_peer *peer, struct wg_send_slot *slots,
                size_t n, uint64_t now_ns);

/* Whether something can be sealed for the peer right now. */
bool wg_send_is_ready(struct wg_peer *peer, uint64_t now_ns) WG_MUST_USE;

#endif
