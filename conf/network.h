/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * network.h - the network file (tieline.yaml(5)) as plain structs, exactly as it was written.
 *
 * Reading checks the form of each value and nothing else: references between entries, derived
 * values and conflicts are the business of net/. Reading does not stop at a mistake; all of them
 * are added to the findings. Everything is in the network's arena, terminated, in the order of the
 * file. The file has no secrets.
 *
 * Threads: one owner at a time; constant once read. Source: YAML 1.1 (libyaml). */
#ifndef CONF_NETWORK_H
#define CONF_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/enum.h"
#include "base/prefix.h"
#include "conf/arena.h"
#include "conf/change.h"
#include "conf/findings.h"
#include "conf/flow.h"

enum {
        TL_NETWORK_NAME_MAX = 15, /* of the network: also the name of its interface */
        TL_NETWORK_WORD_MAX = 63, /* of everything else that has a name (RFC 1035 labels) */
        TL_NETWORK_PORT = 51820,  /* UDP port of hubs and of sites with an endpoint */
        TL_NETWORK_MTU = 1500,    /* of uplinks */
};

/* A word or a text of the file. */
struct tl_word {
        const char *text;   /* NULL: not given */
        struct tl_place at; /* of its first character */
};

struct tl_word_list {
        struct tl_word *items;
        uint32_t count, capacity;
};

struct tl_placed_ip {
        struct wg_ip ip; /* family NONE: not given */
        struct tl_place at;
};

struct tl_placed_prefix {
        struct wg_prefix prefix; /* masked; family NONE: not given */
        struct tl_place at;
};

struct tl_ip_list {
        struct tl_placed_ip *items;
        uint32_t count, capacity;
};

struct tl_prefix_list {
        struct tl_placed_prefix *items;
        uint32_t count, capacity;
};

/* "443/tcp", "5000-5010/udp", "icmp". */
struct tl_port_range {
        uint8_t protocol;     /* WG_PROTOCOL_TCP, _UDP, or _ICMP for both ICMP and ICMPv6 */
        uint16_t first, last; /* 0 and 0 with ICMP */
        struct tl_place at;
};

struct tl_port_list {
        struct tl_port_range *items; /* none: every protocol and port */
        uint32_t count, capacity;
};

/* Where a node can be reached from the Internet: "host:port" or "[2001:db8::1]:51820". */
struct tl_network_endpoint {
        struct tl_word host; /* a name or an address, without brackets; text NULL: not given */
        struct wg_ip ip;     /* if the host is an address; else NONE */
        uint16_t port;       /* TL_NETWORK_PORT if the file gives none */
};

/* A peer of the network: a hub, the node of a site, or a device. */
struct tl_network_node {
        struct tl_word name; /* of the node of a site: default "SITE-node", at the site's name */
        uint8_t key[TL_CONF_KEY_LEN]; /* public */
        struct tl_place key_at;       /* line 0: not given yet */
        struct tl_ip_list addresses;  /* in the tunnel, at most one per family; else derived */
        struct tl_network_endpoint endpoint;
        uint32_t mtu; /* of its uplink; 0: not given */
        struct tl_place mtu_at;
};

struct tl_network_hub {
        struct tl_network_node node;
};

/* What the router of a LAN does with packets for the other prefixes of the network. A new kind is
 * one row here; each switch that lacks it does not compile. The names are those of the file. */
#define TL_GATEWAYS(X) \
        X(TL_GATEWAY_STATIC_ROUTES, 0, static_routes, \
          "the LAN's router has static routes to the node") \
        X(TL_GATEWAY_SELF, 1, self, "the node is the LAN's router") \
        X(TL_GATEWAY_DROPS_INVALID, 2, drops_invalid, \
          "static routes, on a router that drops packets of connections it has not seen begin") \
        X(TL_GATEWAY_DHCP_121, 3, dhcp_121, "DHCP gives each device the routes (option 121)") \
        X(TL_GATEWAY_UNTOUCHABLE, 4, untouchable, "nobody can change the LAN's router")
WG_ENUM_DECLARE(tl_gateway, TL_GATEWAYS)

/* A device that runs nothing of ours, on the LAN of a site. */
struct tl_network_host {
        struct tl_word name;
        struct tl_ip_list addresses; /* at least one, at most one per LAN */
};

/* A part of a site's LAN that the node answers for, because devices there can reach nothing beyond
 * the LAN: each of its addresses stands for a machine elsewhere. DHCP must not hand it out. */
struct tl_network_stand_in {
        struct tl_placed_prefix here; /* in a LAN of the site; one address: a /32 or /128 */

        /* What one address stands for: a device on a LAN, a node, "person/device" or a service. */
        struct tl_word name;

        /* Without a name, what a prefix stands for: one of its length, in the LAN of another site
         * or in the pool. Family NONE: each machine that the file names elsewhere gets an address
         * of `here`, which the lock records. */
        struct tl_placed_prefix there;
};

struct tl_network_site {
        struct tl_word name;
        struct tl_network_node node;
        struct tl_ip_list node_at;  /* the node's addresses in the LANs, if given */
        struct tl_prefix_list lans; /* at least one */
        struct tl_word hub;         /* its hub; text NULL: the only one, or the first */

        enum tl_gateway gateway;     /* default: static-routes */
        struct tl_place gateway_at;  /* line 0: not given */
        struct tl_ip_list router_at; /* the LAN's router, if given */
        bool has_routes;             /* the file lists the static routes that the router has */
        struct tl_place routes_at;
        struct tl_prefix_list routes; /* only with has_routes; otherwise it has all that it needs */

