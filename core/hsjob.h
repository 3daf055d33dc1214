/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * hsjob.h - the expensive part of a received handshake message: its scalar multiplications,
 * separate from everything that needs the engine.
 *
 * A message takes up to three steps. The engine prepares a step, wg_handshake_compute() does it on
 * any thread, and the engine looks at the result and prepares the next. Several messages go through
 * these steps in parallel, and none changes any state yet. When no step is left, the engine judges
 * the messages one after another, in order of arrival. The engine waits while steps are computed,
 * so nothing that a step borrows changes.
 *
 *         initiation: READ_STATIC, then SHARE_STATICS for a peer's first one, then WRITE_RESPONSE
 *         response:   READ_RESPONSE
 *
 * Source: WireGuard paper 5.4.2, 5.4.3.
 * Threads: the engine's, except wg_handshake_compute(). */
#ifndef CORE_HSJOB_H
#define CORE_HSJOB_H

#include "core/hsqueue.h"
#include "core/peer.h"

#define WG_HANDSHAKE_STEPS(X) \
        X(WG_HANDSHAKE_NO_STEP, 0, no_step, "nothing to compute") \
        X(WG_HANDSHAKE_READ_STATIC, 1, read_static, \
          "decrypt the initiator's key: one multiplication") \
        X(WG_HANDSHAKE_SHARE_STATICS, 2, share_statics, "both static keys' secret: one") \
        X(WG_HANDSHAKE_WRITE_RESPONSE, 3, write_response, \
          "an ephemeral key and its secrets: three") \
        X(WG_HANDSHAKE_READ_RESPONSE, 4, read_response, "the response's secrets: two")
WG_ENUM_DECLARE(wg_handshake_step, WG_HANDSHAKE_STEPS)

/* The most messages in one round, and the most of them that compute something. */
enum { WG_HANDSHAKE_JOBS = 32, WG_HANDSHAKE_COMPUTED = 16 };

/* Secret: the engine wipes it when the message is settled. */
struct wg_handshake_job {
        /* Input of a step. */
        enum wg_handshake_step step;        /* the last one prepared */
        const struct wg_hsqueue_item *item; /* borrowed from the queue */
        const struct wg_x25519_key *own;    /* our static key; borrowed from the identity */
        struct wg_peer *claimed;            /* the claimed sender; unset in READ_STATIC */
        struct wg_peer *peer; /* proven sender, or whose initiation it answers; or NULL */
        struct wg_noise noise;
        uint8_t stamp[WG_TAI64N_LEN];  /* of an initiation, once `peer` is known */
        uint8_t ephemeral[WG_KEY_LEN]; /* WRITE_RESPONSE: private key; the step wipes it */

        /* Output. */
        enum wg_verdict verdict;       /* HANDSHAKE_DONE, or why the message is refused */
        uint8_t initiator[WG_KEY_LEN]; /* READ_STATIC */
        uint8_t shared[WG_KEY_LEN];    /* SHARE_STATICS */
        uint8_t public_ephemeral[WG_KEY_LEN], nothing[WG_NOISE_TAG_LEN]; /* WRITE_RESPONSE */
};

/* Does the prepared step. It depends only on the job and on what the job borrows. Threads: any that
 * has called wg_crypto_thread_begin(). */
void wg_handshake_compute(struct wg_handshake_job *job);

#endif
