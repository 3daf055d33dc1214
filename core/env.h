/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * env.h - everything impure that the core needs: the time as a value, the rest as functions.
 *
 * Memory that workers may still read is never freed at once. The engine unpublishes it and hands it
 * to retire(), which releases it once every worker has passed a moment in which it held no
 * pointer. */
#ifndef CORE_ENV_H
#define CORE_ENV_H

#include "base/bytes.h"
#include "base/std.h"

#define WG_NS_PER_S UINT64_C(1000000000)
#define WG_NS_PER_MS UINT64_C(1000000)

/* The current time. Read it once per batch. */
struct wg_now {
        uint64_t ns;      /* CLOCK_BOOTTIME, which also runs during suspend; never 0 */
        uint64_t real_ns; /* since 1970, UTC; only the engine uses it */
};

/* The part of a retired object that retire() uses. Set `release` before retire(). */
struct wg_retired {
        struct wg_retired *next;
        uint64_t epoch;                              /* for the env's own use */
        void (*release)(struct wg_retired *retired); /* engine thread; frees the object */
};

struct wg_handshake_job; /* hsjob.h */

/* Functions that the caller of the core provides. Only the engine thread calls them, except `lock`
 * and `unlock`, which any thread may call. */
struct wg_env {
        void *ctx;

        /* Fills len bytes with randomness fit for keys. Cannot fail. */
        void (*random)(void *ctx, void *out, size_t len);

        /* Returns zeroed memory aligned for any type, or NULL. It may hold secrets. */
        void *(*alloc)(void *ctx, size_t len);

        /* Frees memory from alloc; len is the same. Accepts NULL. The core has wiped secrets
         * already. */
        void (*free)(void *ctx, void *memory, size_t len);

        /* Calls retired->release(retired) on the engine thread, at once or later, when every worker
         * that may have seen the object has finished the batch it was in. */
        void (*retire)(void *ctx, struct wg_retired *retired);

        /* Calls wg_handshake_compute() once for each of these jobs (at least one), on any threads,
         * and returns when all are done. NULL: the engine computes them itself, one after
         * another. */
        void (*compute)(void *ctx, struct wg_handshake_job *const *jobs, size_t count);

        /* A lock in a word that is initially 0. It guards a keypair's replay window, which workers
         * use, or a peer's path, which any thread may write. It is held for a few dozen
         * instructions, and its holder takes no other lock. From lock() to unlock(), nothing that
         * takes such a lock may interrupt the holder on its own processor, where it would wait
         * forever: a kernel whose workers run in softirqs uses spin_lock_bh(). A thread that has
         * preempted the holder and waits for it must let it run. */
        void (*lock)(void *ctx, _Atomic uint32_t *word);
        void (*unlock)(void *ctx, _Atomic uint32_t *word);
};

/* Draws a random number. The same bytes make the same number on every machine, so a simulator seed
 * gives the same history everywhere. */
static inline uint32_t wg_env_draw(const struct wg_env *env)
{
        uint8_t bytes[sizeof(uint32_t)];

        env->random(env->ctx, bytes, sizeof(bytes));
        return wg_le32_load(bytes);
}

#endif
