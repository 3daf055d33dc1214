/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * The prefixes are put in an order in which each knows the closest one around it. One pass down
 * finds, for each, the closest one around it that is of another site; one pass up, one within. */
#include "net/overlap.h"

#include "net/nest.h"

/* LANs in the order of their prefixes. An index is that of an item, or NONE. */
struct overlaps {
        struct tl_nest_item *items; /* `id` is the index of the LAN */
        uint32_t *around, *within;  /* an item of another site */
        uint32_t count;
};

static bool list_lans(struct overlaps *o, const struct tl_lan *lans, uint32_t count,
                      struct tl_arena *arena)
{
        o->items = tl_arena_take(arena, count, sizeof(*o->items));
        o->around = tl_arena_take(arena, count, sizeof(*o->around));
        o->within = tl_arena_take(arena, count, sizeof(*o->within));
        if (!o->items || !o->around || !o->within)
                return false;
        for (uint32_t i = 0; i < count; i++)
                if (lans[i].mapped.ip.family != WG_FAMILY_NONE)
                        o->items[o->count++] = (struct tl_nest_item){.prefix = lans[i].prefix,
                                                                     .id = i};
        tl_nest_sort(o->items, o->count);
        return true;
}

static uint32_t site_of(const struct overlaps *o, const struct tl_lan *lans, uint32_t item)
{
        return lans[o->items[item].id].site;
}

static void find_around(struct overlaps *o, const struct tl_lan *lans)
{
        for (uint32_t i = 0; i < o->count; i++) {
                uint32_t outer = o->items[i].outer;

                if (outer != TL_NEST_NONE && site_of(o, lans, outer) == site_of(o, lans, i))
                        outer = o->around[outer];
                o->around[i] = outer;
        }
}

/* What is within an item comes after it. */
static void find_within(struct overlaps *o, const struct tl_lan *lans)
{
        for (uint32_t i = 0; i < o->count; i++)
                o->within[i] = TL_NEST_NONE;
        for (uint32_t i = o->count; i-- > 0;) {
                uint32_t outer = o->items[i].outer;

                if (outer == TL_NEST_NONE)
                        continue;
                if (site_of(o, lans, outer) != site_of(o, lans, i))
                        o->within[outer] = i;
                else if (o->within[i] != TL_NEST_NONE)
                        o->within[outer] = o->within[i];
        }
}

static bool lies_in_pool(const struct tl_lan *lan, const struct wg_prefix *pool)
{
        return lan->prefix.cidr > pool->cidr && wg_prefix_covers(pool, &lan->prefix);
}

static void map(struct tl_lan *lan, uint32_t overlap_lan, struct tl_place overlap)
{
        lan->wire = lan->mapped;
        lan->overlap = overlap;
        lan->overlap_lan = overlap_lan;
}

bool tl_overlap_map(struct tl_lan *lans, uint32_t count, const struct tl_placed_prefix *pool,
                    struct tl_arena *arena)
{
        struct overlaps o = {0};

        if (!list_lans(&o, lans, count, arena))
                return false;
        find_around(&o, lans);
        find_within(&o, lans);
        for (uint32_t i = 0; i < o.count; i++) {
                struct tl_lan *lan = &lans[o.items[i].id];
                uint32_t other = o.around[i] != TL_NEST_NONE ? o.around[i] : o.within[i];

                if (other != TL_NEST_NONE)
                        map(lan, o.items[other].id, lans[o.items[other].id].at);
                else if (lies_in_pool(lan, &pool->prefix))
                        map(lan, TL_MODEL_NONE, pool->at);
        }
        return true;
}
