/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * worker.h - a thread that runs both packet paths to completion, with its own TUN queue and
 * sockets.
 *
 * It goes offline before it blocks, and reads every shared pointer again afterwards.
 * Threads: the engine makes and ends it; the rest is the worker's own. */
#ifndef DAEMON_WORKER_H
#define DAEMON_WORKER_H

#include <pthread.h>
#include <semaphore.h>

#include "daemon/rx.h"
#include "daemon/turns.h"
#include "daemon/tx.h"

struct tl_worker {
        /* Constant. */
        struct tl_shared *shared;
        unsigned int number;
        pthread_t thread;
        sem_t has_begun;
        bool may_run;     /* valid after has_begun: it found the memory it needs */
        uint8_t *buffers; /* of tx and rx; less than 1 MiB, and never more */

        /* Any thread. */
        struct tl_wake wake;
        atomic_bool is_stopping;
        atomic_bool is_idle; /* it waits, or is about to, and has seen no job since */
        /* The set whose descriptors are in the loop. */
        _Atomic(struct tl_socket_set *) watched;

        /* Worker. */
        struct tl_loop loop;
        struct tl_watch tun_watch, ipv4_watch, ipv6_watch;
        struct tl_turns turns;
        struct wg_worker core;
        struct tl_tx tx;
        struct tl_rx rx;
};

/* Makes a worker and starts its thread, which runs when this returns. NULL: errno says why. */
struct tl_worker *tl_worker_start(struct tl_shared *shared, unsigned int number);

/* Engine: if the worker is idle, wakes it to look for jobs. Returns whether it did. */
bool tl_worker_lend_a_hand(struct tl_worker *worker);

/* Asks the thread to end after its current turn, and does not wait. */
void tl_worker_tell_to_stop(struct tl_worker *worker);

/* Ends the thread, waits for it and frees the worker. Accepts NULL. */
void tl_worker_stop(struct tl_worker *worker);

#endif
