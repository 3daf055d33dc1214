/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * local.h - facts about one machine that its plan depends on, as plain structs: the model's
 * explicit input from outside the file. node/survey gathers them.
 * Threads: plain values. */
#ifndef NET_LOCAL_H
#define NET_LOCAL_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/prefix.h"
#include "conf/arena.h"

/* A prefix that is directly connected to a link, with the machine's address in it. */
struct tl_local_net {
        char link[IF_NAMESIZE];
        struct wg_ip ip;
        uint8_t cidr;
};

/* A route of another program, or of the administrator. Connected routes are tl_local_net. */
struct tl_local_route {
        struct wg_prefix prefix;
        char link[IF_NAMESIZE]; /* "": none, as with unreachable routes */
        struct wg_ip via;       /* NONE: none */
        uint32_t table;
        uint32_t metric;
        uint8_t protocol; /* rt_protos */
        bool comes_first; /* looked up before the main table: beats longer prefixes there */
};

/* A rule of another program that may take our packets elsewhere. */
struct tl_local_rule {
        uint8_t family;
        uint32_t priority;
        char text[96]; /* as `ip rule` shows it */
};

/* A chain of another program's nft or iptables table that drops all new connections of a kind. Our
 * own table cannot override it. */
struct tl_local_drop {
        char table[96];   /* "ip filter FORWARD (Docker)" */
        char packets[96]; /* what it drops: "connections from acme to eth0" */
        char fix[512];    /* the command, for a shell, that would let them through */
};

/* A fact that could not be read: it is unknown, not absent. */
struct tl_local_unknown {
        char fact[48];    /* "drops of other programs" */
        char reason[112]; /* "nft: No such file or directory" */
};

/* Zeroed memory is a machine without any of these. */
struct tl_local {
        struct tl_arena arena; /* of the arrays that node/survey gathers */
        struct tl_local_net *nets;
        uint32_t net_count;
        struct tl_local_route *routes;
        uint32_t route_count;
        struct tl_local_rule *rules;
        uint32_t rule_count;
        struct tl_local_drop *drops;
        uint32_t drop_count;
        struct tl_local_unknown *unknowns;
        uint32_t unknown_count;
        bool is_forwarding4, is_forwarding6; /* now */
        bool has_other_forwarder;            /* Docker, libvirt and the like need ip_forward */
        char other_forwarder[48];            /* "Docker (docker0)" */
        bool lacks_ipv6;
        uint32_t uplink_mtu; /* of the path to the hub; 0: unknown */
};

/* Whether a machine can use a family. Nothing is known about one without facts (NULL). */
static inline bool tl_local_has_family(const struct tl_local *local, uint8_t family)
{
        return family == WG_FAMILY_IPV4 ||
               (family == WG_FAMILY_IPV6 && !(local && local->lacks_ipv6));
}

#endif
