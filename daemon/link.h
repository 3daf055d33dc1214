/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * link.h - follows the link: whether it is up, its MTU and its name, in whichever network
 * namespace it is.
 *
 * The kernel reports changes through a netlink socket that the helper makes. If the helper may not
 * enter the link's namespace, the daemon asks the TUN itself ten times a second whether it is up,
 * which needs no privileges.
 * Threads: the engine's. */
#ifndef DAEMON_LINK_H
#define DAEMON_LINK_H

#include "core/engine.h"
#include "daemon/events.h"
#include "daemon/helper.h"
#include "daemon/sockets.h"
#include "daemon/stop.h"
#include "io/log.h"
#include "io/loop.h"
#include "io/netlink.h"
#include "io/tun.h"

struct tl_followed_link {
        /* Constant, set by the owner. */
        struct tl_log *log;
        struct tl_loop *loop;
        struct tl_helper *helper;
        struct tl_stop *stop; /* called if the link is deleted */
        const struct tl_tun_queue *tun;
        struct wg_engine *engine;
        struct tl_sockets *sockets;
        struct tl_events *events;

        bool is_up;
        uint64_t up_ns;           /* when we last heard that the link came up */
        bool has_monitor;         /* the kernel reports changes to us */
        int follow_error;         /* without a monitor: why */
        uint64_t follow_again_ns; /* without a monitor: when to try again */
        struct tl_netlink_monitor monitor;
        struct tl_watch monitor_watch;
};

/* Looks for the link for the first time. */
void tl_link_begin(struct tl_followed_link *link);

/* Stops following. Accepts zeroed memory. */
void tl_link_done(struct tl_followed_link *link);

/* Handles the changes that the kernel has announced so far, if `may_matter`. If the link is not
 * followed, looks for it in any case. */
void tl_link_catch_up(struct tl_followed_link *link, bool may_matter);

/* When to call tl_link_catch_up() again, or UINT64_MAX. */
uint64_t tl_link_deadline(const struct tl_followed_link *link, uint64_t now_ns);

#endif
