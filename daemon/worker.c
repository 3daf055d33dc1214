/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "daemon/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "crypto/crypto.h"
#include "daemon/report.h"
#include "io/clock.h"

#define BUFFERS_SIZE ((size_t)TL_BUFFER_SIZE + TL_TX_BYTES + (size_t)TL_RX_BUFFERS * TL_BUFFER_SIZE)

static void tun_is_ready(void *ctx, uint32_t events)
{
        (void)events;
        tl_turns_set_ready(&((struct tl_worker *)ctx)->turns, TL_FROM_TUN);
}

static void ipv4_is_ready(void *ctx, uint32_t events)
{
        (void)events;
        tl_turns_set_ready(&((struct tl_worker *)ctx)->turns, TL_FROM_IPV4);
}

static void ipv6_is_ready(void *ctx, uint32_t events)
{
        (void)events;
        tl_turns_set_ready(&((struct tl_worker *)ctx)->turns, TL_FROM_IPV6);
}

static void woken(void *ctx)
{
        (void)ctx; /* run() checks everything again */
}

static void watch(struct tl_worker *worker, struct tl_watch *at, const struct tl_udp *udp,
                  void (*ready)(void *ctx, uint32_t events))
{
        int error = udp->fd < 0 ? 0
                                : tl_loop_add(&worker->loop, at, udp->fd, EPOLLIN, ready, worker);

        if (error)
                tl_report_error(worker->shared->log, "cannot wait for datagrams", error);
}

/* Watches the current sockets. Old ones are not closed until `watched` says that they
 * have left this loop. Returns our own, or NULL if no port is held. */
static const struct tl_udp_pair *follow_sockets(struct tl_worker *worker)
{
        struct tl_socket_set *now = atomic_load(&worker->shared->sockets.current);
        const struct tl_udp_pair *pair = now ? &now->pairs[worker->number] : NULL;

        if (now == atomic_load_explicit(&worker->watched, memory_order_relaxed))
                return pair;
        tl_loop_remove(&worker->ipv4_watch);
        tl_loop_remove(&worker->ipv6_watch);
        tl_turns_clear_ready(&worker->turns, TL_FROM_IPV4);
        tl_turns_clear_ready(&worker->turns, TL_FROM_IPV6);
        if (pair) {
                watch(worker, &worker->ipv4_watch, &pair->ipv4, ipv4_is_ready);
                watch(worker, &worker->ipv6_watch, &pair->ipv6, ipv6_is_ready);
        }
        atomic_store(&worker->watched, now);
        return pair;
}

/* Runs one batch of a direction. Returns whether there may be more. */
static bool run_batch(struct tl_worker *worker, const struct tl_udp_pair *sockets,
                      enum tl_direction direction)
{
        switch (direction) {
        case TL_FROM_TUN:
                return tl_tx_run_batch(&worker->tx, sockets);
        case TL_FROM_IPV4:
                return tl_rx_run_batch(&worker->rx, &sockets->ipv4);
        case TL_FROM_IPV6:
                return tl_rx_run_batch(&worker->rx, &sockets->ipv6);
        case TL_DIRECTIONS:
                break;
        }
        return false;
}

static void run_turn(struct tl_worker *worker, const struct tl_udp_pair *sockets)
{
        enum tl_direction direction = tl_turns_begin(&worker->turns);
        uint64_t begun_ns = tl_clock_boot_ns(), took_ns;
        bool has_more;

        do {
                has_more = run_batch(worker, sockets, direction);
                took_ns = tl_clock_boot_ns() - begun_ns;
        } while (has_more && took_ns < TL_TURN_NS);
        tl_turns_end(&worker->turns, direction, took_ns, has_more);
}

/* Runs one turn, if a direction is ready. No published pointer is kept from the turn before. */
static void run_turn_if_due(struct tl_worker *worker)
{
        const struct tl_udp_pair *sockets;

        tl_reclaim_online(&worker->shared->reclaim, worker->number);
        sockets = follow_sockets(worker);
        if (tl_turns_are_due(&worker->turns))
                run_turn(worker, sockets);
        if (worker->core.wants_engine) {
                worker->core.wants_engine = false;
                tl_wake_set(&worker->shared->wake);
        }
}

static void look(struct tl_worker *worker, uint64_t deadline_ns)
{
        int handled = tl_loop_run(&worker->loop, deadline_ns);

        if (handled < 0 && handled != -EINTR)
                tl_report_error(worker->shared->log, "cannot wait for packets", handled);
}

/* Waits for a packet, a wake-up or a job. The engine publishes jobs, then checks for idle workers;
 * a worker marks itself idle, then checks for jobs. So at least one of them sees the other. */
