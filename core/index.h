/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * index.h - maps the 32-bit index in a message to its handshake or keypair.
 *
 * Indices are unique in a table, and random, so that an eavesdropper learns nothing from them.
 *
 * Source: WireGuard paper, 5.4.2 to 5.4.6 (sender and receiver index).
 * Threads: any thread may call find(), which takes no lock; everything else is the engine's. An
 * entry that workers may have found is retired after it left the table, never freed at once. */
#ifndef CORE_INDEX_H
#define CORE_INDEX_H

#include "base/attr.h"
#include "base/std.h"
#include "core/env.h"

struct wg_peer;
struct wg_index_slots;

/* Part of the object that the index identifies. `peer` and `kind` belong to the owner and are
 * constant from the first add() on, because readers use them. */
struct wg_index_entry {
        struct wg_peer *peer;
        _Atomic uint32_t index; /* 0: in no table; only this module writes it */
        uint8_t kind;
};

struct wg_index_table {
        const struct wg_env *env;               /* const */
        _Atomic(struct wg_index_slots *) slots; /* engine writes, all read */
        size_t count;                           /* engine: entries in the table */
};

/* Makes an empty table; allocates nothing yet. Borrows the env until done(). */
void wg_index_init(struct wg_index_table *table, const struct wg_env *env);

/* Frees a table that no thread reads any more. Entries may still be in it. */
void wg_index_done(struct wg_index_table *table);

/* Gives an entry that is in no table a new index, never 0, and publishes it. Returns false and
 * changes nothing if memory is short. */
WG_MUST_USE bool wg_index_add(struct wg_index_table *table, struct wg_index_entry *entry);

/* Replaces `old` by `entry`, which is in no table and takes over the index. A reader finds one of
 * the two at every moment. */
void wg_index_replace(struct wg_index_table *table, struct wg_index_entry *old,
                      struct wg_index_entry *entry);

/* Removes an entry and sets its index to 0. Does nothing if it is in no table. */
void wg_index_remove(struct wg_index_table *table, struct wg_index_entry *entry);

/* Returns the entry with an index (host order), or NULL. Any thread. The entry stays valid until
 * the thread's next quiescent point. The caller checks its kind. */
struct wg_index_entry *wg_index_find(const struct wg_index_table *table, uint32_t index);

#endif
