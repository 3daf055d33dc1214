/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/intern.h"

#include <stdlib.h>

enum { FIRST_CAPACITY = 64 };

/* Mixes all bits of both (the finalizer of splitmix64). */
static uint64_t hash(uint32_t before, uint64_t item)
{
        uint64_t x = item ^ ((uint64_t)before << 32 | before);

        x += UINT64_C(0x9e3779b97f4a7c15);
        x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
        return x ^ (x >> 31);
}

/* The slot that has an item, or the free one where it belongs. */
static uint32_t *find(const struct tl_intern *intern, uint32_t before, uint64_t item)
{
        uint32_t mask = 2 * intern->capacity - 1;
        uint32_t at = (uint32_t)hash(before, item) & mask;

        while (intern->slots[at] && (intern->items[intern->slots[at]].item != item ||
                                     intern->items[intern->slots[at]].before != before))
                at = (at + 1) & mask;
        return &intern->slots[at];
}

static bool grow(struct tl_intern *intern)
{
        uint32_t capacity = intern->capacity ? 2 * intern->capacity : FIRST_CAPACITY;
        struct tl_intern_item *items;
        uint32_t *slots;

        if (capacity > UINT32_MAX / 4)
                return false;
        items = realloc(intern->items, ((size_t)capacity + 1) * sizeof(*items));
        if (!items)
                return false;
        intern->items = items;
        slots = calloc(2 * (size_t)capacity, sizeof(*slots));
        if (!slots)
                return false;
        free(intern->slots);
        intern->slots = slots;
        intern->capacity = capacity;
        for (uint32_t i = 1; i <= intern->count; i++)
                *find(intern, items[i].before, items[i].item) = i;
        return true;
}

uint32_t tl_intern_add(struct tl_intern *intern, uint32_t sequence, uint64_t item)
{
        uint32_t *slot;

        if (intern->count == intern->capacity && !grow(intern)) {
                intern->has_no_memory = true;
                return 0;
        }
        slot = find(intern, sequence, item);
        if (*slot == 0) {
                *slot = ++intern->count;
                intern->items[*slot] = (struct tl_intern_item){.item = item, .before = sequence};
        }
        return *slot;
}

void tl_intern_done(struct tl_intern *intern)
{
        free(intern->items);
        free(intern->slots);
        *intern = (struct tl_intern){0};
}
