/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * hsqueue.h - the queue of handshake messages for the engine, which also measures its load.
 *
 * We are under load while many messages wait, or while several wait and the first has waited for a
 * long time, and for one second after that. A few messages that waited because the engine was busy
 * with something else are no load.
 * Source: WireGuard paper 5.3 leaves "under load" open; see limits.h.
 * Threads: the engine's, except wg_hsqueue_is_loaded(). */
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
        bool is_proven; /* a cookie proved `from`, which is within its rate */
        uint8_t len;
        uint8_t bytes[WG_HANDSHAKE_LEN_MAX];
};

struct wg_hsqueue {
        const struct wg_env *env;
        struct wg_hsqueue_item *items; /* a ring of WG_HANDSHAKE_QUEUE_MAX items */
        uint32_t first, count;
        _Atomic uint64_t loaded_until_ns;
};

/* Makes an empty queue. Borrows the env until done(). Returns false if memory is short. */
bool wg_hsqueue_init(struct wg_hsqueue *queue, const struct wg_env *env) WG_MUST_USE;

/* Frees the queue. Accepts zeroed memory. */
void wg_hsqueue_done(struct wg_hsqueue *queue);

/* Appends a copy of a message of at most WG_HANDSHAKE_LEN_MAX bytes. Returns false if the queue is
 * full. */
bool wg_hsqueue_put(struct wg_hsqueue *queue, const uint8_t *message, size_t len,
                    const struct wg_endpoint *from, bool is_proven, uint64_t now_ns) WG_MUST_USE;

/* Removes and returns the first message, or NULL. It stays readable until the next put(). */
const struct wg_hsqueue_item *wg_hsqueue_take(struct wg_hsqueue *queue, uint64_t now_ns);

/* Whether handshake messages must prove their source. The engine calls it after take(). Any
 * thread. */
bool wg_hsqueue_is_loaded(const struct wg_hsqueue *queue, uint64_t now_ns) WG_MUST_USE;

#endif
