/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * scenario.h - a history generated from a seed: the nodes, their connections, their traffic, and
 * everything that goes wrong.
 *
 * For most of each hour links fail, addresses move, machines sleep and restart, administrators
 * change their minds, and an attacker attacks. Then everything is repaired, and from that moment on
 * all neighbours must reach each other within SIM_CONVERGED_AFTER. Then they fall silent, and after
 * WG_ZERO_AFTER_TIME no key may be left, except where keepalives keep a session alive.
 * Threads: one owner at a time. */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include "sim/attacker.h"
#include "sim/world.h"

/* The longest recovery after everything is repaired. One side may send in a session that the other
 * lost, until it misses the answer (15.34 s). An initiation may have to wait for the minimum
 * interval since the last one (5 s), cross another one, or first be answered by a cookie (5.34 s
 * each). The rest is transit time. */
#define SIM_CONVERGED_AFTER (40 * WG_NS_PER_S)

#define SIM_FLOWS_MAX 16

/* Traffic patterns between two applications. */
enum sim_pattern {
        SIM_PATTERN_SILENT,
        SIM_PATTERN_RARE,    /* a packet every few minutes */
        SIM_PATTERN_ONE_WAY, /* a packet every few seconds, no answer */
        SIM_PATTERN_REQUEST, /* a packet every few seconds, and answers to it */
        SIM_PATTERN_BULK,    /* a burst every few minutes */
        SIM_PATTERNS,
};

struct sim_scenario;

struct sim_flow {
        struct sim_scenario *scenario;
        uint8_t from, to;
        enum sim_pattern pattern;
        uint64_t pause_ns; /* mean time between packets or bursts */
};

struct sim_scenario {
        struct sim_world world;
        struct sim_random random;
        struct sim_attacker attacker;
        bool is_neighbour[SIM_NODES_MAX][SIM_NODES_MAX]; /* [a][b]: a wants b as a peer */
        struct sim_flow flows[SIM_FLOWS_MAX];
        unsigned int flow_count;
        struct sim_link calm[SIM_NODES_MAX][SIM_NODES_MAX]; /* the links without faults */
        uint64_t mishap_pause_ns;                           /* mean time between mishaps */
        uint32_t refused_in_1000;                           /* allocations */
        uint32_t lies_in_1000; /* packets that a liar adds to each of its own */
        bool is_wild;          /* mishaps happen */
        bool is_talking;       /* flows are active */
        uint64_t probed_ns;    /* probes sent from then on count */
        bool has_reached[SIM_NODES_MAX][SIM_NODES_MAX]; /* such a probe arrived */
};

/* For mishap.c: the owners of addresses. */
struct wg_prefix sim_scenario_own_prefix(unsigned int node, uint8_t family);
struct wg_prefix sim_scenario_shared_prefix(unsigned int n);

/* Gives peer b of node a its proper prefixes. */
void sim_scenario_restore_prefixes(struct sim_scenario *s, unsigned int a, unsigned int b);

/* Runs `hours` of a history. Ends the program at the first violation. Adds to *figures. */
void sim_scenario_run(uint64_t seed, unsigned int hours, bool is_verbose,
                      struct sim_figures *figures);

#endif
