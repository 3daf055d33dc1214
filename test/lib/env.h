/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * env.h - a struct wg_env for tests of single modules: counts memory, fails on request, and draws
 * all randomness from one seed.
 *
 * Retired objects are released at once or, after test_env_defer(), once all readers have passed a
 * quiescent point. This is the simplest reclamation that works, for two reading threads. */
#ifndef TEST_LIB_ENV_H
#define TEST_LIB_ENV_H

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "core/env.h"

enum { TEST_READERS = 2 };

struct test_env {
        struct wg_env env;
        uint64_t random;      /* the generator's state */
        size_t blocks, bytes; /* allocated, not yet freed */
        size_t allocations;   /* that will still succeed */
        _Atomic size_t locks; /* total taken so far */
        bool defers;
        struct wg_retired *retired;
        _Atomic uint64_t epoch; /* incremented by each reclaim */
        _Atomic uint64_t seen[TEST_READERS];
};

/* The seed of a test with random steps: TEST_SEED from the environment, or a fixed default. */
static inline uint64_t test_seed(const char *test)
{
        const char *text = getenv("TEST_SEED");
        uint64_t seed = text ? strtoull(text, NULL, 0) : 20240229;

        printf("%s: TEST_SEED=%llu\n", test, (unsigned long long)seed);
        return seed;
}

/* splitmix64 (Steele, Lea and Flood, 2014). */
static inline uint64_t test_env_random(struct test_env *t)
{
        uint64_t z = t->random += UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        return z ^ z >> 31;
}

/* A number from 0 to below - 1. */
static inline uint32_t test_env_below(struct test_env *t, uint32_t below)
{
        return (uint32_t)((test_env_random(t) >> 32) * below >> 32);
}

static inline void test_env_fill(void *ctx, void *out, size_t len)
{
        for (size_t i = 0; i < len; i++)
                ((uint8_t *)out)[i] = (uint8_t)test_env_random(ctx);
}

/* Keeps the length in front of each block, to check the length given to free(). */
static inline void *test_env_alloc(void *ctx, size_t len)
{
        struct test_env *t = ctx;
        max_align_t *block;

        if (!t->allocations)
                return NULL;
        block = calloc(1, sizeof(*block) + len);
        if (!block)
                abort();
        memcpy(block, &len, sizeof(len));
        t->allocations--;
        t->blocks++;
        t->bytes += len;
        return block + 1;
}

static inline void test_env_free(void *ctx, void *memory, size_t len)
{
        struct test_env *t = ctx;
        max_align_t *block;

        if (!memory)
                return;
        block = (max_align_t *)memory - 1;
        if (memcmp(block, &len, sizeof(len)) != 0)
                abort();
        t->blocks--;
        t->bytes -= len;
        free(block);
}

static inline void test_env_retire(void *ctx, struct wg_retired *retired)
{
        struct test_env *t = ctx;

        if (!t->defers) {
                retired->release(retired);
                return;
        }
        retired->epoch = t->epoch;
        retired->next = t->retired;
        t->retired = retired;
}

/* For a reader: it holds no pointer at this moment. */
static inline void test_env_quiesce(struct test_env *t, unsigned int reader)
{
        t->seen[reader] = t->epoch;
}

/* For the writer: releases everything that no reader can still hold. */
static inline void test_env_reclaim(struct test_env *t)
{
        uint64_t oldest = ++t->epoch;

        for (unsigned int i = 0; i < TEST_READERS; i++) {
                uint64_t seen = t->seen[i];

                oldest = WG_MIN(oldest, seen);
        }
        for (struct wg_retired **link = &t->retired, *retired = *link; retired; retired = *link) {
                if (retired->epoch < oldest) {
                        *link = retired->next;
                        retired->release(retired);
                } else {
                        link = &retired->next;
                }
        }
}

/* From now on, retired objects wait for reclaim. */
static inline void test_env_defer(struct test_env *t)
{
        t->defers = true;
}

/* For the writer once all readers have ended: releases everything. */
static inline void test_env_undefer(struct test_env *t)
{
        for (unsigned int i = 0; i < TEST_READERS; i++)
                t->seen[i] = UINT64_MAX;
        test_env_reclaim(t);
        t->defers = false;
}

/* A waiting thread lets others run: the holder may have a lower priority. */
static inline void test_env_lock(void *ctx, _Atomic uint32_t *word)
{
        ((struct test_env *)ctx)->locks++;
        while (atomic_exchange_explicit(word, 1, memory_order_acquire))
                sched_yield();
}

static inline void test_env_unlock(void *ctx, _Atomic uint32_t *word)
{
        (void)ctx;
        if (!atomic_exchange_explicit(word, 0, memory_order_release))
                abort();
}

static inline void test_env_init(struct test_env *t, uint64_t seed)
{
        memset(t, 0, sizeof(*t));
        t->env.ctx = t;
        t->env.random = test_env_fill;
        t->env.alloc = test_env_alloc;
        t->env.free = test_env_free;
        t->env.retire = test_env_retire;
        t->env.lock = test_env_lock;
        t->env.unlock = test_env_unlock;
        t->random = seed;
        t->allocations = SIZE_MAX;
}

#endif
