/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * netlink.h - asks and tells the kernel about network links, and hears of their changes. It speaks
 * of links of the network namespace in which the socket was made.
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

/* Keep a link from taking an IPv6 link-local address by itself, and from sending IPv4 redirects.
 * Return 0 or -errno; -EAFNOSUPPORT: this host has no such family, so there is nothing to do. */
int tl_netlink_set_no_autoaddress(uint32_t ifindex);
int tl_netlink_set_no_redirects(uint32_t ifindex);

/* What changed between two looks at a link. */
#define TL_LINK_CHANGES(X) \
        X(TL_LINK_CHANGED_STATE, 1, state, "it went up or down") \
        X(TL_LINK_CHANGED_MTU, 2, mtu, "it has another MTU") \
        X(TL_LINK_CHANGED_NAME, 4, name, "it was renamed") \
        X(TL_LINK_GONE, 8, gone, "it was deleted, or moved to another network namespace")
WG_FLAGS_DECLARE(tl_link_change, TL_LINK_CHANGES)

enum { TL_NETLINK_EVENTS, TL_NETLINK_QUESTIONS, TL_NETLINK_FDS };

/* Opens the two sockets that following a link takes, in the network namespace that the calling thread
 * is in: so another thread or process may follow a link that is not where it is itself. They are the
 * caller's to close. Returns 0 or -errno. */
int tl_netlink_open(int fds[TL_NETLINK_FDS]) WG_MUST_USE;

/* Follows one link. Put `fd` into a loop for EPOLLIN. Makes no socket once it has begun. */
struct tl_netlink_monitor {
        int fd;
        struct mnl_socket *events, *questions;
        struct tl_link link; /* as of the last event that was returned */
        bool is_gone;
        bool has_lost; /* the kernel dropped events since the state was last asked for */
        uint8_t *at;   /* what of `buf` has not been looked at yet */
        size_t left;
        _Alignas(8) uint8_t buf[16384]; /* one datagram of the kernel's */
};

/* Starts to follow the link, and sets monitor->link to its state. Returns 0, -ENODEV, or -errno. */
int tl_netlink_monitor_init(struct tl_netlink_monitor *monitor, uint32_t ifindex) WG_MUST_USE;

/* The same with sockets of tl_netlink_open(), which it takes over, also on failure; ifindex counts in
 * their namespace. */
int tl_netlink_monitor_adopt(struct tl_netlink_monitor *monitor, const int fds[TL_NETLINK_FDS],
                             uint32_t ifindex) WG_MUST_USE;

/* Releases. Takes NULL, and one whose init failed. */
void tl_netlink_monitor_done(struct tl_netlink_monitor *monitor);

/* Takes the next event: sets *changes to a set of enum tl_link_change and monitor->link to what is
 * now. Each up and down comes as an event of its own, in order; where the kernel had to drop some
 * because nobody read, the state is asked for anew and compared. Nothing follows TL_LINK_GONE; what
 * it means the TUN tells (tl_tun_is_up). Returns 1; 0 when there is no event (*changes is then 0);
 * or -errno. Never blocks but for that question. */
int tl_netlink_monitor_next(struct tl_netlink_monitor *monitor, uint32_t *changes) WG_MUST_USE;

#endif
