/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * timers.h - when what is due, a peer.
 *
 * The rest of the core says what happened; which timer that starts or stops is decided here alone.
 * Packets start no timer: workers write down when something happened, once a batch, and a timer that
 * runs out looks at that and goes on waiting if there was reason to. So timers are exact and cost
 * nothing while packets flow.
 *
 * Source: WireGuard paper 6.1 to 6.5; the kernel's timers.
 * Threads: the engine's. */
#ifndef CORE_TIMERS_H
#define CORE_TIMERS_H

#include "core/peer.h"

/* Starts a timer, or moves one that runs. */
void wg_timers_arm(struct wg_peer *peer, enum wg_timer timer, uint64_t at_ns);

/* Starts a timer unless it runs and is due earlier. */
void wg_timers_arm_by(struct wg_peer *peer, enum wg_timer timer, uint64_t at_ns);

void wg_timers_cancel(struct wg_peer *peer, enum wg_timer timer);
void wg_timers_cancel_all(struct wg_peer *peer);

/* The timer of a peer that is due first, removed, if it is due by now; false: there is none. */
bool wg_timers_take_due(struct wg_peer *peer, uint64_t now_ns, enum wg_timer *timer) WG_MUST_USE;

/* ---- what happened ---- */

void wg_timers_initiation_sent(struct wg_peer *peer, uint64_t now_ns);
void wg_timers_session_derived(struct wg_peer *peer, uint64_t now_ns);
void wg_timers_handshake_complete(struct wg_peer *peer, struct wg_now now);
void wg_timers_gave_up(struct wg_peer *peer, uint64_t now_ns);

/* ---- what workers wrote down ---- */

/* Data went out: unless something came since, NEW_HANDSHAKE runs from the first of it on. Returns
 * whether that is due now. */
bool wg_timers_look_at_sent(struct wg_peer *peer, uint64_t now_ns);

/* Data came in: unless something went out since, KEEPALIVE runs from the first of it on. Returns
 * whether that is due now, and if so, in *has_more, whether more came after the first. */
bool wg_timers_look_at_received(struct wg_peer *peer, uint64_t now_ns, bool *has_more);

/* After a keepalive that answered data of which more had come: another one is to follow. */
void wg_timers_expect_keepalive(struct wg_peer *peer, uint64_t now_ns);

/* Whether the persistent keepalive is due now; else it is armed for when it will be. */
bool wg_timers_look_at_traversal(struct wg_peer *peer, uint64_t now_ns);

#endif
