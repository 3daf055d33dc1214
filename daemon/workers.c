/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "daemon/workers.h"

#include <errno.h>

int tl_workers_start(struct tl_workers *workers, struct tl_shared *shared)
{
        for (unsigned int i = 0; i < shared->tun.queue_count; i++) {
                struct tl_worker *worker = tl_worker_start(shared, i);

                if (!worker)
                        return errno ? -errno : -ENOMEM;
                workers->list[workers->count++] = worker;
        }
        return 0;
}

/* All stop at the same time. Objects that they hold are released once none of them runs. */
void tl_workers_stop(struct tl_workers *workers)
{
        unsigned int count = workers->count;

        workers->count = 0;
        for (unsigned int i = 0; i < count; i++)
                tl_worker_tell_to_stop(workers->list[i]);
        for (unsigned int i = 0; i < count; i++)
                tl_worker_stop(workers->list[i]);
}

void tl_workers_wake(const struct tl_workers *workers)
{
        for (unsigned int i = 0; i < workers->count; i++)
                tl_wake_set(&workers->list[i]->wake);
}

void tl_workers_wake_idle(const struct tl_workers *workers, size_t most)
{
        size_t wanted = WG_MIN(most, workers->hands_max);

        for (unsigned int i = 0; i < workers->count && wanted; i++)
                if (tl_worker_lend_a_hand(workers->list[i]))
                        wanted--;
}
