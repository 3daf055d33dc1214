/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "daemon/env.h"

#include <stdlib.h>

#include "core/hsjob.h"
#include "daemon/workers.h"
#include "io/clock.h"
#include "io/lock.h"
#include "io/random.h"

struct wg_now tl_env_now(void)
{
        return (struct wg_now){.ns = tl_clock_boot_ns(), .real_ns = tl_clock_real_ns()};
}

static void fill_random(void *ctx WG_UNUSED, void *out, size_t len)
{
        tl_random_fill(out, len);
}

static void *allocate(void *ctx, size_t len)
{
        void *memory = calloc(1, len);

        if (memory)
                ((struct tl_env *)ctx)->allocated += len;
        return memory;
}

static void release(void *ctx, void *memory, size_t len)
{
        if (memory)
                ((struct tl_env *)ctx)->allocated -= len;
        free(memory);
}

static void retire(void *ctx, struct wg_retired *retired)
{
        tl_reclaim_retire(((struct tl_env *)ctx)->reclaim, retired);
}

static void lock(void *ctx WG_UNUSED, _Atomic uint32_t *word)
{
        tl_lock_take(word);
}

static void unlock(void *ctx WG_UNUSED, _Atomic uint32_t *word)
{
        tl_lock_release(word);
}

static void wake_idle(void *ctx, size_t more)
{
        tl_workers_wake_idle(((struct tl_env *)ctx)->workers, more);
}

static void compute(void *ctx, struct wg_handshake_job *const *jobs, size_t count)
{
        struct tl_env *env = ctx;

        if (count == 1)
                wg_handshake_compute(jobs[0]);
        else
                tl_jobs_run(env->jobs, jobs, count, wake_idle, env);
}

void tl_env_init(struct tl_env *env, struct tl_reclaim *reclaim, struct tl_jobs *jobs,
                 const struct tl_workers *workers)
{
        *env = (struct tl_env){
                .core = {.ctx = env,
                         .random = fill_random,
                         .alloc = allocate,
                         .free = release,
                         .retire = retire,
                         .compute = workers->hands_max ? compute : NULL,
                         .lock = lock,
                         .unlock = unlock},
                .reclaim = reclaim,
                .jobs = jobs,
                .workers = workers,
        };
}
