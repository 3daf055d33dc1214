/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * tally.h - counters of the daemon, and sums over the engine and all workers. */
#ifndef DAEMON_TALLY_H
#define DAEMON_TALLY_H

#include "core/engine.h"
#include "core/message.h"

struct tl_workers;

struct tl_tally {
        /* Constant. */
        const struct wg_engine *engine;
        const struct tl_workers *workers;

        /* Any thread. Errors only. */
        _Atomic uint64_t tx_errors;  /* datagrams that were not sent */
        _Atomic uint64_t tun_errors; /* packets that the TUN refused */

        /* Engine. */
        uint64_t events[WG_EVENT_END];
        uint64_t received[WG_MESSAGE_DATA]; /* handshake messages, by their type */
};

/* Sums over all threads. */
struct tl_traffic {
        uint64_t tx_bytes, rx_bytes;
        uint64_t superpackets_read, pieces_sent;
        uint64_t superpackets_written, pieces_received;
};

/* Counts datagrams that were not sent. Any thread. */
static inline void tl_tally_add_tx_errors(struct tl_tally *tally, uint64_t datagrams)
{
        atomic_fetch_add_explicit(&tally->tx_errors, datagrams, memory_order_relaxed);
}

/* Counts packets that the TUN refused. Any thread. */
static inline void tl_tally_add_tun_errors(struct tl_tally *tally, uint64_t packets)
{
        atomic_fetch_add_explicit(&tally->tun_errors, packets, memory_order_relaxed);
}

/* Returns the number of packets and messages with a verdict, in all threads. Engine thread. */
uint64_t tl_tally_count(const struct tl_tally *tally, enum wg_verdict verdict);

/* Engine thread. */
struct tl_traffic tl_tally_traffic(const struct tl_tally *tally);

#endif
