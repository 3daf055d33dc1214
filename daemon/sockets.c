/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "daemon/sockets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/configure.h"
#include "daemon/workers.h"
#include "io/clock.h"

#define BIND_AGAIN_NS TL_NS_PER_S
#define CLOSING_NS TL_NS_PER_S
#define CLOSING_PAUSE_NS (TL_NS_PER_MS / 10)
#define HOLD_PORT_NS (30 * TL_NS_PER_S)
#define KEEP_PORT_NS (100 * TL_NS_PER_MS)

static bool are_watched(const struct tl_socket_set *set)
{
        const struct tl_workers *workers = set->owner->workers;

        for (unsigned int i = 0; i < workers->count; i++)
                if (atomic_load(&workers->list[i]->watched) == set)
                        return true;
        return false;
}

static void release(struct wg_retired *retired)
{
        struct tl_socket_set *set = WG_CONTAINER_OF(retired, struct tl_socket_set, retired);

        /* No worker uses them any more, but one may still have them in its loop. */
        if (are_watched(set)) {
                tl_reclaim_retire(set->owner->reclaim, retired);
                return;
        }
        tl_udp_close_pairs(set->pairs, set->count);
        set->owner->closing--;
        free(set);
}

/* Turns off the offloads that these sockets do not support. */
static void adapt_offloads(struct tl_sockets *sockets, const struct tl_udp_pair *pair)
{
        uint32_t lacks = (tl_udp_sends_pieces(pair) ? 0u : TL_OFFLOADING_GSO) |
                         (tl_udp_receives_pieces(pair) ? 0u : TL_OFFLOADING_GRO);

        atomic_fetch_and(&sockets->offloads->used, ~lacks);
}

/* Replaces the current set by another (NULL: none), all sockets at once. Datagrams that arrive at a
 * new socket wait there for its worker. */
static void publish(struct tl_sockets *sockets, struct tl_socket_set *set)
{
        struct tl_socket_set *old = atomic_exchange(&sockets->current, set);

        tl_workers_wake(sockets->workers);
        if (!old)
                return;
        sockets->closing++;
        old->retired.release = release;
        tl_reclaim_retire(sockets->reclaim, &old->retired);
}

/* Waits until the workers let go of sets that were replaced, which takes them one turn at most. */
static void wait_for_closing(struct tl_sockets *sockets)
{
        const struct timespec pause = {.tv_nsec = CLOSING_PAUSE_NS};
        uint64_t end_ns = tl_clock_boot_ns() + CLOSING_NS;

        while (sockets->closing && tl_clock_boot_ns() < end_ns) {
                tl_reclaim_poll(sockets->reclaim);
                if (sockets->closing)
                        nanosleep(&pause, NULL);
        }
}

static int open_pairs(struct tl_sockets *sockets, struct tl_socket_set *set, uint16_t port)
{
        int error = tl_helper_open_udp(sockets->helper, set->pairs, set->count, port,
                                       sockets->fwmark);

        /* We may hold it ourselves: the link went down and up again, or an earlier port is set
         * again. */
        if (error != -EADDRINUSE || !sockets->closing)
                return error;
        wait_for_closing(sockets);
        return tl_helper_open_udp(sockets->helper, set->pairs, set->count, port, sockets->fwmark);
}

static int open_port(struct tl_sockets *sockets, uint16_t port)
{
        struct tl_socket_set *set = calloc(1,
                                           sizeof(*set) + sockets->count * sizeof(set->pairs[0]));
        int error;

        if (!set)
                return -ENOMEM;
        set->owner = sockets;
        set->count = sockets->count;
        error = open_pairs(sockets, set, port);
        if (error) {
                free(set);
                return error;
        }
        adapt_offloads(sockets, &set->pairs[0]);
        sockets->listen_port = set->pairs[0].port;
        sockets->bind_again_ns = 0;
        publish(sockets, set);
        return 0;
}

/* The link will usually come up soon. The port is not held forever, since other programs may need
 * it. */