        struct tl_network_stand_in *stand_ins;
        uint32_t stand_in_count, stand_in_capacity;

        struct tl_network_host *hosts;
        uint32_t host_count, host_capacity;
};

struct tl_network_device {
        struct tl_network_node node; /* node.name: without the person, such as "laptop" */
        struct tl_prefix_list lans;  /* that it is usually in, at home for example; often none */
        bool is_stock;               /* runs another WireGuard, from an exported file */
        struct tl_word hub;          /* as for a site */
};

struct tl_network_person {
        struct tl_word name;
        struct tl_word_list groups;
        struct tl_network_device *devices;
        uint32_t device_count, device_capacity;
};

struct tl_network_service {
        struct tl_word name;
        struct tl_word at;         /* the name of a host, node or device, or an address as text */
        struct wg_ip ip;           /* if `at` is an address; else NONE */
        struct tl_port_list ports; /* at least one */
};

/* Allows connections from any of `from` to any of `to`. */
struct tl_network_rule {
        struct tl_place at;
        struct tl_word_list from, to; /* names, or one of enum tl_everyone */
        struct tl_port_list ports;    /* none: all; applies on top of the ports of services */
};

/* Words that stand for many entries, in rules. They are reserved: nothing may be called so. */
#define TL_EVERYONE(X) \
        X(TL_EVERYONE_ALL, 0, all, "everything") \
        X(TL_EVERYONE_HUBS, 1, hubs, "all hubs") \
        X(TL_EVERYONE_SITES, 2, sites, "all sites: their LANs and nodes") \
        X(TL_EVERYONE_PEOPLE, 3, people, "all devices of all people")
WG_ENUM_DECLARE(tl_everyone, TL_EVERYONE)

struct tl_network_expectation {
        struct tl_word text;
        struct tl_flow flow;            /* borrows from the text */
        struct tl_place from_at, to_at; /* of its ends */
};

/* ---- the lab: what the file's own network looks like around its nodes ---- */

/* What an Internet provider does to a site or a home. */
#define TL_LAB_NATS(X) \
        X(TL_LAB_NAT_MASQUERADE, 0, masquerade, "NAT that keeps one mapping per local port") \
        X(TL_LAB_NAT_SYMMETRIC, 1, symmetric, "NAT with a mapping per destination") \
        X(TL_LAB_NAT_NONE, 2, none, "a public address")
WG_ENUM_DECLARE(tl_lab_nat, TL_LAB_NATS)

/* Where the device of a person is, or what is special about a site's uplink. */
struct tl_lab_home {
        struct tl_word who;  /* a site, "person/device", or a person: all their devices */
        enum tl_lab_nat nat; /* default: masquerade; none for nodes with an endpoint */
        bool has_nat;
        uint32_t mapping_s;          /* lifetime of a UDP mapping; 0: the kernel's default */
        uint32_t mtu;                /* of the uplink; 0: the node's, or 1500 */
        struct tl_placed_prefix lan; /* of a home; NONE: chosen, no conflict */
        bool redirects;              /* of a site: its router tells senders of shorter ways */
};

/* More networks that a node is in, such as that of Docker. */
struct tl_lab_networks {
        struct tl_word who; /* a hub, the node of a site, "person/device", or a person */
        struct tl_prefix_list prefixes;
};

/* A plain device of a site that exists in the lab only. */
struct tl_lab_host {
        struct tl_word name, site;
        struct tl_placed_ip ip;
};

struct tl_network_lab {
        struct tl_place at; /* line 0: the file has none */
        struct tl_lab_home *homes;
        uint32_t home_count, home_capacity;
        struct tl_lab_host *hosts;
        uint32_t host_count, host_capacity;
        struct tl_lab_networks *networks;
        uint32_t network_count, network_capacity;
};

/* ---- the file ---- */

struct tl_network {
        struct tl_arena arena;
        struct tl_word name;
        struct tl_word domain;          /* text NULL: NAME.internal */
        struct tl_placed_prefix pool4;  /* of tunnel addresses; `addresses:` is one or a list */
        struct tl_placed_prefix pool6;  /* NONE: a ULA that the lock records */
        struct tl_placed_prefix mapped; /* of mapped prefixes; default 10.200.0.0/16, at line 0 */

        struct tl_network_hub *hubs;
        uint32_t hub_count, hub_capacity;
        struct tl_network_site *sites;
        uint32_t site_count, site_capacity;
        struct tl_network_person *people;
        uint32_t person_count, person_capacity;
        struct tl_network_service *services;
        uint32_t service_count, service_capacity;

        struct tl_place policy_at; /* line 0: no policy, so everything is allowed */
        struct tl_network_rule *rules;
        uint32_t rule_count, rule_capacity;
        struct tl_network_expectation *expectations;
        uint32_t expectation_count, expectation_capacity;
        struct tl_network_lab lab;
};

/* Reads a network file. Returns whether it has no mistakes; all of them are in *findings, with
 * running out of memory as one of them. After mistakes, *network has what could be read: entries
 * have their names, but anything else may be missing. The caller releases *network either way. */
bool tl_network_parse(struct tl_network *network, const char *text, size_t len,
                      struct tl_findings *findings) WG_MUST_USE;

/* Frees everything. Accepts zeroed memory. */
void tl_network_done(struct tl_network *network);

#endif
