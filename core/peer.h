/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * peer.h - the state of one peer.
 *
 * Three tables of the engine lead to a peer: by public key, by allowed IPs, and by the indices of
 * its sessions. A removed peer leaves all three, and its memory is freed when no worker can still
 * hold it (env->retire). */
#ifndef CORE_PEER_H
#define CORE_PEER_H

#include "base/enum.h"
#include "base/list.h"
#include "base/std.h"
#include "core/allowedips.h"
#include "core/cookie.h"
#include "core/heap.h"
#include "core/keypair.h"
#include "core/noise.h"
#include "core/note.h"
#include "core/path.h"
#include "core/staged.h"
#include "core/tai64n.h"
#include "core/waiting.h"

struct wg_engine;

#define WG_TIMERS(X) \
        X(WG_TIMER_RETRY, 0, retry, "send the initiation again") \
        X(WG_TIMER_NEW_HANDSHAKE, 1, new_handshake, "data sent was not answered") \
        X(WG_TIMER_KEEPALIVE, 2, keepalive, "acknowledge data received") \
        X(WG_TIMER_PERSISTENT, 3, persistent, "send a persistent keepalive") \
        X(WG_TIMER_FLOOR, 4, floor, "another initiation is allowed") \
        X(WG_TIMER_FLUSH, 5, flush, "send staged packets") \
        X(WG_TIMER_ZERO, 6, zero, "erase all session keys")
WG_ENUM_DECLARE(wg_timer, WG_TIMERS)
#define WG_TIMER_COUNT 7

#define WG_HANDSHAKE_STATES(X) \
        X(WG_HANDSHAKE_NONE, 0, none, "we have no handshake under way") \
        X(WG_HANDSHAKE_INITIATED, 1, initiated, "our initiation awaits its response")
WG_ENUM_DECLARE(wg_handshake_state, WG_HANDSHAKE_STATES)

/* A handshake that we began. A responder is done at once and keeps none. */
struct wg_handshake {
        enum wg_handshake_state state;
        struct wg_index_entry entry;
        struct wg_noise noise;
        struct wg_x25519_key *ephemeral;
};

struct wg_peer {
        /* Constant. */
        struct wg_engine *engine;
        uint8_t public_key[WG_KEY_LEN];

        /* Any thread. */
        _Atomic(struct wg_keypair *) current; /* we send under it; written by compare-and-swap */
        struct wg_waiting waiting;            /* packets on their way through the engine */
        struct wg_path path;                  /* the endpoint */
        struct wg_notes notes;                /* what workers tell the engine */
        _Atomic uint64_t tx_bytes, rx_bytes;  /* of UDP payload */

        /* Engine: configuration. */
        struct wg_list in_order; /* in the engine's `peers`; once removed, in `leaving` */
        uint64_t serial;         /* unique in this engine; rises in the order of `peers` */
        struct wg_peer *next_in_bucket;
        struct wg_allowed_owner allowed;
        uint8_t preshared_key[WG_KEY_LEN]; /* zero: none */
        uint16_t keepalive_s;              /* 0: off */
        bool is_removed;                   /* by a commit: no table leads to it */
        bool is_released;                  /* and no worker can hold it any more */

        /* Engine: handshake. */
        struct wg_handshake handshake;
        struct wg_cookie_jar cookies;
        uint8_t static_static[WG_KEY_LEN]; /* made on first use */
        bool has_static_static;
        uint8_t latest_stamp[WG_TAI64N_LEN]; /* in an initiation accepted from this peer */
        uint64_t stamped_ns; /* since 1970: no initiation to this peer carries a later time */
        uint64_t initiation_accepted_ns;
        uint64_t handshake_sent_ns; /* our last initiation or response; 0: none */
        uint64_t handshake_real_ns; /* the last completed handshake, since 1970; 0: none */
        uint8_t retries;
        bool owes_keepalive; /* a keepalive was due while there was no session */

        /* Engine: sessions; see session.h. */
        struct wg_keypair *current_known, *previous, *next;
        uint32_t keypairs; /* all that exist, including retired ones */
        uint8_t sessions;  /* keypairs in slots */

        /* Engine: staged packets, and timers. */
        struct wg_staged_queue staged;
        struct wg_heap_node due;            /* the earliest of deadlines[] */
        uint64_t deadlines[WG_TIMER_COUNT]; /* 0: not running */

        struct wg_retired retired;
};

#endif