static void hold_port(struct tl_sockets *sockets, uint16_t port)
{
        const struct tl_socket_set *now = atomic_load(&sockets->current);

        sockets->listen_port = port;
        sockets->give_up_port_ns = tl_clock_boot_ns() + HOLD_PORT_NS;
        if (now && port == now->pairs[0].port)
                return;
        if (!port || open_port(sockets, port))
                publish(sockets, NULL);
}

/* Shorter just after the link came up: another link that went down a moment ago may still hold the
 * port. */
static uint64_t bind_pause_ns(const struct tl_sockets *sockets)
{
        return tl_clock_boot_ns() < sockets->up_ns + BIND_AGAIN_NS ? KEEP_PORT_NS : BIND_AGAIN_NS;
}

static void bind_for_link(struct tl_sockets *sockets)
{
        bool is_held = atomic_load(&sockets->current);
        int error = is_held ? 0 : open_port(sockets, sockets->listen_port);

        if (!error) {
                tl_log(sockets->log, TL_LOG_INFO, "listening on UDP port %u", sockets->listen_port);
                return;
        }
        if (!sockets->bind_again_ns)
                tl_log(sockets->log, TL_LOG_ERROR,
                       "cannot listen on UDP port %u: %s; trying again every second",
                       sockets->listen_port, strerror(-error));
        sockets->bind_again_ns = tl_clock_boot_ns() + bind_pause_ns(sockets);
}

int tl_sockets_set_port(struct tl_sockets *sockets, uint16_t port)
{
        struct tl_socket_set *now = atomic_load(&sockets->current);
        int error;

        if (!sockets->is_up) {
                hold_port(sockets, port);
                return 0;
        }
        if (now && port == now->pairs[0].port)
                return 0;
        error = open_port(sockets, port);
        if (!error)
                wg_engine_unpin_all(sockets->engine);
        return error;
}

int tl_sockets_set_fwmark(struct tl_sockets *sockets, uint32_t fwmark)
{
        struct tl_socket_set *now = atomic_load(&sockets->current);
        int error = 0;

        if (fwmark == sockets->fwmark)
                return 0;
        if (now)
                error = tl_helper_mark_udp(sockets->helper, now->pairs, now->count, fwmark);
        if (error) {
                /* Some sockets may have the new mark already. The old one worked before, so it can
                 * be restored. */
                (void)!tl_helper_mark_udp(sockets->helper, now->pairs, now->count, sockets->fwmark);
                return error;
        }
        sockets->fwmark = fwmark;
        wg_engine_unpin_all(sockets->engine);
        return 0;
}

void tl_sockets_set_up(struct tl_sockets *sockets, bool is_up)
{
        sockets->is_up = is_up;
        sockets->give_up_port_ns = is_up ? 0 : tl_clock_boot_ns() + KEEP_PORT_NS;
        sockets->bind_again_ns = 0;
        if (is_up) {
                sockets->up_ns = tl_clock_boot_ns();
                bind_for_link(sockets);
        }
}

void tl_sockets_give_up_port(struct tl_sockets *sockets, uint64_t now_ns)
{
        if (!sockets->give_up_port_ns || now_ns < sockets->give_up_port_ns)
                return;
        sockets->give_up_port_ns = 0;
        publish(sockets, NULL);
}

void tl_sockets_bind_again(struct tl_sockets *sockets, uint64_t now_ns)
{
        if (sockets->bind_again_ns && now_ns >= sockets->bind_again_ns)
                bind_for_link(sockets);
}

uint64_t tl_sockets_deadline(const struct tl_sockets *sockets)
{
        uint64_t bind_ns = sockets->bind_again_ns ? sockets->bind_again_ns : UINT64_MAX;
        uint64_t give_up_ns = sockets->give_up_port_ns ? sockets->give_up_port_ns : UINT64_MAX;

        return WG_MIN(bind_ns, give_up_ns);
}

void tl_sockets_close(struct tl_sockets *sockets)
{
        publish(sockets, NULL);
}
