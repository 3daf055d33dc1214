/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * topology.h - the machines of the lab of a network file, and the cables between them.
 *
 *      internet --+-- z                       a hub, with the public address of its endpoint
 *                 +-- isp.shenzhen --- router.shenzhen --+-- a       the site's node
 *                 |                                      +-- b       a plain device
 *                 +-- isp.beijing --- c --+-- d          the node is the LAN's router
 *                 +-- router.e ------ e/laptop --- container.e   a home, and Docker
 *
 * Providers and homes hide what is behind them, as the file's `lab:` section says. A router treats
 * packets for other sites as the `gateway:` of its site describes. Names with a dot are the lab's
 * own. Addresses that the file leaves open are chosen so that they conflict with nothing in it.
 *
 * Threads: pure functions of their arguments. */
#ifndef LAB_TOPOLOGY_H
#define LAB_TOPOLOGY_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/enum.h"
#include "base/prefix.h"
#include "conf/arena.h"
#include "net/model.h"

enum {
        TL_TOPOLOGY_MACHINES_MAX = 1000,
        TL_TOPOLOGY_PORTS_MAX = 64, /* of a range in the file on which the lab listens */
};

#define TL_LAB_KINDS(X) \
        X(TL_LAB_NODE, 0, node, "a peer of the network") \
        X(TL_LAB_DEVICE, 1, device, "a plain device on a LAN") \
        X(TL_LAB_ROUTER, 2, router, "the router of a LAN or a home") \
        X(TL_LAB_PROVIDER, 3, provider, "the NAT of an Internet provider") \
        X(TL_LAB_INTERNET, 4, internet, "the Internet") \
        X(TL_LAB_CONTAINER, 5, container, "a container on a machine")
WG_ENUM_DECLARE(tl_lab_kind, TL_LAB_KINDS)

/* A network interface. Interfaces with the same segment are connected. */
struct tl_nic {
        char name[IF_NAMESIZE];
        uint32_t segment;
        bool is_lan; /* it leads to the LAN of a site */
        uint32_t mtu;
        struct wg_prefix *addresses; /* with host bits */
        uint32_t count, capacity;
};

struct tl_lab_route {
        struct wg_prefix to;
        struct wg_ip via; /* NONE: directly connected */
        uint32_t nic;
};

struct tl_setting_line {
        const char *path; /* below /proc/sys */
        const char *value;
};

/* A port on which something answers. All other ports refuse connections. */
struct tl_listener {
        uint8_t protocol; /* WG_PROTOCOL_TCP or _UDP */
        uint16_t port;
};

struct tl_lab_machine {
        const char *name;
        const char *short_name; /* "e" for "e/laptop" if e has one device; NULL: it has a slash */
        enum tl_lab_kind kind;
        uint32_t node;         /* index in the model; TL_MODEL_NONE: runs nothing of ours */
        uint32_t site;         /* index in the model; TL_MODEL_NONE: not on a site's LAN */
        struct wg_ip ip4, ip6; /* its own: in the tunnel, or in its LAN; either may be NONE */
        bool is_hub;
        bool is_stock;          /* a node with another WireGuard, and nothing of ours */
        struct wg_ip public_ip; /* of hubs, providers and homes; else NONE */
        struct wg_ip spare_ip;  /* another public IPv4 address for a provider or home; else NONE */
        struct tl_nic *nics;
        uint32_t nic_count, nic_capacity;
        struct tl_lab_route *routes;
        uint32_t route_count, route_capacity;
        struct tl_setting_line *settings;
        uint32_t setting_count, setting_capacity;
        const char *nft; /* a script for nft(8); NULL: none */
        struct tl_listener *listeners;
        uint32_t listener_count, listener_capacity;
        uint64_t used; /* private to topology_homes.c: devices given out in a home */
};

/* A name of an endpoint, which all machines know from /etc/hosts. */
struct tl_known_name {
        const char *name;
        struct wg_ip ip;
};

struct tl_topology {
        struct tl_arena arena;
        const struct tl_model *model;    /* borrowed */
        struct tl_lab_machine *machines; /* the Internet first */
        uint32_t machine_count, machine_capacity;
        uint32_t segment_count;
        struct tl_known_name *names;
        uint32_t name_count, name_capacity;
};

/* Frees everything. Accepts zeroed memory. */
void tl_topology_done(struct tl_topology *topology);

/* The machine with that name, or of the person with that name if it has only one device; NULL:
 * there is none. */
const struct tl_lab_machine *tl_topology_find(const struct tl_topology *topology, const char *name);

#endif
