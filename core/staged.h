/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * staged.h - packets that wait for a session.
 *
 * Each has its own memory, with the headroom and tailroom that sealing needs. A peer may hold
 * WG_STAGED_PACKETS_MAX packets, and all peers together WG_STAGED_BYTES_MAX bytes; beyond that, the
 * peer's oldest packet is dropped.
 * Source: the kernel's behaviour (a queue of 128 packets per peer), plus a bound per device.
 * Threads: the engine's. */
#ifndef CORE_STAGED_H
#define CORE_STAGED_H

#include "base/attr.h"
#include "core/env.h"
#include "core/limits.h"
#include "core/message.h"
#include "core/verdict.h"

struct wg_staged {
        struct wg_staged *next;
        uint32_t size; /* of this allocation */
        uint32_t len;  /* of the plaintext; once sealed, of the datagram */
        uint8_t tos;   /* once sealed: of the outer header */
        uint8_t buf[]; /* WG_DATA_TEXT bytes, the plaintext, room for padding and tag */
};

/* First in, first out. Zeroed memory is an empty queue. */
struct wg_staged_queue {
        struct wg_staged *first, *last;
        uint32_t count;
};

/* The memory of the staged packets in all queues of a device. */
struct wg_staged_pool {
        const struct wg_env *env;
        size_t bytes, packets;
};

/* Appends a copy of a packet to a queue. *dropped gets the number of packets dropped from the front
 * of the same queue to make room. Returns STAGED; STAGED_FULL if other queues still hold too much;
 * or NO_MEMORY. */
enum wg_verdict wg_staged_put(struct wg_staged_pool *pool, struct wg_staged_queue *queue,
                              const uint8_t *packet, uint32_t len, uint32_t *dropped) WG_MUST_USE;

/* Removes and returns all packets, chained by `next`, or NULL. The caller frees them. */
struct wg_staged *wg_staged_take_all(struct wg_staged_queue *queue);

/* Wipes and frees a chain of packets. Accepts NULL. */
void wg_staged_free(struct wg_staged_pool *pool, struct wg_staged *chain);

/* Returns the number of packets in a chain. */
uint32_t wg_staged_count(const struct wg_staged *chain) WG_MUST_USE;

/* Frees all packets of a queue. Returns how many there were. */
uint32_t wg_staged_purge(struct wg_staged_pool *pool, struct wg_staged_queue *queue);

#endif
