/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * index.h - from the 32-bit index in a message to the handshake or keypair it speaks of.
 *
 * Indices are random, so that they tell a listener nothing, and unique in one table.
 *
 * Source: WireGuard paper, 5.4.2 to 5.4.6 (sender and receiver index).
 * Threads: find() is for any thread and takes no lock; all else is the engine's. An entry that
 * workers may have found is retired after it left the table, never freed at once. */
#ifndef CORE_INDEX_H
#define CORE_INDEX_H

#include "base/attr.h"
#include "base/std.h"
#include "core/env.h"

struct wg_peer;
struct wg_index_slots;

/* Lives inside what the index stands for. `peer` and `kind` are the owner's, and constant from the
 * first add() on: readers look at them. */
struct wg_index_entry {
        struct wg_peer *peer;
        _Atomic uint32_t index; /* 0: in no table; written here only */
        uint8_t kind;
};

struct wg_index_table {
        const struct wg_env *env;               /* const */
        _Atomic(struct wg_index_slots *) slots; /* engine writes, all read */
        size_t count;                           /* engine: entries in the table */
};

/* Makes an empty table, for which no memory is taken yet. The env is borrowed until done(). */
void wg_index_init(struct wg_index_table *table, const struct wg_env *env);

/* Ends a table that no thread reads any more. Entries still in it are forgotten. */
void wg_index_done(struct wg_index_table *table);

/* Gives an entry that is in no table a fresh index, never 0, and publishes it. Returns false, and
 * changes nothing, only when there is no memory. */
WG_MUST_USE bool wg_index_add(struct wg_index_table *table, struct wg_index_entry *entry);

/* Puts `entry`, which is in no table, in the place and under the index of `old`, which leaves the
 * table. A reader finds the one or the other at every moment. */
void wg_index_replace(struct wg_index_table *table, struct wg_index_entry *old,
                      struct wg_index_entry *entry);

/* Takes an entry out; its index becomes 0. Harmless for one that is in no table. */
void wg_index_remove(struct wg_index_table *table, struct wg_index_entry *entry);

/* The entry with an index (host order), or NULL. Any thread; the entry stays valid until the
 * thread's next quiescent moment. The caller compares its kind. */
struct wg_index_entry *wg_index_find(const struct wg_index_table *table, uint32_t index);

#endif
