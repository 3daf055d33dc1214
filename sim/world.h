/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * world.h - a simulated world: nodes that each run a whole engine, a network between them, one
 * clock, and an observer that knows everything and checks each step.
 *
 * Time jumps from event to event, so an idle hour costs nothing. All randomness derives from the
 * seed: one seed is one history, byte for byte.
 * Threads: one owner at a time; one world at a time in a process. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "base/attr.h"
#include "sim/events.h"
#include "sim/ledger.h"
#include "sim/net.h"
#include "sim/node.h"

/* Statistics of a run. */
struct sim_figures {
        uint64_t events;
        uint64_t packets, delivered;    /* inner packets given to nodes, and delivered by them */
        uint64_t datagrams, lost;       /* sent by nodes, and lost in transit */
        uint64_t injected;              /* sent by the attacker */
        uint64_t initiations, sessions; /* sent; completed at the initiator */
        uint64_t cookies, refused;      /* cookie replies, handshake messages refused */
        uint64_t gave_up, forgotten;    /* handshakes given up; keys forgotten */
        uint64_t interleaved;           /* steps taken during a worker's batch */
        uint64_t allocations_refused;
};

struct sim_world {
        uint64_t seed;
        uint64_t now_ns;
        bool is_verbose; /* print events */
        struct sim_events events;
        struct sim_net net;
        struct sim_ledger ledger;
        struct sim_node *nodes[SIM_NODES_MAX];
        unsigned int node_count;
        struct sim_figures figures;

        /* Sees each datagram that a node sends; may be NULL. */
        void (*tap)(void *context, unsigned int node, const struct wg_endpoint *from,
                    const struct wg_endpoint *to, const uint8_t *bytes, uint32_t len, uint8_t tos);
        void *tap_context;

        /* Called after an inner packet reached its destination, and during batches of nodes whose
         * habits ask for it, where it may change the node's configuration; may be NULL. */
        void (*delivered)(void *context, unsigned int node, const struct sim_record *record);
        void (*meddle)(void *context, unsigned int node);
        void *context;
};

/* An empty world at time 0. wg_crypto_init() must have been called. */
void sim_world_init(struct sim_world *world, uint64_t seed);

/* Ends all nodes, checks that they released all memory, and frees everything. */
void sim_world_done(struct sim_world *world);

/* Adds a node with a fresh key, a place in the network, and no engine yet. */
struct sim_node *sim_world_add_node(struct sim_world *world, uint8_t family,
                                    const struct sim_habits *habits);

/* Runs all events that are due by until_ns, and sets the time to it. */
void sim_world_run(struct sim_world *world, uint64_t until_ns);

/* Prints an event if the world is verbose. `node` may be SIM_STRANGER. */
void sim_trace(const struct sim_world *world, unsigned int node, const char *format, ...)
        WG_PRINTF(3, 4);

/* Reports a violation with its time and seed, and ends the program. */
WG_NORETURN void sim_fail(const struct sim_world *world, const char *format, ...) WG_PRINTF(2, 3);

#define SIM_CHECK(world, condition, ...) \
        do { \
                if (WG_UNLIKELY(!(condition))) \
                        sim_fail((world), __VA_ARGS__); \
        } while (0)

#endif
