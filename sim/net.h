/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * net.h - the network between the nodes: links that delay, lose, double, reorder, mark and cut, and
 * boxes that translate addresses and forget. What it does follows from the world's seed. A source
 * address is a label here: an IPv6 node reaches an IPv4 node and is seen under its own address.
 * Threads: one owner at a time. */
#ifndef SIM_NET_H
#define SIM_NET_H

#include "sim/events.h"
#include "sim/packet.h"
#include "sim/random.h"

struct sim_world;

#define SIM_NODES_MAX 6

/* One direction between two nodes. */
struct sim_link {
        uint64_t delay_ns, jitter_ns; /* each datagram takes delay + 0..jitter */
        uint32_t loss, doubling;      /* of 1000 datagrams */
        uint32_t straggling;          /* of 1000: takes up to a second longer */
        uint32_t marking;             /* of 1000: congestion is marked where ECN allows */
        uint32_t mtu;                 /* greater UDP payloads are lost */
        bool is_cut;
};

#define SIM_MAPPINGS_MAX 16

/* What an address translator remembers of one flow. */
struct sim_mapping {
        struct wg_endpoint inside, remote;
        uint16_t port;    /* outside; 0: free */
        uint64_t used_ns; /* last time */
};

/* Where a node is. Behind NAT its address is known to the translator alone. */
struct sim_host {
        struct wg_ip ip;
        uint16_t port;
        bool has_nat;
        struct wg_ip nat_ip;
        uint64_t nat_life_ns; /* an unused mapping is forgotten */
        uint16_t nat_next;    /* port for the next mapping */
        struct sim_mapping mappings[SIM_MAPPINGS_MAX];
};

struct sim_net {
        struct sim_random random;
        struct sim_host hosts[SIM_NODES_MAX];
        struct sim_link links[SIM_NODES_MAX][SIM_NODES_MAX]; /* [from][to] */
        struct sim_link outside;                             /* to and from strangers */
        uint16_t places;                                     /* addresses given out */
};

#define SIM_STRANGER SIM_NODES_MAX /* a sender or receiver that is no node */

void sim_net_init(struct sim_net *net, uint64_t seed);

/* Gives a node an address that nobody had before. */
void sim_net_place(struct sim_net *net, unsigned int node, uint8_t family);

/* The translator before a node forgets all mappings. */
void sim_net_rebind(struct sim_net *net, unsigned int node);

/* Where others find a node that is not behind NAT. */
struct wg_endpoint sim_net_endpoint(const struct sim_net *net, unsigned int node);

/* An address that no node has. */
struct wg_endpoint sim_net_strange_endpoint(struct sim_net *net, uint8_t family);

/* Sends a datagram from a node. */
void sim_net_send(struct sim_world *world, unsigned int from, const struct wg_endpoint *to,
                  const uint8_t *bytes, uint32_t len, uint8_t tos);

/* Sends a datagram that claims to come from anywhere; arrives after delay_ns. */
void sim_net_inject(struct sim_world *world, const struct wg_endpoint *from,
                    const struct wg_endpoint *to, const uint8_t *bytes, uint32_t len,
                    uint64_t delay_ns);

/* Frees the datagram of an event that will not happen, if it has one. */
void sim_net_forget(const struct sim_event *event);

#endif
