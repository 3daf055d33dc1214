/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/worker.h"

#include "base/mem.h"
#include "core/engine.h"

void wg_worker_init(struct wg_worker *worker, struct wg_engine *engine,
                    const struct wg_aead_backend *aead)
{
        memset(worker, 0, sizeof(*worker));
        worker->engine = engine;
        worker->noted = &engine->noted;
        worker->aead = aead;
}

void wg_worker_refuse(struct wg_worker *worker, struct wg_peer *peer)
{
        wg_worker_count(worker, WG_VERDICT_STAGED_FULL);
        wg_waiting_refuse(&peer->waiting);
}
