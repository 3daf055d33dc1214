/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * work.h - the engine's rounds: packets that wait for a session go in, and whatever is due is done.
 *
 * Call wg_engine_work() at wg_engine_deadline(), after wg_engine_offer() and wg_engine_stage(), when a
 * worker's wants_engine says so, and after any change of configuration.
 * Threads: the engine's. */
#ifndef CORE_WORK_H
#define CORE_WORK_H

#include "core/engine.h"

/* Takes a packet that wg_send() gave NO_SESSION and `peer`; call it once for each. Keeps a copy
 * until the peer has a session. If allowed IPs have changed, that is the peer it belongs to now.
 * Returns STAGED, or why it was dropped. */
enum wg_verdict wg_engine_stage(struct wg_engine *engine, struct wg_peer *peer,
                                const uint8_t *packet, uint32_t len, uint64_t now_ns);

/* Does what is due, as much as the list of actions has room for. Empties the list first. Returns
 * whether more is due at once. */
bool wg_engine_work(struct wg_engine *engine, struct wg_now now, struct wg_actions *actions);

/* When work() is due next: CLOCK_BOOTTIME in ns; 0: at once; UINT64_MAX: never. */
uint64_t wg_engine_deadline(const struct wg_engine *engine) WG_MUST_USE;

#endif
