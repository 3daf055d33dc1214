/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * timers.h - a peer's timers.
 *
 * The rest of the core reports events; only this module decides which timers they start or stop.
 * Packets start no timer: workers record when something happened, once per batch (note.h), and a
 * timer that expires checks that time and is restarted if it is not due yet. So timers are exact
 * and cost nothing while packets flow.
 *
 * Source: WireGuard paper 6.1 to 6.5; the kernel's timers.
 * Threads: the engine's. */
#ifndef CORE_TIMERS_H
#define CORE_TIMERS_H

#include "core/peer.h"

/* Starts a timer, or changes its deadline. */
void wg_timers_arm(struct wg_peer *peer, enum wg_timer timer, uint64_t at_ns);

/* Starts a timer, or makes it due earlier. */
void wg_timers_arm_by(struct wg_peer *peer, enum wg_timer timer, uint64_t at_ns);

void wg_timers_cancel(struct wg_peer *peer, enum wg_timer timer);
void wg_timers_cancel_all(struct wg_peer *peer);

/* Stops the peer's earliest timer and returns it in *timer, if it is due. Returns false if none
 * is. */
bool wg_timers_take_due(struct wg_peer *peer, uint64_t now_ns, enum wg_timer *timer) WG_MUST_USE;

/* ---- events ---- */

void wg_timers_initiation_sent(struct wg_peer *peer, uint64_t now_ns);
void wg_timers_session_derived(struct wg_peer *peer, uint64_t now_ns);
void wg_timers_handshake_complete(struct wg_peer *peer, struct wg_now now);
void wg_timers_gave_up(struct wg_peer *peer, uint64_t now_ns);

/* ---- times that workers recorded ---- */

/* After data was sent: unless something was received since, starts NEW_HANDSHAKE, counted from the
 * first of that data. Returns whether it is due now. */
bool wg_timers_look_at_sent(struct wg_peer *peer, uint64_t now_ns);

/* After data was received: unless something was sent since, starts KEEPALIVE, counted from the
 * first of that data. Returns whether it is due now; if so, *has_more says whether more data
 * followed. */
bool wg_timers_look_at_received(struct wg_peer *peer, uint64_t now_ns, bool *has_more);

/* Starts KEEPALIVE again after one was sent and more data had followed. */
void wg_timers_expect_keepalive(struct wg_peer *peer, uint64_t now_ns);

/* Restarts PERSISTENT, if the peer has one. Returns whether a persistent keepalive is due now. */
bool wg_timers_look_at_traversal(struct wg_peer *peer, uint64_t now_ns);

#endif
