/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/nest.h"

#include <stdlib.h>
#include <string.h>

static int compare_items(const void *left, const void *right)
{
        const struct tl_nest_item *a = left, *b = right;
        int order = wg_ip_compare(&a->prefix.ip, &b->prefix.ip);

        if (order != 0)
                return order;
        if (a->prefix.cidr != b->prefix.cidr)
                return a->prefix.cidr < b->prefix.cidr ? -1 : 1;
        return a->id < b->id ? -1 : a->id > b->id;
}

uint32_t tl_nest_cover(const struct tl_nest_item *items, uint32_t from,
                       const struct wg_prefix *prefix)
{
        while (from != TL_NEST_NONE && !wg_prefix_covers(&items[from].prefix, prefix))
                from = items[from].outer;
        return from;
}

void tl_nest_sort(struct tl_nest_item *items, uint32_t count)
{
        if (count > 1)
                qsort(items, count, sizeof(*items), compare_items);
        for (uint32_t i = 0; i < count; i++)
                items[i].outer = tl_nest_cover(items, i > 0 ? i - 1 : TL_NEST_NONE,
                                               &items[i].prefix);
}

/* How many items begin at or before an address. */
static uint32_t count_up_to(const struct tl_nest_item *items, uint32_t count,
                            const struct wg_ip *ip)
{
        uint32_t low = 0, high = count;

        while (low < high) {
                uint32_t middle = low + (high - low) / 2;

                if (wg_ip_compare(&items[middle].prefix.ip, ip) <= 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static uint32_t find_longest(const struct tl_nest_item *items, uint32_t count,
                             const struct wg_prefix *prefix)
{
        uint32_t behind = count_up_to(items, count, &prefix->ip);

        return tl_nest_cover(items, behind > 0 ? behind - 1 : TL_NEST_NONE, prefix);
}

uint32_t tl_nest_find(const struct tl_nest_item *items, uint32_t count, const struct wg_ip *ip)
{
        struct wg_prefix whole = {.ip = *ip, .cidr = (uint8_t)wg_ip_bits(ip)};

        return ip->family == WG_FAMILY_NONE ? TL_NEST_NONE : find_longest(items, count, &whole);
}

uint32_t tl_nest_overlap(const struct tl_nest_item *items, uint32_t count,
                         const struct wg_prefix *prefix)
{
        uint32_t cover = find_longest(items, count, prefix), behind;

        if (cover != TL_NEST_NONE)
                return cover;
        /* Those in it begin at its first address, which no cover does now, or behind it. */
        behind = count_up_to(items, count, &prefix->ip);
        while (behind > 0 && wg_ip_equal(&items[behind - 1].prefix.ip, &prefix->ip))
                behind--;
        if (behind < count && wg_prefix_covers(prefix, &items[behind].prefix))
                return behind;
        return TL_NEST_NONE;
}
