/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * hsjob.h - the costly part of a handshake message that arrived: its scalar multiplications, apart from
 * all that needs the engine.
 *
 * A message takes up to three steps. The engine prepares a step, wg_handshake_compute() does it, on
 * whatever thread, and the engine looks at the result and prepares the next one. Several messages go
 * through this side by side, and change nothing yet. When no step is left the engine judges them one
 * after the other, in the order in which they came. While a step is computed the engine waits, so that
 * nothing changes of what the step borrows.
 *
 *         initiation: READ_STATIC, then SHARE_STATICS at the first one of a peer, then WRITE_RESPONSE
 *         response:   READ_RESPONSE
 *
 * Source: WireGuard paper 5.4.2, 5.4.3.
 * Threads: the engine's, but for wg_handshake_compute(). */
#ifndef CORE_HSJOB_H
#define CORE_HSJOB_H

#include "core/hsqueue.h"
#include "core/peer.h"

#define WG_HANDSHAKE_STEPS(X) \
        X(WG_HANDSHAKE_NO_STEP, 0, no_step, "nothing to compute") \
        X(WG_HANDSHAKE_READ_STATIC, 1, read_static, "whose initiation is it? one multiplication") \
        X(WG_HANDSHAKE_SHARE_STATICS, 2, share_statics, "the secret of both static keys; one") \
        X(WG_HANDSHAKE_WRITE_RESPONSE, 3, write_response, \
          "an ephemeral key and its secrets; three") \
        X(WG_HANDSHAKE_READ_RESPONSE, 4, read_response, "is it the answer to ours? two")
WG_ENUM_DECLARE(wg_handshake_step, WG_HANDSHAKE_STEPS)

/* Messages that go side by side, and how many of them may have something to compute. */
enum { WG_HANDSHAKE_JOBS = 32, WG_HANDSHAKE_COMPUTED = 16 };

/* Secret; the engine wipes it when the message is settled. */
struct wg_handshake_job {
        /* Before a step. */
        enum wg_handshake_step step;        /* the last one that was prepared */
        const struct wg_hsqueue_item *item; /* borrowed from the queue */
        const struct wg_x25519_key *own;    /* our static key; borrowed from the identity */
        struct wg_peer *claimed;            /* who it seems to be from; not with READ_STATIC */
        struct wg_peer *peer;               /* who it is known to be from, or answers, or NULL */
        struct wg_noise noise;
        uint8_t stamp[WG_TAI64N_LEN];  /* of an initiation, once peer is known */
        uint8_t ephemeral[WG_KEY_LEN]; /* private, for WRITE_RESPONSE; wiped by it */

        /* After it. */
        enum wg_verdict verdict;       /* HANDSHAKE_DONE, or why the message is refused */
        uint8_t initiator[WG_KEY_LEN]; /* READ_STATIC */
        uint8_t shared[WG_KEY_LEN];    /* SHARE_STATICS */
        uint8_t public_ephemeral[WG_KEY_LEN], nothing[WG_NOISE_TAG_LEN]; /* WRITE_RESPONSE */
};

/* Does a step. A function of the job and of what it borrows alone. Any thread that has begun with
 * wg_crypto_thread_begin(). */
void wg_handshake_compute(struct wg_handshake_job *job);

#endif
