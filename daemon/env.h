/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * env.h - the daemon's implementation of struct wg_env (core/env.h). */
#ifndef DAEMON_ENV_H
#define DAEMON_ENV_H

#include "core/env.h"
#include "daemon/jobs.h"
#include "daemon/reclaim.h"

struct tl_workers;

struct tl_env {
        struct wg_env core; /* for the core: its ctx is this struct */

        /* Constant. */
        struct tl_reclaim *reclaim;
        struct tl_jobs *jobs;
        const struct tl_workers *workers;

        /* Engine. */
        size_t allocated; /* bytes that the core has allocated */
};

/* All arguments are borrowed. With workers->hands_max 0, the core computes handshakes itself. */
void tl_env_init(struct tl_env *env, struct tl_reclaim *reclaim, struct tl_jobs *jobs,
                 const struct tl_workers *workers);

/* The time, for the core. Any thread. */
struct wg_now tl_env_now(void);

#endif
