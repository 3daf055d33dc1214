/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * heap.h - finds what is due next: a binary min-heap of nodes that live inside other structs.
 * Threads: the engine's. */
#ifndef CORE_HEAP_H
#define CORE_HEAP_H

#include "base/attr.h"
#include "base/std.h"
#include "core/env.h"

/* Zeroed memory is a node in no heap. Only the functions below write it. */
struct wg_heap_node {
        uint64_t at_ns;
        uint32_t position; /* in the heap, from 1; 0: in none */
};

struct wg_heap {
        const struct wg_env *env;
        struct wg_heap_node **nodes; /* node i (from 1) is due no earlier than node i / 2 */
        uint32_t count, room;
};

/* Makes an empty heap. Borrows the env until done(). */
void wg_heap_init(struct wg_heap *heap, const struct wg_env *env);

/* Frees the heap. Nodes still in it keep their positions and must not be used again. Accepts zeroed
 * memory. */
void wg_heap_done(struct wg_heap *heap);

/* Makes room for `nodes` nodes in total. Returns false and changes nothing if memory is short. The
 * heap never shrinks before done(). */
WG_MUST_USE bool wg_heap_reserve(struct wg_heap *heap, size_t nodes);

/* Makes a node due at at_ns. Adds the node if it is in no heap, for which there must be room, or
 * else moves it. */
void wg_heap_set(struct wg_heap *heap, struct wg_heap_node *node, uint64_t at_ns);

/* Removes a node. Does nothing if it is in no heap. */
void wg_heap_remove(struct wg_heap *heap, struct wg_heap_node *node);

/* Returns the node due first, or NULL. If several are due at the same time, returns any of them. */
struct wg_heap_node *wg_heap_first(const struct wg_heap *heap);

#endif
