/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * staged.h - packets that wait for a session.
 *
 * Each lies in memory of its own with the room that sealing needs before and behind it. A peer keeps
 * WG_STAGED_PACKETS_MAX of them and all peers together WG_STAGED_BYTES_MAX bytes; the oldest of the
 * peer makes place.
 * Source: WireGuard's own behaviour (the kernel's queue of 128), with a bound for the device.
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
        uint32_t size; /* of this memory, all in all */
        uint32_t len;  /* of the plaintext; once sealed, of the datagram */
        uint8_t tos;   /* once sealed: of the outer header */
        uint8_t buf[]; /* WG_DATA_TEXT bytes before the plaintext; padding and tag behind it */
};

/* First in, first out. Zeroed memory is an empty queue. */
struct wg_staged_queue {
        struct wg_staged *first, *last;
        uint32_t count;
};

/* What staged packets hold, for all queues of a device. */
struct wg_staged_pool {
        const struct wg_env *env;
        size_t bytes, packets;
};

/* Copies a packet to the end of a queue. *dropped says how many were dropped from the front of the
 * same queue to make place for it. Returns STAGED; STAGED_FULL: others hold too much all the same;
 * NO_MEMORY. */
enum wg_verdict wg_staged_put(struct wg_staged_pool *pool, struct wg_staged_queue *queue,
                              const uint8_t *packet, uint32_t len, uint32_t *dropped) WG_MUST_USE;

/* Takes all packets out, as a chain by `next`; NULL: the queue is empty. The caller frees it. */
struct wg_staged *wg_staged_take_all(struct wg_staged_queue *queue);

/* Wipes and frees one packet, or a chain of them by `next`; takes NULL. */
void wg_staged_free(struct wg_staged_pool *pool, struct wg_staged *chain);

/* The number of packets in a chain. */
uint32_t wg_staged_count(const struct wg_staged *chain) WG_MUST_USE;

/* Frees all of a queue; returns how many there were. */
uint32_t wg_staged_purge(struct wg_staged_pool *pool, struct wg_staged_queue *queue);

#endif