static void wait_for_work(struct tl_worker *worker)
{
        bool may_block = !tl_jobs_take(&worker->shared->jobs);

        atomic_store(&worker->is_idle, may_block);
        if (may_block)
                may_block = !tl_jobs_are_there(&worker->shared->jobs);
        /* Poll for packets after each job. */
        look(worker, may_block ? TL_LOOP_NEVER : 0);
        atomic_store_explicit(&worker->is_idle, false, memory_order_relaxed);
}

bool tl_worker_lend_a_hand(struct tl_worker *worker)
{
        if (!atomic_exchange(&worker->is_idle, false))
                return false;
        tl_wake_set(&worker->wake);
        return true;
}

static void *run(void *ctx)
{
        struct tl_worker *worker = ctx;
        char name[16];

        snprintf(name, sizeof(name), "worker-%u", worker->number);
        prctl(PR_SET_NAME, name);
        worker->may_run = wg_crypto_thread_begin();
        sem_post(&worker->has_begun);
        while (worker->may_run && !atomic_load(&worker->is_stopping)) {
                run_turn_if_due(worker);
                /* A deleted TUN is always ready. The engine will stop us soon. */
                if (atomic_load(&worker->shared->is_deleted))
                        tl_loop_remove(&worker->tun_watch);
                /* Poll after each turn, however busy one direction is. */
                if (tl_turns_are_due(&worker->turns)) {
                        look(worker, 0);
                        continue;
                }
                tl_reclaim_offline(&worker->shared->reclaim, worker->number);
                wait_for_work(worker);
        }
        tl_reclaim_offline(&worker->shared->reclaim, worker->number);
        return NULL;
}

static int start_thread(struct tl_worker *worker)
{
        sigset_t all, before;
        int error;

        /* The engine handles the signals. */
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        error = pthread_create(&worker->thread, NULL, run, worker);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        /* Its first steps make system calls that the sandbox will refuse later. */
        while (!error && sem_wait(&worker->has_begun) < 0 && errno == EINTR)
                continue;
        if (error || worker->may_run)
                return -error;
        pthread_join(worker->thread, NULL);
        return -ENOMEM;
}

static void done(struct tl_worker *worker)
{
        tl_loop_remove(&worker->tun_watch);
        tl_loop_remove(&worker->ipv4_watch);
        tl_loop_remove(&worker->ipv6_watch);
        tl_wake_done(&worker->wake);
        tl_loop_done(&worker->loop);
        wg_wipe(worker->buffers, BUFFERS_SIZE);
        munmap(worker->buffers, BUFFERS_SIZE);
        free(worker);
}

/* Gives tx and rx their queue, counters and buffers. */
static void equip(struct tl_worker *worker)
{
        struct tl_shared *shared = worker->shared;
        struct tl_tun_queue *queue = &shared->tun.queues[worker->number];

        wg_worker_init(&worker->core, &shared->engine, shared->engine.worker.aead);
        worker->tx.shared = worker->rx.shared = shared;
        worker->tx.core = worker->rx.core = &worker->core;
        worker->tx.queue = worker->rx.queue = queue;
        worker->tx.packet = worker->buffers + TL_CACHE_LINE;
        worker->tx.bytes = worker->buffers + TL_BUFFER_SIZE;
        worker->rx.bytes = worker->tx.bytes + TL_TX_BYTES;
}

struct tl_worker *tl_worker_start(struct tl_shared *shared, unsigned int number)
{
        struct tl_worker *worker = calloc(1, sizeof(*worker));
        int error;

        if (!worker)
                return NULL;
        worker->shared = shared;
        worker->number = number;
        sem_init(&worker->has_begun, 0, 0);
        /* Mapped, not allocated: most pages of most buffers are never touched. */
        worker->buffers = mmap(NULL, BUFFERS_SIZE, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (worker->buffers == MAP_FAILED) {
                free(worker);
                return NULL;
        }
        equip(worker);
        error = tl_loop_init(&worker->loop);
        if (!error)
                error = tl_wake_init(&worker->wake, &worker->loop, woken, worker);
        if (!error)
                error = tl_loop_add(&worker->loop, &worker->tun_watch, worker->tx.queue->fd,
                                    EPOLLIN, tun_is_ready, worker);
        if (!error)
                error = start_thread(worker);
        if (!error)
                return worker;
        done(worker);
        errno = -error;
        return NULL;
}

void tl_worker_tell_to_stop(struct tl_worker *worker)
{
        atomic_store(&worker->is_stopping, true);
        tl_wake_set(&worker->wake);
}

void tl_worker_stop(struct tl_worker *worker)
{
        if (!worker)
                return;
        tl_worker_tell_to_stop(worker);
        pthread_join(worker->thread, NULL);
        done(worker);
}
