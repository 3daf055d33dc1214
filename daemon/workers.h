/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * workers.h - all workers of a device.
 * Threads: the engine's. */
#ifndef DAEMON_WORKERS_H
#define DAEMON_WORKERS_H

#include "daemon/worker.h"

struct tl_workers {
        unsigned int count;     /* one for each queue of the TUN */
        unsigned int hands_max; /* workers that may help the engine: one less than processors */
        struct tl_worker *list[TL_TUN_QUEUES];
};

/* Starts a worker for each queue of the TUN. Returns 0, or -errno; then some may be running. */
int tl_workers_start(struct tl_workers *workers, struct tl_shared *shared) WG_MUST_USE;

/* Stops and frees all. */
void tl_workers_stop(struct tl_workers *workers);

/* Wakes all. */
void tl_workers_wake(const struct tl_workers *workers);

/* Wakes up to `most` idle workers to look for jobs, but no more than hands_max. Busy ones are left
 * alone. */
void tl_workers_wake_idle(const struct tl_workers *workers, size_t most);

#endif
