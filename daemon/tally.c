/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "daemon/tally.h"

#include "daemon/workers.h"

uint64_t tl_tally_count(const struct tl_tally *tally, enum wg_verdict verdict)
{
        uint64_t count = atomic_load(&tally->engine->worker.counters[verdict]);

        for (unsigned int i = 0; i < tally->workers->count; i++)
                count += atomic_load(&tally->workers->list[i]->core.counters[verdict]);
        return count;
}

struct tl_traffic tl_tally_traffic(const struct tl_tally *tally)
{
        struct tl_traffic sum = {
                .tx_bytes = atomic_load(&tally->engine->worker.tx_bytes),
                .rx_bytes = atomic_load(&tally->engine->worker.rx_bytes),
        };

        for (unsigned int i = 0; i < tally->workers->count; i++) {
                const struct tl_worker *worker = tally->workers->list[i];

                sum.tx_bytes += atomic_load(&worker->core.tx_bytes);
                sum.rx_bytes += atomic_load(&worker->core.rx_bytes);
                sum.superpackets_read += atomic_load(&worker->tx.superpackets_read);
                sum.pieces_sent += atomic_load(&worker->tx.pieces_sent);
                sum.superpackets_written += atomic_load(&worker->rx.superpackets_written);
                sum.pieces_received += atomic_load(&worker->rx.pieces_received);
        }
        return sum;
}
