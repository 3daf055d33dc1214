/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * net.h - the network between the nodes: links that delay, lose, duplicate, reorder, mark and drop,
 * and address translators that forget. Its behaviour derives from the world's seed. A source
 * address is only a label: an IPv6 node can reach an IPv4 node, which sees the IPv6 address.
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
        uint32_t loss, doubling;      /* per 1000 datagrams */
        uint32_t straggling;          /* per 1000: takes up to a second longer */
        uint32_t marking;             /* per 1000: congestion is marked where ECN allows */
        uint32_t mtu;                 /* longer UDP payloads are lost */
        bool is_cut;
};

#define SIM_MAPPINGS_MAX 16

/* A translator's state for one flow. */
struct sim_mapping {
        struct wg_endpoint inside, remote;
        uint16_t port;    /* outside; 0: free */
        uint64_t used_ns; /* last time */
};

/* A node's location. Behind NAT, only the translator knows its address. */
struct sim_host {
        struct wg_ip ip;
        uint16_t port;
        bool has_nat;
        struct wg_ip nat_ip;
        uint64_t nat_life_ns; /* an unused mapping is forgotten after this time */
        uint16_t nat_next;    /* port for the next mapping */
        struct sim_mapping mappings[SIM_MAPPINGS_MAX];
};

struct sim_net {
        struct sim_random random;
        struct sim_host hosts[SIM_NODES_MAX];
        struct sim_link links[SIM_NODES_MAX][SIM_NODES_MAX]; /* [from][to] */
        struct sim_link outside;                             /* to and from strangers */
        uint16_t places;                                     /* addresses assigned so far */
};

#define SIM_STRANGER SIM_NODES_MAX /* a sender or receiver that is not a node */

void sim_net_init(struct sim_net *net, uint64_t seed);

/* Gives a node an address that no node had before. */
void sim_net_place(struct sim_net *net, unsigned int node, uint8_t family);

/* Makes the translator in front of a node forget all mappings. */
void sim_net_rebind(struct sim_net *net, unsigned int node);

/* The endpoint of a node that is not behind NAT. */
struct wg_endpoint sim_net_endpoint(const struct sim_net *net, unsigned int node);

/* An address that no node has. */
struct wg_endpoint sim_net_strange_endpoint(struct sim_net *net, uint8_t family);

/* Sends a datagram from a node. */
void sim_net_send(struct sim_world *world, unsigned int from, const struct wg_endpoint *to,
                  const uint8_t *bytes, uint32_t len, uint8_t tos);

/* Sends a datagram with a forged source; it arrives after delay_ns. */
void sim_net_inject(struct sim_world *world, const struct wg_endpoint *from,
                    const struct wg_endpoint *to, const uint8_t *bytes, uint32_t len,
                    uint64_t delay_ns);

/* Frees the datagram, if any, of an event that will not happen. */
void sim_net_forget(const struct sim_event *event);

#endif
