/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * map.h - numbers stored by 64-bit hashes of their keys. Keys with the same hash are treated as
 * equal, which is not expected to happen among the millions of keys of a long run.
 * Threads: one owner at a time. */
#ifndef SIM_MAP_H
#define SIM_MAP_H

#include <stddef.h>
#include <stdint.h>

struct sim_map_slot {
        uint64_t hash; /* 0: free */
        uint64_t value;
};

/* Zeroed memory is an empty map. */
struct sim_map {
        struct sim_map_slot *slots; /* open addressing */
        size_t count, room;
};

void sim_map_done(struct sim_map *map);

/* The hash of len bytes, never 0. `kind` separates bytes of different meaning. */
uint64_t sim_map_hash(const void *bytes, size_t len, uint64_t kind);

/* The value of a hash; NULL if absent. Valid until the next put. */
uint64_t *sim_map_get(const struct sim_map *map, uint64_t hash);

/* Adds a hash that is not present yet. */
void sim_map_put(struct sim_map *map, uint64_t hash, uint64_t value);

#endif
