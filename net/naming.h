/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * naming.h - short names for sets of parties: "developers (12 people)", "beijing", "b, d and 7
 * others".
 * Threads: one owner at a time. */
#ifndef NET_NAMING_H
#define NET_NAMING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "conf/arena.h"
#include "net/parties.h"

/* A name of the file, or a word, that stands for several parties. */
struct tl_collective {
        const char *name; /* as shown */
        bool is_plural;
        const uint32_t *members; /* party indices */
        uint32_t count;
};

struct tl_naming {
        struct tl_arena arena;
        const struct tl_parties *parties;
        struct tl_collective *items; /* the most comprehensive first */
        uint32_t count, capacity;
        uint8_t *marks; /* per party: bits for the set that is being named */
};

/* Lists the names of both versions; the newer one counts if both have it. Returns false if there is
 * no memory. The caller releases *naming either way. */
bool tl_naming_make(struct tl_naming *naming, const struct tl_parties *parties) WG_MUST_USE;

/* Frees everything. Accepts zeroed memory. */
void tl_naming_done(struct tl_naming *naming);

/* Names a set of parties, which is not empty, in the arena. A name also fits if fewer than half of
 * its parties are not in the set, but in `besides`: "f loses developers" if f is one of them.
 * Returns NULL if there is no memory. */
const char *tl_naming_name(struct tl_naming *naming, struct tl_arena *arena, const uint32_t *set,
                           uint32_t count, const uint32_t *besides, uint32_t besides_count,
                           bool *is_plural) WG_MUST_USE;

#endif
