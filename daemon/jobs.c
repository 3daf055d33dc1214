/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "daemon/jobs.h"

#include <errno.h>

#include "base/attr.h"

#define NEXT 0x10000u /* one more job is taken */

static unsigned int next_of(uint32_t turn)
{
        return turn >> 16;
}

static unsigned int count_of(uint32_t turn)
{
        return turn & 0xffff;
}

void tl_jobs_init(struct tl_jobs *jobs, void (*work)(struct wg_handshake_job *job))
{
        jobs->work = work;
        jobs->list = NULL;
        atomic_init(&jobs->turn, 0);
        atomic_init(&jobs->left, 0);
        sem_init(&jobs->finished, 0, 0);
}

void tl_jobs_done(struct tl_jobs *jobs)
{
        if (jobs->work)
                sem_destroy(&jobs->finished);
        jobs->work = NULL;
}

bool tl_jobs_are_there(const struct tl_jobs *jobs)
{
        uint32_t turn = atomic_load(&jobs->turn);

        return next_of(turn) < count_of(turn);
}

enum taken { NOTHING, ONE, THE_LAST };

/* THE_LAST: all other jobs of the turn are done too. */
static enum taken take(struct tl_jobs *jobs)
{
        uint32_t turn = atomic_load_explicit(&jobs->turn, memory_order_acquire);

        do
                if (next_of(turn) >= count_of(turn))
                        return NOTHING;
        while (!atomic_compare_exchange_weak_explicit(&jobs->turn, &turn, turn + NEXT,
                                                      memory_order_acquire, memory_order_acquire));
        /* The turn cannot end before our job is done. */
        jobs->work(jobs->list[next_of(turn)]);
        return atomic_fetch_sub_explicit(&jobs->left, 1, memory_order_acq_rel) == 1 ? THE_LAST
                                                                                    : ONE;
}

bool tl_jobs_take(struct tl_jobs *jobs)
{
        enum taken taken = take(jobs);

        if (taken == THE_LAST)
                sem_post(&jobs->finished);
        return taken != NOTHING;
}

void tl_jobs_run(struct tl_jobs *jobs, struct wg_handshake_job *const *list, size_t count,
                 void (*ready)(void *ctx, size_t more), void *ctx)
{
        enum taken taken;

        WG_ASSERT(count >= 1 && count <= TL_JOBS_MAX);
        jobs->list = list;
        atomic_store_explicit(&jobs->left, (uint32_t)count, memory_order_relaxed);
        /* Before ready() checks for idle workers: one that becomes idle later finds the jobs. */
        atomic_store(&jobs->turn, (uint32_t)count);
        ready(ctx, count - 1);
        do
                taken = take(jobs);
        while (taken == ONE);
        if (taken == THE_LAST)
                return;
        while (sem_wait(&jobs->finished) < 0 && errno == EINTR)
                continue;
}
