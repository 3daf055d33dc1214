/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * sockets.h - the UDP sockets of a device: which port they are bound to, and when.
 *
 * The port is bound while the link is up; if binding fails, it is retried every second. A port that
 * is set while the link is down is bound early if possible, so that no datagram is lost that
 * arrives just as the link comes up. When the link goes down, the port is freed for others after a
 * delay, in case the link comes up again.
 * Threads: the engine's, except for `current`. */
#ifndef DAEMON_SOCKETS_H
#define DAEMON_SOCKETS_H

#include "core/engine.h"
#include "daemon/helper.h"
#include "daemon/offloads.h"
#include "daemon/reclaim.h"
#include "io/log.h"
#include "io/udp.h"

struct tl_workers;

/* The sockets of one port: a pair for each worker, and no other thread receives on it. The engine
 * sends through the first pair. Workers hold a set like any object that the core publishes, and
 * also record which set their event loop watches. */
struct tl_socket_set {
        struct tl_sockets *owner;
        struct wg_retired retired;
        unsigned int count;
        struct tl_udp_pair pairs[];
};

struct tl_sockets {
        /* Constant, set by the owner. */
        struct tl_log *log;
        struct tl_helper *helper;
        struct wg_engine *engine;
        struct tl_reclaim *reclaim;
        struct tl_offloads *offloads;
        const struct tl_workers *workers;
        unsigned int count; /* pairs in a set */

        /* Any thread reads; the engine writes. */
        _Atomic(struct tl_socket_set *) current; /* NULL: no port is held */

        /* Engine. */
        uint16_t listen_port; /* as configured, or chosen at the first bind; 0: not yet */
        uint32_t fwmark;
        bool is_up;               /* whether the link is up */
        uint64_t up_ns;           /* when it last came up */
        unsigned int closing;     /* sets that were replaced and that workers may still use */
        uint64_t bind_again_ns;   /* when to retry binding; 0: no need */
        uint64_t give_up_port_ns; /* when to free the port of a link that is down; 0: never */
};

/* Bind another port, replacing the sockets once that has worked, and set another mark. While the
 * link is down, failing to bind is no error yet. Return 0, or -errno with nothing changed. */
int tl_sockets_set_port(struct tl_sockets *sockets, uint16_t port) WG_MUST_USE;
int tl_sockets_set_fwmark(struct tl_sockets *sockets, uint32_t fwmark) WG_MUST_USE;

/* The link came up or went down. */
void tl_sockets_set_up(struct tl_sockets *sockets, bool is_up);

/* Frees the port of a link that has been down for a while. */
void tl_sockets_give_up_port(struct tl_sockets *sockets, uint64_t now_ns);

/* Tries again to bind the port. */
void tl_sockets_bind_again(struct tl_sockets *sockets, uint64_t now_ns);

/* When the first of these two is due, or UINT64_MAX. */
uint64_t tl_sockets_deadline(const struct tl_sockets *sockets);

/* Closes all sockets, once workers have let go of them. */
void tl_sockets_close(struct tl_sockets *sockets);

#endif
