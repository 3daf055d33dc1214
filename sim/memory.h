/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * memory.h - the memory of a simulated engine: counted, sometimes refused, and searched for secrets
 * when it is released.
 * Threads: one owner at a time. */
#ifndef SIM_MEMORY_H
#define SIM_MEMORY_H

#include "base/attr.h"
#include "sim/random.h"

#define SIM_SECRET_LEN 32

/* A set of 32-byte secrets. Zeroed memory is an empty set. */
struct sim_secrets {
        uint8_t (*slots)[SIM_SECRET_LEN]; /* open addressing; all zero: free */
        size_t count, room;
};

void sim_secrets_done(struct sim_secrets *secrets);

/* Adds a secret, unless it is present or all zero. */
void sim_secrets_add(struct sim_secrets *secrets, const uint8_t secret[SIM_SECRET_LEN]);

/* Whether len bytes contain one of the secrets anywhere. */
bool sim_secrets_occur(const struct sim_secrets *secrets, const void *bytes, size_t len);

struct sim_memory {
        size_t blocks, bytes;      /* in use */
        uint32_t refused_in_1000;  /* share of allocations that fail */
        struct sim_random *random; /* selects them */
        uint64_t refused;          /* number that failed */
};

/* Returns zeroed memory, or NULL if it is refused. */
void *sim_memory_alloc(struct sim_memory *memory, size_t len);

/* Frees a block. `len` must be that of its allocation. */
void sim_memory_free(struct sim_memory *memory, void *block, size_t len);

/* For the simulator's own arrays: makes room for `count` elements of `size` bytes, or ends the
 * program. Returns the array, perhaps moved; new elements are zero. */
void *sim_grow(void *array, size_t *room, size_t count, size_t size) WG_MUST_USE;

/* For the simulator's own objects: returns zeroed memory, or ends the program. */
void *sim_new(size_t size) WG_MUST_USE;

#endif
