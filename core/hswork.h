/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * hswork.h - the engine's part in handshake messages that arrived: they are queued, checked against
 * the load, computed side by side (hsjob.h), and judged in the order in which they came.
 * Source: WireGuard paper 5.3, 5.4.7 (load, cookies).
 * Threads: the engine's. */
#ifndef CORE_HSWORK_H
#define CORE_HSWORK_H

#include "core/engine.h"

/* Queues a handshake message of verdict HANDSHAKE. Returns HANDSHAKE, or why it was dropped. */
enum wg_verdict wg_engine_offer(struct wg_engine *engine, const uint8_t *message, size_t len,
                                const struct wg_endpoint *from, uint64_t now_ns);

/* Handles messages of the queue, as many as may be computed at a time and as `actions` has room for.
 * wg_engine_work() calls it. */
void wg_hswork_run(struct wg_engine *engine, struct wg_now now, struct wg_actions *actions);

#endif
