/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * reclaim.h - frees memory that workers read without a lock.
 *
 * The engine unpublishes an object and retires it, which gives it the next epoch. A worker that
 * holds no pointer records the current epoch (a quiescent point), or goes offline before it blocks.
 * An object is released once every worker is offline or has recorded the object's epoch or a later
 * one.
 *
 * Source: Hart, McKenney, Brown, Walpole, "Performance of memory reclamation for lockless
 * synchronization" (quiescent-state-based reclamation).
 * Threads: stated at each function. */
#ifndef DAEMON_RECLAIM_H
#define DAEMON_RECLAIM_H

#include <stdatomic.h>
#include <stdbool.h>

#include "core/env.h"

enum { TL_RECLAIM_WORKERS = 64 };

struct tl_reclaim {
        _Atomic uint64_t epoch;
        struct {
                _Alignas(64) _Atomic uint64_t seen; /* UINT64_MAX: offline */
        } workers[TL_RECLAIM_WORKERS];
        struct wg_retired *first, **last; /* engine: in order of epoch */
        size_t count;                     /* engine: how many */
};

void tl_reclaim_init(struct tl_reclaim *reclaim);

/* Engine: releases an unpublished object once no worker can hold it. For struct wg_env. */
void tl_reclaim_retire(struct tl_reclaim *reclaim, struct wg_retired *retired);

/* Engine: releases the objects that no worker can hold any more. Returns whether any are left. */
bool tl_reclaim_poll(struct tl_reclaim *reclaim);

/* Worker: it holds no pointer, and may read pointers from now on. */
void tl_reclaim_online(struct tl_reclaim *reclaim, unsigned int worker);

/* Worker: it holds no pointer, and reads none until the next online(). */
void tl_reclaim_offline(struct tl_reclaim *reclaim, unsigned int worker);

#endif
