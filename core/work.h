/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * work.h - the engine's rounds, and packets that wait for a session.
 *
 * Call wg_engine_work() at wg_engine_deadline(), after wg_engine_offer() and wg_engine_stage(),
 * when a worker sets wants_engine, and after any change of configuration.
 * Threads: the engine's. */
#ifndef CORE_WORK_H
#define CORE_WORK_H

#include "core/engine.h"

/* Takes a packet to which wg_send() gave NO_SESSION and `peer`. Call it exactly once for each.
 * Keeps a copy until the peer has a session. If the allowed IPs have changed since, the packet goes
 * to the peer that has the address now. Returns STAGED, or why the packet was dropped. */
enum wg_verdict wg_engine_stage(struct wg_engine *engine, struct wg_peer *peer,
                                const uint8_t *packet, uint32_t len, uint64_t now_ns);

/* Clears the list of actions, then does the work that is due, as far as the list has room. Returns
 * whether more is due at once. */
bool wg_engine_work(struct wg_engine *engine, struct wg_now now, struct wg_actions *actions);

/* Returns when wg_engine_work() is due next: CLOCK_BOOTTIME in ns; 0: at once; UINT64_MAX:
 * never. */
uint64_t wg_engine_deadline(const struct wg_engine *engine) WG_MUST_USE;

#endif
