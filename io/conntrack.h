/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * conntrack.h - reads and deletes entries of the kernel's connection tracking.
 * Threads: one owner. Source: Linux, <linux/netfilter/nfnetlink_conntrack.h>. */
#ifndef IO_CONNTRACK_H
#define IO_CONNTRACK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/ip.h"

struct mnl_socket;
struct nlattr;

/* A connection as it was opened, before NAT. */
struct tl_conntrack_flow {
        struct wg_ip from, to;
        uint8_t protocol;            /* of IP */
        uint16_t from_port, to_port; /* 0 for protocols without ports */
        bool is_answered;            /* packets went both ways: the connection is established */
        bool is_closed;              /* a TCP connection that both sides have ended */
        /* For tl_conntrack_delete(), borrowed from the kernel's message. */
        const struct nlattr *tuple, *id, *zone; /* id, zone: NULL if the message has none */
};

struct tl_conntrack {
        struct mnl_socket *dumps, *changes;
};

/* Opens the sockets. Needs CAP_NET_ADMIN. Returns 0 or -errno. */
int tl_conntrack_open(struct tl_conntrack *conntrack) WG_MUST_USE;

/* Closes them. Accepts zeroed memory, and an object that failed to open. */
void tl_conntrack_close(struct tl_conntrack *conntrack);

/* Calls see() with each connection of either family in this network namespace, one at a time, until
 * it returns an error (-errno). Connections that begin or end meanwhile may be missing. A kernel
 * without connection tracking has none. Returns 0, the error of see(), or another -errno. */
int tl_conntrack_each(struct tl_conntrack *conntrack,
                      int (*see)(void *ctx, const struct tl_conntrack_flow *flow),
                      void *ctx) WG_MUST_USE;

/* Deletes a connection, also from within see(). Returns 0, also if it has ended by itself, or
 * -errno. */
int tl_conntrack_delete(struct tl_conntrack *conntrack,
                        const struct tl_conntrack_flow *flow) WG_MUST_USE;

#endif
