/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/prefixes.h"

#include <stdlib.h>
#include <string.h>

int tl_prefixes_compare(const struct wg_prefix *a, const struct wg_prefix *b)
{
        int order = wg_ip_compare(&a->ip, &b->ip);

        return order != 0 ? order : a->cidr - b->cidr;
}

struct wg_prefix tl_prefixes_single(const struct wg_ip *ip)
{
        return (struct wg_prefix){*ip, (uint8_t)wg_ip_bits(ip)};
}

bool tl_prefixes_add(struct tl_prefixes *list, struct tl_arena *arena,
                     const struct wg_prefix *prefix)
{
        struct wg_prefix *larger;

        if (prefix->ip.family == WG_FAMILY_NONE)
                return true;
        larger = tl_arena_grow(arena, list->items, list->count, &list->capacity, sizeof(*larger));
        if (!larger)
                return false;
        list->items = larger;
        larger[list->count++] = *prefix;
        return true;
}

static int compare(const void *left, const void *right)
{
        return tl_prefixes_compare(left, right);
}

/* Whether a and b, in this order, are the two halves of one prefix. */
static bool are_halves(const struct wg_prefix *a, const struct wg_prefix *b)
{
        return a->ip.family == b->ip.family && a->cidr == b->cidr && a->cidr > 0 &&
               wg_prefix_common(a, b) == a->cidr - 1;
}

/* Each prefix that is not covered joins its other half, if that came just before, and so on. */
void tl_prefixes_shorten(struct tl_prefixes *list)
{
        struct wg_prefix *items = list->items;
        uint32_t kept = 0;

        if (list->count > 1)
                qsort(items, list->count, sizeof(*items), compare);
        for (uint32_t i = 0; i < list->count; i++) {
                if (kept && wg_prefix_covers(&items[kept - 1], &items[i]))
                        continue;
                items[kept++] = items[i];
                for (; kept > 1 && are_halves(&items[kept - 2], &items[kept - 1]); kept--)
                        items[kept - 2].cidr--;
        }
        list->count = kept;
}
