/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * The low bits of an index select its slot, and a slot holds one entry: no chains, no probing. We
 * choose the indices, so we draw until the slot is free, and double the table before it is more
 * than half full: two draws are enough on average. Doubling keeps entries apart, because indices
 * that differ in their low bits still differ with one bit more. The table never shrinks.
 *
 * Readers run at any moment, so:
 * - Add writes the entry's index before it publishes the entry in its slot.
 * - Replace and remove change the slot first, then the index of the entry that leaves. A reader
 *   that loaded the slot before and finds an unexpected index in the entry loads the slot again,
 *   and finds the successor, if any.
 * - A doubled table is filled before it is published. The old table is retired. It may still show
 *   entries that have left since, but their index has changed.
 * - An entry may come back under another index; readers rely on its current one. */
#include "core/index.h"

struct wg_index_slots {
        const struct wg_env *env;
        struct wg_retired retired;
        size_t size; /* a power of two */
        _Atomic(struct wg_index_entry *) at[];
};

enum { SIZE_MIN = 16 };

static size_t memory_of(size_t size)
{
        return sizeof(struct wg_index_slots) + size * sizeof(_Atomic(struct wg_index_entry *));
}

static _Atomic(struct wg_index_entry *) *slot_of(struct wg_index_slots *slots, uint32_t index)
{
        return &slots->at[index & (slots->size - 1)];
}

/* The engine only reads what it wrote itself, so relaxed loads are enough. */
static struct wg_index_slots *own_slots(const struct wg_index_table *table)
{
        return atomic_load_explicit(&table->slots, memory_order_relaxed);
}

static uint32_t own_index(const struct wg_index_entry *entry)
{
        return atomic_load_explicit(&entry->index, memory_order_relaxed);
}

static void release_slots(struct wg_retired *retired)
{
        struct wg_index_slots *slots = WG_CONTAINER_OF(retired, struct wg_index_slots, retired);

        slots->env->free(slots->env->ctx, slots, memory_of(slots->size));
}

static void copy_slots(struct wg_index_slots *to, struct wg_index_slots *from)
{
        for (size_t i = 0; i < from->size; i++) {
                struct wg_index_entry *entry = atomic_load_explicit(&from->at[i],
                                                                    memory_order_relaxed);

                if (entry)
                        atomic_store_explicit(slot_of(to, own_index(entry)), entry,
                                              memory_order_relaxed);
        }
}

/* Makes room for one more entry, so that half of the slots stay free. */
static bool make_room(struct wg_index_table *table)
{
        const struct wg_env *env = table->env;
        struct wg_index_slots *old = own_slots(table), *slots;
        size_t size = old ? 2 * old->size : SIZE_MIN;

        if (old && table->count < old->size / 2)
                return true;
        slots = env->alloc(env->ctx, memory_of(size));
        if (!slots)
                return false;
        slots->env = env;
        slots->retired.release = release_slots;
        slots->size = size;
        if (old)
                copy_slots(slots, old);
        atomic_store_explicit(&table->slots, slots, memory_order_release);
        if (old)
                env->retire(env->ctx, &old->retired);
        return true;
}

static uint32_t draw_index(const struct wg_index_table *table)
{
        uint32_t index;

        do {
                index = wg_env_draw(table->env);
        } while (!index ||
                 atomic_load_explicit(slot_of(own_slots(table), index), memory_order_relaxed));
        return index;
}

/* Puts `entry` into the slot of `index`, which holds `old` now. */
static void put(struct wg_index_table *table, uint32_t index, struct wg_index_entry *old,
                struct wg_index_entry *entry)
{
        _Atomic(struct wg_index_entry *) *slot = slot_of(own_slots(table), index);

        WG_ASSERT(index && atomic_load_explicit(slot, memory_order_relaxed) == old);
        if (entry) {
                WG_ASSERT(!own_index(entry));
                atomic_store_explicit(&entry->index, index, memory_order_relaxed);
        }
        atomic_store_explicit(slot, entry, memory_order_release);
        if (old)
                atomic_store_explicit(&old->index, 0, memory_order_release);
}

void wg_index_init(struct wg_index_table *table, const struct wg_env *env)
{
        table->env = env;
        atomic_init(&table->slots, NULL);
        table->count = 0;
}

void wg_index_done(struct wg_index_table *table)
{
        struct wg_index_slots *slots = own_slots(table);

        if (slots)
                release_slots(&slots->retired);
        atomic_store_explicit(&table->slots, NULL, memory_order_relaxed);
        table->count = 0;
}

bool wg_index_add(struct wg_index_table *table, struct wg_index_entry *entry)
{
        if (!make_room(table))
                return false;
        put(table, draw_index(table), NULL, entry);
        table->count++;
        return true;
}

void wg_index_replace(struct wg_index_table *table, struct wg_index_entry *old,
                      struct wg_index_entry *entry)
{
        put(table, own_index(old), old, entry);
}

void wg_index_remove(struct wg_index_table *table, struct wg_index_entry *entry)
{
        if (!own_index(entry))
                return;
        put(table, own_index(entry), entry, NULL);
        table->count--;
}

struct wg_index_entry *wg_index_find(const struct wg_index_table *table, uint32_t index)
{
        struct wg_index_entry *entry, *seen = NULL;

        if (!index)
                return NULL;
        for (;;) {
                struct wg_index_slots *slots = atomic_load_explicit(&table->slots,
                                                                    memory_order_acquire);

                if (!slots)
                        return NULL;
                entry = atomic_load_explicit(slot_of(slots, index), memory_order_acquire);
                if (!entry)
                        return NULL;
                if (atomic_load_explicit(&entry->index, memory_order_acquire) == index)
                        return entry;
                if (entry == seen)
                        return NULL;
                seen = entry;
        }
}
