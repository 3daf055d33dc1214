/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * prefixes.h - sets of addresses as lists of prefixes.
 * Threads: one owner at a time. */
#ifndef NET_PREFIXES_H
#define NET_PREFIXES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/prefix.h"
#include "conf/arena.h"

/* Zeroed memory is an empty list. The items are in an arena. */
struct tl_prefixes {
        struct wg_prefix *items;
        uint32_t count, capacity;
};

/* Below, at or above zero, as prefix a is before, equal to or after b: by first address, then
 * shortest prefix first. */
int tl_prefixes_compare(const struct wg_prefix *a, const struct wg_prefix *b) WG_MUST_USE;

/* The prefix of a single address. */
struct wg_prefix tl_prefixes_single(const struct wg_ip *ip) WG_MUST_USE;

/* Adds a prefix, or nothing if its family is NONE. Returns false if there is no memory. */
bool tl_prefixes_add(struct tl_prefixes *list, struct tl_arena *arena,
                     const struct wg_prefix *prefix) WG_MUST_USE;

/* Sorts the list, and makes it the shortest one with exactly these addresses. */
void tl_prefixes_shorten(struct tl_prefixes *list);

#endif
