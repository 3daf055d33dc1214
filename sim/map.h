/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * map.h - numbers found by the 64-bit hash of what they stand for. Two things of one hash are taken
 * for the same: among the millions of a long run that is not expected to happen.
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

/* The hash of len bytes, never 0. `kind` keeps apart bytes that mean different things. */
uint64_t sim_map_hash(const void *bytes, size_t len, uint64_t kind);

/* The value of a hash; NULL: it is not there. Valid until the next put. */
uint64_t *sim_map_get(const struct sim_map *map, uint64_t hash);

/* Enters a hash that is not there. */
void sim_map_put(struct sim_map *map, uint64_t hash, uint64_t value);

#endif
