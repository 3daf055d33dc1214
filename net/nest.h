/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * nest.h - prefixes in an order in which each knows the closest one around it. Two prefixes overlap
 * only if one of them covers the other, so this finds overlaps, and the longest match of an
 * address.
 * Threads: pure functions of their arguments. */
#ifndef NET_NEST_H
#define NET_NEST_H

#include <stdint.h>

#include "base/attr.h"
#include "base/prefix.h"

#define TL_NEST_NONE UINT32_MAX

struct tl_nest_item {
        struct wg_prefix prefix;
        uint32_t id;    /* the caller's */
        uint32_t outer; /* index of the closest prefix that covers this one; NONE: none does */
};

/* Sorts by first address, then shortest prefix first, then id, and sets `outer` in each. Of equal
 * prefixes, each is the outer one of the next. Takes n log n. */
void tl_nest_sort(struct tl_nest_item *items, uint32_t count);

/* The innermost of item `from` (NONE: no item) and those around it that covers a prefix; NONE: none
 * does. */
uint32_t tl_nest_cover(const struct tl_nest_item *items, uint32_t from,
                       const struct wg_prefix *prefix) WG_MUST_USE;

/* The index of the longest prefix that contains an address, the last one of several equal ones;
 * TL_NEST_NONE: none does. */
uint32_t tl_nest_find(const struct tl_nest_item *items, uint32_t count,
                      const struct wg_ip *ip) WG_MUST_USE;

/* The index of an item that overlaps a prefix: the longest that covers it, else the first one in
 * it; TL_NEST_NONE: none does. */
uint32_t tl_nest_overlap(const struct tl_nest_item *items, uint32_t count,
                         const struct wg_prefix *prefix) WG_MUST_USE;

#endif
