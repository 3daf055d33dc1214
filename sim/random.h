/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * random.h - pseudo-random numbers that depend only on a seed. An expression must not draw twice
 * where C leaves the order of evaluation open; otherwise compilers produce different histories from
 * a seed. Source: Blackman and Vigna, xoshiro256**; Steele, Lea and Flood, splitmix64 (for
 * seeding). Threads: one owner at a time. */
#ifndef SIM_RANDOM_H
#define SIM_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_random {
        uint64_t state[4];
};

/* One step of splitmix64: derives a number from another. Also used to derive seeds. */
static inline uint64_t sim_random_mix(uint64_t *state)
{
        uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        return z ^ z >> 31;
}

/* A generator for one purpose; generators with the same seed and different purposes are
 * unrelated. */
static inline void sim_random_init(struct sim_random *r, uint64_t seed, uint64_t purpose)
{
        uint64_t state = seed;

        state = sim_random_mix(&state) ^ purpose;
        for (unsigned int i = 0; i < 4; i++)
                r->state[i] = sim_random_mix(&state);
}

static inline uint64_t sim_random_next(struct sim_random *r)
{
        uint64_t *s = r->state, product = s[1] * 5, shifted = s[1] << 17;

        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= shifted;
        s[3] = s[3] << 45 | s[3] >> 19;
        return (product << 7 | product >> 57) * 9;
}

/* A number from 0 to below - 1; below must not be 0. */
static inline uint64_t sim_random_below(struct sim_random *r, uint64_t below)
{
        return sim_random_next(r) % below;
}

/* A number from `from` to `to`, inclusive. */
static inline uint64_t sim_random_between(struct sim_random *r, uint64_t from, uint64_t to)
{
        return from + sim_random_below(r, to - from + 1);
}

/* Returns true with a probability of in_1000 in a thousand. */
static inline bool sim_random_chance(struct sim_random *r, uint32_t in_1000)
{
        return in_1000 && sim_random_below(r, 1000) < in_1000;
}

static inline void sim_random_fill(struct sim_random *r, void *out, size_t len)
{
        uint8_t *to = out;

        for (size_t i = 0; i < len; i++)
                to[i] = (uint8_t)sim_random_next(r);
}

#endif
