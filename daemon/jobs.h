/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * jobs.h - shares work of the engine with idle workers.
 *
 * The engine publishes a few jobs, wakes idle workers, takes jobs itself like any worker, and
 * continues when all are done. It waits only for jobs that a worker has begun. If no worker is
 * idle, the engine does all of them.
 *
 * One word holds the number of jobs and the next one. A thread takes a job by incrementing it,
 * which fails if another thread was faster. The thread that finishes the last job wakes the engine,
 * unless it is the engine itself. test/daemon/test_interleaving.c tries all interleavings of the
 * threads.
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
        /* The engine writes it before the turn; valid until the turn ends. */
        struct wg_handshake_job *const *list;
        sem_t finished; /* posted by a worker that finished the last job */
};

void tl_jobs_init(struct tl_jobs *jobs, void (*work)(struct wg_handshake_job *job));

/* No worker may use it any more. */
void tl_jobs_done(struct tl_jobs *jobs);

/* Does `count` jobs, 1..TL_JOBS_MAX, together with any worker that takes some, and returns when
 * all are done. Once they are published it calls ready(ctx, more), which may wake up to that
 * many workers. Each job sees what happened before the call; after it, the caller sees what the
 * jobs did. */
void tl_jobs_run(struct tl_jobs *jobs, struct wg_handshake_job *const *list, size_t count,
                 void (*ready)(void *ctx, size_t more), void *ctx);

/* Takes a job and does it. Returns false if there was none. */
bool tl_jobs_take(struct tl_jobs *jobs);

/* Whether there is a job to take. */
bool tl_jobs_are_there(const struct tl_jobs *jobs);

#endif
