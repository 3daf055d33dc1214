/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * hsqueue.h - handshake messages that wait for the engine, and so the measure of its load.
 *
 * We are under load while many messages wait, or while the first of some has waited for long, and for
 * a second after. A few that waited only since the engine was busy with something else are none.
 * Source: WireGuard paper 5.3 leaves "under load" open; see limits.h.
 * Threads: the engine's, but for wg_hsqueue_is_loaded(). */
#ifndef CORE_HSQUEUE_H
#define CORE_HSQUEUE_H

#include "base/attr.h"
#include "base/endpoint.h"
#include "base/std.h"
#include "core/limits.h"
#include "core/message.h"

struct wg_hsqueue_item {
        uint64_t arrived_ns;
        struct wg_endpoint from;
        bool is_proven; /* a cookie proves `from`, and its rate was looked at */
        uint8_t len;
        uint8_t bytes[WG_HANDSHAKE_LEN_MAX];
};

struct wg_hsqueue {
        const struct wg_env *env;
        struct wg_hsqueue_item *items; /* a ring of WG_HANDSHAKE_QUEUE_MAX */
        uint32_t first, count;
        _Atomic uint64_t loaded_until_ns;
};

/* Returns false when there is no memory. */
bool wg_hsqueue_init(struct wg_hsqueue *queue, const struct wg_env *env) WG_MUST_USE;

/* Takes zeroed memory too. */
void wg_hsqueue_done(struct wg_hsqueue *queue);

/* Copies a message of at most WG_HANDSHAKE_LEN_MAX bytes to the end. Returns false when full. */
bool wg_hsqueue_put(struct wg_hsqueue *queue, const uint8_t *message, size_t len,
                    const struct wg_endpoint *from, bool is_proven, uint64_t now_ns) WG_MUST_USE;

/* The first message, which leaves the queue but stays readable until the next put; NULL: empty. */
const struct wg_hsqueue_item *wg_hsqueue_take(struct wg_hsqueue *queue, uint64_t now_ns);

/* Whether handshakes must prove their source first. The engine asks after take(). Any thread. */
bool wg_hsqueue_is_loaded(const struct wg_hsqueue *queue, uint64_t now_ns) WG_MUST_USE;

#endif
