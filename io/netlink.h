/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * netlink.h - queries and configures network links, and receives events of their changes. All links
 * are those of the calling thread's network namespace, except for views (below).
 * Threads: a monitor has one owner; the other functions keep no state and block for an answer.
 * Source: rtnetlink(7), RFC 3549. */
#ifndef IO_NETLINK_H
#define IO_NETLINK_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/enum.h"

struct tl_link {
        uint32_t ifindex;
        uint32_t mtu;
        bool is_up; /* as the administrator set it */
        char name[IF_NAMESIZE];
};

/* Queries the state of a link. Returns 0; -ENODEV: there is none; or another -errno. */
int tl_netlink_get_link(uint32_t ifindex, struct tl_link *link) WG_MUST_USE;

/* Change a link. Return 0, -EPERM, -ENODEV, -EINVAL (an MTU out of range), or another -errno. */
int tl_netlink_set_mtu(uint32_t ifindex, uint32_t mtu) WG_MUST_USE;
int tl_netlink_set_up(uint32_t ifindex, bool up) WG_MUST_USE;

/* Clears IFF_MULTICAST, which makes programs look for neighbours on a link. Returns 0 or -errno. */
int tl_netlink_set_no_multicast(uint32_t ifindex);

/* Keep a link from assigning itself an IPv6 link-local address, and from sending IPv4 redirects.
 * Return 0 or -errno; -EAFNOSUPPORT: this host lacks that family, so there is nothing to do. */
int tl_netlink_set_no_autoaddress(uint32_t ifindex);
int tl_netlink_set_no_redirects(uint32_t ifindex);

/* Changes between two looks at a link. */
#define TL_LINK_CHANGES(X) \
        X(TL_LINK_CHANGED_STATE, 1, state, "went up or down") \
        X(TL_LINK_CHANGED_MTU, 2, mtu, "has another MTU") \
        X(TL_LINK_CHANGED_NAME, 4, name, "was renamed") \
        X(TL_LINK_GONE, 8, gone, "was deleted, or moved to another network namespace") \
        X(TL_LINK_LOST, 16, lost, "events were lost, and the state cannot be queried from here")
WG_FLAGS_DECLARE(tl_link_change, TL_LINK_CHANGES)

/* Sockets to follow a link with. They belong to the network namespace of the thread that opened
 * them, even if the link is in another one: a socket opened there would keep that namespace, and
 * everything in it, alive after its owner removed it. */
struct tl_netlink_view {
        int events;          /* receives events of links */
        int questions;       /* queries their state; -1 if the link is in another namespace */
        int32_t nsid;        /* the ID of that namespace for `events`; -1: its own */
        struct tl_link link; /* its state, queried after `events` was opened */
};

/* Opens the sockets of a view; the caller sets its link. netns is a descriptor of the network
 * namespace of the link, or -1 for the calling thread's. Another namespace requires CAP_NET_ADMIN
 * here and CAP_NET_BROADCAST in both. Returns 0 or -errno. */
int tl_netlink_view_open(struct tl_netlink_view *view, int netns) WG_MUST_USE;

/* Makes the kernel queue only events of view->link, and of links with the same number in other
 * namespaces whose events it receives. Best effort: without this, every event of any link wakes the
 * reader. */
void tl_netlink_view_narrow(const struct tl_netlink_view *view);

/* Closes the open sockets. */
void tl_netlink_view_close(struct tl_netlink_view *view);

/* Follows one link. Watch `fd` in a loop for EPOLLIN. Opens no socket after init. */
struct tl_netlink_monitor {
        int fd;
        struct mnl_socket *events, *questions; /* questions: NULL if it cannot query */
        int32_t nsid;        /* of relevant events; -1: the socket's own namespace */
        int32_t buf_nsid;    /* of the datagram in `buf` */
        struct tl_link link; /* as of the last event returned */
        bool is_over;
        bool has_lost; /* the kernel has dropped events since the state was last queried */
        uint8_t *at;   /* the unread part of `buf` */
        size_t left;
        _Alignas(8) uint8_t buf[16384]; /* one datagram of the kernel */
};

/* Starts following a link, and sets monitor->link to its state. Returns 0, -ENODEV, or another
 * -errno. */
int tl_netlink_monitor_init(struct tl_netlink_monitor *monitor, uint32_t ifindex) WG_MUST_USE;

/* The same with a view, which it takes ownership of, also on failure. */
int tl_netlink_monitor_adopt(struct tl_netlink_monitor *monitor,
                             const struct tl_netlink_view *view) WG_MUST_USE;

/* Closes the sockets. Accepts NULL, and an object whose init failed. */
void tl_netlink_monitor_done(struct tl_netlink_monitor *monitor);

/* Gets the next event: sets *changes to a set of enum tl_link_change and monitor->link to the
 * current state. Each up and down is a separate event, in order. If the kernel dropped events
 * because they were not read in time, the state is queried again and compared; TL_LINK_LOST says
 * that it cannot be queried. TL_LINK_GONE or TL_LINK_LOST is the last event; call tl_tun_is_up() to
 * find out what happened. Returns 1; 0 and *changes = 0 if there is no event; or -errno. Blocks
 * only for that query. */
int tl_netlink_monitor_next(struct tl_netlink_monitor *monitor, uint32_t *changes) WG_MUST_USE;

#endif
