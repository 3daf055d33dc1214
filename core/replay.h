/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * replay.h - accepts each nonce of one receiving key at most once.
 *
 * Source: RFC 6479 (a ring of words, nothing is shifted); WireGuard paper, 5.4.6.
 * Threads: one owner at a time; there is no lock inside (a keypair's window is guarded by
 * env->lock()). */
#ifndef CORE_REPLAY_H
#define CORE_REPLAY_H

#include "base/attr.h"
#include "base/std.h"

/* The size of the ring, and the least distance below the greatest accepted nonce that it covers.
 * One word is only partly used while the greatest nonce moves through it. */
#define WG_REPLAY_BITS 8192
#define WG_REPLAY_WINDOW (WG_REPLAY_BITS - 64)

struct wg_replay {
        uint64_t next;                      /* 1 + the greatest nonce accepted; 0 when empty */
        uint64_t ring[WG_REPLAY_BITS / 64]; /* bit n % WG_REPLAY_BITS is set once n was accepted */
};

/* Empties the window. Zeroed memory is also an empty window. */
void wg_replay_init(struct wg_replay *w);

/* Accepts a nonce (host order, counted from 0) and marks it as seen. Call it only after the
 * packet's tag has verified. Returns false and changes nothing if the nonce was accepted before,
 * lies more than WG_REPLAY_WINDOW below the greatest, or is WG_REJECT_AFTER_MESSAGES or more. */
WG_MUST_USE bool wg_replay_accept(struct wg_replay *w, uint64_t nonce);

#endif
