/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/recorded.h"

#include <stdlib.h>
#include <string.h>

#include "net/prefixes.h"

static int compare_addresses(const void *left, const void *right)
{
        const struct tl_lock_address *a = *(struct tl_lock_address *const *)left;
        const struct tl_lock_address *b = *(struct tl_lock_address *const *)right;
        int order = strcmp(a->name, b->name);

        return order != 0 ? order : a->is_retired - b->is_retired;
}

static int compare_lans(const char *a_site, const struct wg_prefix *a, const char *b_site,
                        const struct wg_prefix *b)
{
        int order = strcmp(a_site, b_site);

        return order != 0 ? order : tl_prefixes_compare(a, b);
}

static int compare_mapped(const void *left, const void *right)
{
        const struct tl_lock_mapped *a = *(struct tl_lock_mapped *const *)left;
        const struct tl_lock_mapped *b = *(struct tl_lock_mapped *const *)right;
        int order = compare_lans(a->site, &a->lan, b->site, &b->lan);

        return order != 0 ? order : a->is_retired - b->is_retired;
}

bool tl_recorded_init(struct tl_recorded *recorded, const struct tl_lock *lock,
                      struct tl_arena *arena)
{
        struct tl_lock_address **addresses = tl_arena_take(arena, lock->address_count,
                                                           sizeof(struct tl_lock_address *));
        struct tl_lock_mapped **mapped = tl_arena_take(arena, lock->mapped_count,
                                                       sizeof(struct tl_lock_mapped *));

        if (!addresses || !mapped)
                return false;
        for (uint32_t i = 0; i < lock->address_count; i++)
                addresses[i] = &lock->addresses[i];
        for (uint32_t i = 0; i < lock->mapped_count; i++)
                mapped[i] = &lock->mapped[i];
        qsort(addresses, lock->address_count, sizeof(struct tl_lock_address *), compare_addresses);
        qsort(mapped, lock->mapped_count, sizeof(struct tl_lock_mapped *), compare_mapped);
        *recorded = (struct tl_recorded){addresses, lock->address_count, mapped,
                                         lock->mapped_count};
        return true;
}

struct tl_lock_address *tl_recorded_address(const struct tl_recorded *recorded, const char *name)
{
        uint32_t low = 0, high = recorded->address_count;

        while (low < high) {
                uint32_t middle = low + (high - low) / 2;

                if (strcmp(recorded->addresses[middle]->name, name) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        if (low == recorded->address_count || strcmp(recorded->addresses[low]->name, name) != 0)
                return NULL;
        return recorded->addresses[low];
}

struct tl_lock_mapped *tl_recorded_mapped(const struct tl_recorded *recorded, const char *site,
                                          const struct wg_prefix *lan)
{
        uint32_t low = 0, high = recorded->mapped_count;

        while (low < high) {
                uint32_t middle = low + (high - low) / 2;
                const struct tl_lock_mapped *item = recorded->mapped[middle];

                if (compare_lans(item->site, &item->lan, site, lan) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        if (low == recorded->mapped_count ||
            compare_lans(recorded->mapped[low]->site, &recorded->mapped[low]->lan, site, lan) != 0)
                return NULL;
        return recorded->mapped[low];
}
