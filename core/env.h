/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * env.h - everything impure that the core is given: time by value, the rest by functions.
 *
 * Memory that workers may still be reading is never freed at once: it is unpublished, then handed to
 * retire(), and released once every worker has passed a moment in which it held no pointer. */
#ifndef CORE_ENV_H
#define CORE_ENV_H

#include "base/bytes.h"
#include "base/std.h"

#define WG_NS_PER_S UINT64_C(1000000000)
#define WG_NS_PER_MS UINT64_C(1000000)

/* When something happens. Read once a batch. */
struct wg_now {
        uint64_t ns;      /* CLOCK_BOOTTIME, so that it also passes in suspend; never 0 */
        uint64_t real_ns; /* since 1970, UTC; only the engine reads it */
};

/* The part of a retired object that retire() works with. Set `release` before retire(). */
struct wg_retired {
        struct wg_retired *next;
        uint64_t epoch;                              /* the daemon's own */
        void (*release)(struct wg_retired *retired); /* engine thread; frees the object */
};

struct wg_handshake_job; /* hsjob.h */

/* What the core needs of the world. Only the engine thread calls these, but for `lock` and
 * `unlock`. */
struct wg_env {
        void *ctx;

        /* Fills len bytes with randomness fit for keys. Cannot fail. */
        void (*random)(void *ctx, void *out, size_t len);

        /* Zeroed memory aligned for any type; NULL: there is none. May hold secrets. */
        void *(*alloc)(void *ctx, size_t len);

        /* Frees what alloc gave, with the same len. Takes NULL. The core has wiped secrets before. */
        void (*free)(void *ctx, void *memory, size_t len);

        /* Calls retired->release(retired) on the engine thread, at once or later, when no worker
         * that could have seen the object still runs the batch it was in. */
        void (*retire)(void *ctx, struct wg_retired *retired);

        /* Calls wg_handshake_compute() once for each of these, of which there is one at least, on any
         * threads, and returns when all of that is done. NULL: the core does it itself, one after the other. */
        void (*compute)(void *ctx, struct wg_handshake_job *const *jobs, size_t count);

        /* A lock in a word that starts as 0: of a keypair's replay window, which workers take, or of
         * a peer's path, which any thread takes that writes it. It is held for a few dozen
         * instructions, and no other lock is taken meanwhile. From lock() to unlock() nothing that
         * takes a lock of this kind may interrupt the holder on its own processor, where it would
         * wait for ever: a kernel whose workers run in softirqs uses spin_lock_bh(). A thread
         * that preempts the holder and waits must let it run. */
        void (*lock)(void *ctx, _Atomic uint32_t *word);
        void (*unlock)(void *ctx, _Atomic uint32_t *word);
};

/* A number drawn at random. The same bytes make the same number on every machine, so that a seed of
 * the simulator is one history, whoever runs it. */
static inline uint32_t wg_env_draw(const struct wg_env *env)
{
        uint8_t bytes[sizeof(uint32_t)];

        env->random(env->ctx, bytes, sizeof(bytes));
        return wg_le32_load(bytes);
}

#endif
