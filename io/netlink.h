/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * netlink.h - asks and tells the kernel about network links, and hears of their changes. It speaks
 * of links of the calling thread's network namespace, but for what a view (below) looks at.
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

/* Asks for the state of a link. Returns 0, -ENODEV where there is none, or -errno. */
int tl_netlink_get_link(uint32_t ifindex, struct tl_link *link) WG_MUST_USE;

/* Change a link. Return 0, -EPERM, -ENODEV, -EINVAL (an MTU out of its range), or -errno. */
int tl_netlink_set_mtu(uint32_t ifindex, uint32_t mtu) WG_MUST_USE;
int tl_netlink_set_up(uint32_t ifindex, bool up) WG_MUST_USE;

/* Takes the flag away by which programs find links on which to look for neighbours. Returns 0 or
 * -errno. */
int tl_netlink_set_no_multicast(uint32_t ifindex);

/* Keep a link from taking an IPv6 link-local address by itself, and from sending IPv4 redirects.
 * Return 0 or -errno; -EAFNOSUPPORT: this host has no such family, so there is nothing to do. */
int tl_netlink_set_no_autoaddress(uint32_t ifindex);
int tl_netlink_set_no_redirects(uint32_t ifindex);

/* What changed between two looks at a link. */
#define TL_LINK_CHANGES(X) \
        X(TL_LINK_CHANGED_STATE, 1, state, "it went up or down") \
        X(TL_LINK_CHANGED_MTU, 2, mtu, "it has another MTU") \
        X(TL_LINK_CHANGED_NAME, 4, name, "it was renamed") \
        X(TL_LINK_GONE, 8, gone, "it was deleted, or moved to another network namespace") \
        X(TL_LINK_LOST, 16, lost, "events were lost, and its state cannot be asked for from here")
WG_FLAGS_DECLARE(tl_link_change, TL_LINK_CHANGES)

/* What following a link takes. The sockets are of the network namespace of whoever made them, also
 * where the link is in another one: a socket made over there would keep that namespace, and all that
 * is in it, alive after its owner removed it. */
struct tl_netlink_view {
        int events;          /* hears of links */
        int questions;       /* asks for their state; -1 where the link is in another namespace */
        int32_t nsid;        /* by which `events` knows that namespace; -1: its own */
        struct tl_link link; /* its state, asked for after `events` had begun to listen */
};

/* Opens the sockets of a view, and leaves its link to the caller. netns is a descriptor of the network
 * namespace of the link, or -1 for the calling thread's. Another one takes CAP_NET_ADMIN here and
 * CAP_NET_BROADCAST in both. Returns 0 or -errno. */
int tl_netlink_view_open(struct tl_netlink_view *view, int netns) WG_MUST_USE;

/* From now on the kernel queues only events of view->link, and of links with its number in other
 * namespaces that it hears of. Best effort: without this, each event of any link wakes the
 * reader. */
void tl_netlink_view_narrow(const struct tl_netlink_view *view);

/* Closes what is open. */
void tl_netlink_view_close(struct tl_netlink_view *view);

/* Follows one link. Put `fd` into a loop for EPOLLIN. Makes no socket once it has begun. */
struct tl_netlink_monitor {
        int fd;
        struct mnl_socket *events, *questions; /* NULL: it cannot ask */
        int32_t nsid;        /* of the events that count; -1: those of the socket's own namespace */
        int32_t buf_nsid;    /* of those in `buf` */
        struct tl_link link; /* as of the last event that was returned */
        bool is_over;
        bool has_lost; /* the kernel dropped events since the state was last asked for */
        uint8_t *at;   /* what of `buf` has not been looked at yet */
        size_t left;
        _Alignas(8) uint8_t buf[16384]; /* one datagram of the kernel's */
};

/* Starts to follow the link, and sets monitor->link to its state. Returns 0, -ENODEV, or -errno. */
int tl_netlink_monitor_init(struct tl_netlink_monitor *monitor, uint32_t ifindex) WG_MUST_USE;

/* The same with a view, which it takes over, also on failure. */
int tl_netlink_monitor_adopt(struct tl_netlink_monitor *monitor,
                             const struct tl_netlink_view *view) WG_MUST_USE;

/* Releases. Takes NULL, and one whose init failed. */
void tl_netlink_monitor_done(struct tl_netlink_monitor *monitor);

/* Takes the next event: sets *changes to a set of enum tl_link_change and monitor->link to what is
 * now. Each up and down comes as an event of its own, in order; where the kernel had to drop some
 * because nobody read, the state is asked for anew and compared, or TL_LINK_LOST says that it cannot
 * be. Nothing follows TL_LINK_LOST, nor TL_LINK_GONE; what that means the TUN tells (tl_tun_is_up). Returns 1; 0 when there is no event (*changes is then 0);
 * or -errno. Never blocks but for that question. */
int tl_netlink_monitor_next(struct tl_netlink_monitor *monitor, uint32_t *changes) WG_MUST_USE;

#endif
