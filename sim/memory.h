/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * memory.h - the memory that a simulated engine is given: counted, sometimes refused, and searched
 * for secrets when it comes back.
 * Threads: one owner at a time. */
#ifndef SIM_MEMORY_H
#define SIM_MEMORY_H

#include "base/attr.h"
#include "sim/random.h"

#define SIM_SECRET_LEN 32

/* A set of 32-byte secrets. Zeroed memory is an empty one. */
struct sim_secrets {
        uint8_t (*slots)[SIM_SECRET_LEN]; /* open addressing; all zero: free */
        size_t count, room;
};

void sim_secrets_done(struct sim_secrets *secrets);

/* Adds one, unless it is there or all zero. */
void sim_secrets_add(struct sim_secrets *secrets, const uint8_t secret[SIM_SECRET_LEN]);

/* Whether len bytes hold one of the secrets anywhere. */
bool sim_secrets_occur(const struct sim_secrets *secrets, const void *bytes, size_t len);

struct sim_memory {
        size_t blocks, bytes;      /* that are out */
        uint32_t refused_in_1000;  /* how many allocations fail */
        struct sim_random *random; /* which ones */
        uint64_t refused;          /* how many did */
};

/* Zeroed memory, or NULL when it was refused. */
void *sim_memory_alloc(struct sim_memory *memory, size_t len);

/* Takes a block back. It must be told the same len. */
void sim_memory_free(struct sim_memory *memory, void *block, size_t len);

/* The simulator's own arrays: makes room for `count` elements of `size` bytes, or ends the program.
 * Returns the array, perhaps moved; new elements are zero. */
void *sim_grow(void *array, size_t *room, size_t count, size_t size) WG_MUST_USE;

/* The simulator's own objects: zeroed memory, or the end of the program. */
void *sim_new(size_t size) WG_MUST_USE;

#endif
