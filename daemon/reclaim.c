/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "daemon/reclaim.h"

#include "base/attr.h"

void tl_reclaim_init(struct tl_reclaim *reclaim)
{
        atomic_init(&reclaim->epoch, 1);
        for (unsigned int i = 0; i < TL_RECLAIM_WORKERS; i++)
                atomic_init(&reclaim->workers[i].seen, UINT64_MAX);
        reclaim->first = NULL;
        reclaim->last = &reclaim->first;
        reclaim->count = 0;
}

void tl_reclaim_retire(struct tl_reclaim *reclaim, struct wg_retired *retired)
{
        retired->epoch = atomic_fetch_add(&reclaim->epoch, 1) + 1;
        retired->next = NULL;
        *reclaim->last = retired;
        reclaim->last = &retired->next;
        reclaim->count++;
}

bool tl_reclaim_poll(struct tl_reclaim *reclaim)
{
        uint64_t passed = UINT64_MAX, epoch;
        struct wg_retired *retired;

        if (!reclaim->first)
                return false;
        for (unsigned int i = 0; i < TL_RECLAIM_WORKERS; i++) {
                /* Read it once. If a worker goes offline between two reads, its UINT64_MAX could
                 * be taken for the minimum and hide workers that are behind. */
                uint64_t seen = atomic_load(&reclaim->workers[i].seen);

                passed = WG_MIN(passed, seen);
        }
        /* An object that a release() retires gets a later epoch and waits for the next poll. */
        epoch = atomic_load(&reclaim->epoch);
        passed = WG_MIN(passed, epoch);
        while ((retired = reclaim->first) && retired->epoch <= passed) {
                reclaim->first = retired->next;
                if (!reclaim->first)
                        reclaim->last = &reclaim->first;
                reclaim->count--;
                retired->release(retired);
        }
        return reclaim->first != NULL;
}

void tl_reclaim_online(struct tl_reclaim *reclaim, unsigned int worker)
{
        uint64_t epoch;

        /* All of these are sequentially consistent. If the engine read `seen` before our store, and
         * so considered us offline, it had advanced the epoch before our second load. That load
         * then sees the new epoch, and everything that was unpublished before. */
        do {
                epoch = atomic_load(&reclaim->epoch);
                atomic_store(&reclaim->workers[worker].seen, epoch);
        } while (atomic_load(&reclaim->epoch) != epoch);
}

void tl_reclaim_offline(struct tl_reclaim *reclaim, unsigned int worker)
{
        atomic_store(&reclaim->workers[worker].seen, UINT64_MAX);
}
