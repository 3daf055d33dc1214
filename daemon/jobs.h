/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * jobs.h - work of the engine that idle workers lend a hand with.
 *
 * The engine puts up a few jobs, wakes idle workers, takes jobs itself like everybody else, and goes on
 * when all are done. Nobody waits for a worker that did not come; only for those who have a job in their
 * hands. So if nobody is idle the engine does it all.
 *
 * One word says how many jobs there are and which one is next. A job is taken by counting that up, which
 * fails if another has done so meanwhile. The last one to finish says so, if it is not the engine.
 * test/daemon/test_interleaving.c tries all orders in which threads can go through this.
 *
 * Threads: run() is the engine's, one at a time; take() is any worker's. */
#ifndef DAEMON_JOBS_H
#define DAEMON_JOBS_H

#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wg_handshake_job;

enum { TL_JOBS_MAX = 0xffff };

struct tl_jobs {
        /* Constant. */
        void (*work)(struct wg_handshake_job *job);

        _Alignas(64) _Atomic uint32_t turn; /* next << 16 | count */
        _Atomic uint32_t left;              /* jobs that are not done */
        struct wg_handshake_job *const
                *list;  /* engine writes before the turn; valid until it ends */
        sem_t finished; /* up once a worker finished the last job */
};

void tl_jobs_init(struct tl_jobs *jobs, void (*work)(struct wg_handshake_job *job));

/* No worker may use it any more. */
void tl_jobs_done(struct tl_jobs *jobs);

/* Does so many jobs, 1..TL_JOBS_MAX, with whoever takes some, and returns when all are done. After they
 * are put up it calls ready(ctx, more), which may wake so many others. What happened before the call is seen by each
 * job, and what jobs did after it. */
void tl_jobs_run(struct tl_jobs *jobs, struct wg_handshake_job *const *list, size_t count,
                 void (*ready)(void *ctx, size_t more), void *ctx);

/* Takes a job and does it. Returns false when there was none. */
bool tl_jobs_take(struct tl_jobs *jobs);

/* Whether one could be taken. */
bool tl_jobs_are_there(const struct tl_jobs *jobs);

#endif
