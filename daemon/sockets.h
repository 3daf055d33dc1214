/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * sockets.h - the UDP sockets of a device: which port they are bound to, and when.
 *
 * A port is bound while the link is up. If that fails, it is tried again every second. A port
 * that is set while the link is down is bound already if possible, so that no datagram is lost
 * that arrives the moment the link comes up. A link that goes down gives its port up to others,
 * after a moment in which it may come up again.
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

/* The sockets of one port: a pair for each worker, which alone receives on it. The engine sends
 * by the first. Workers hold a set as they hold what the core publishes. Each also says which
 * set its event loop watches. */
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
        bool is_up;               /* the link is */
        uint64_t up_ns;           /* when it last came up */
        unsigned int closing;     /* sets that were replaced and that workers may still use */
        uint64_t bind_again_ns;   /* when to retry after binding failed; 0: it did not */
        uint64_t give_up_port_ns; /* when to free the port of a link that is down; 0: never */
};

/* Binds another port, or sets another mark, and drops the old sockets once that worked. While
 * the link is down, failing to bind is no error yet. Returns 0, or -errno with nothing changed. */
int tl_sockets_set_port(struct tl_sockets *sockets, uint16_t port) WG_MUST_USE;
int tl_sockets_set_fwmark(struct tl_sockets *sockets, uint32_t fwmark) WG_MUST_USE;

/* The link came up or went down. */
void tl_sockets_set_up(struct tl_sockets *sockets, bool is_up);

/* Frees the port of a link that has been down for a while. */
void tl_sockets_give_up_port(struct tl_sockets *sockets, uint64_t now_ns);

/* Tries again to bind the port. */
void tl_sockets_bind_again(struct tl_sockets *sockets, uint64_t now_ns);

/* When one of these two is due: a time, or UINT64_MAX. */
uint64_t tl_sockets_deadline(const struct tl_sockets *sockets);

/* Closes all sockets, once workers have let go of them. */
void tl_sockets_close(struct tl_sockets *sockets);

#endif
