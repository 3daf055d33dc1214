/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * reclaim.h - when memory that workers read without a lock may be freed.
 *
 * The engine unpublishes an object and retires it, which gives it the next epoch. A worker that
 * holds no pointer says so by taking over the epoch of that moment (a quiescent point), or by going
 * offline before it blocks. An object is released once every worker is offline or has said so at its
 * epoch or later.
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
        size_t count;                     /* engine: of them */
};

void tl_reclaim_init(struct tl_reclaim *reclaim);

/* Engine: the object is unpublished; frees it in time. For struct wg_env. */
void tl_reclaim_retire(struct tl_reclaim *reclaim, struct wg_retired *retired);

/* Engine: releases what nobody can hold any more. Returns whether something is left. */
bool tl_reclaim_poll(struct tl_reclaim *reclaim);

/* Worker: it holds no pointer of before; from now on it may read pointers. */
void tl_reclaim_online(struct tl_reclaim *reclaim, unsigned int worker);

/* Worker: it holds no pointer, and reads none before the next online(). */
void tl_reclaim_offline(struct tl_reclaim *reclaim, unsigned int worker);

#endif
