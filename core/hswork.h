/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * hswork.h - the engine's handling of received handshake messages: it queues them, demands proof of
 * the source under load, computes them in parallel (hsjob.h), and judges them in order of arrival.
 * Source: WireGuard paper 5.3, 5.4.7 (load, cookies).
 * Threads: the engine's. */
#ifndef CORE_HSWORK_H
#define CORE_HSWORK_H

#include "core/engine.h"

/* Queues a message to which wg_receive() gave HANDSHAKE. Returns HANDSHAKE, or why it was
 * dropped. */
enum wg_verdict wg_engine_offer(struct wg_engine *engine, const uint8_t *message, size_t len,
                                const struct wg_endpoint *from, uint64_t now_ns);

/* Handles as many queued messages as one round may compute and `actions` has room for. Only
 * wg_engine_work() calls it. */
void wg_hswork_run(struct wg_engine *engine, struct wg_now now, struct wg_actions *actions);

#endif
