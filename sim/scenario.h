/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * scenario.h - a history made from a seed: who is there, how they are connected, what they say to each
 * other, and all that goes wrong.
 *
 * Each hour goes like this: for most of it links fail, addresses move, machines sleep and restart,
 * administrators change their minds, an attacker attacks. Then everything is put right, and from that
 * moment on all neighbours must reach each other within SIM_CONVERGED_AFTER. Then they fall
 * silent, and after WG_ZERO_AFTER_TIME no key must be left where nothing keeps a session alive.
 * Threads: one owner at a time. */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include "sim/attacker.h"
#include "sim/world.h"

/* When everything is right again: one side may send into a session that the other has lost, until
 * it misses the answer (15.34 s); an initiation may have to wait for the pause after the last one
 * (5 s), cross another one, or be answered by a cookie first (5.34 s each time); and the way. */
#define SIM_CONVERGED_AFTER (40 * WG_NS_PER_S)

#define SIM_FLOWS_MAX 16

/* How two applications talk. */
enum sim_pattern {
        SIM_PATTERN_SILENT,
        SIM_PATTERN_RARE,    /* a packet in minutes */
        SIM_PATTERN_ONE_WAY, /* a packet in seconds, no answer */
        SIM_PATTERN_REQUEST, /* a packet in seconds, and answers to it */
        SIM_PATTERN_BULK,    /* many at once, in minutes */
        SIM_PATTERNS,
};

struct sim_scenario;

struct sim_flow {
        struct sim_scenario *scenario;
        uint8_t from, to;
        enum sim_pattern pattern;
        uint64_t pause_ns; /* between two packets or bursts, on average */
};

struct sim_scenario {
        struct sim_world world;
        struct sim_random random;
        struct sim_attacker attacker;
        bool is_neighbour[SIM_NODES_MAX][SIM_NODES_MAX]; /* wants to be a peer of */
        struct sim_flow flows[SIM_FLOWS_MAX];
        unsigned int flow_count;
        struct sim_link calm[SIM_NODES_MAX][SIM_NODES_MAX]; /* the links when nothing is wrong */
        uint64_t mishap_pause_ns;                           /* between two mishaps, on average */
        uint32_t refused_in_1000;                           /* allocations */
        uint32_t lies_in_1000; /* packets that a liar adds to each of his */
        bool is_wild;          /* mishaps happen */
        bool is_talking;       /* flows flow */
        uint64_t probed_ns;    /* probes sent from then on count */
        bool has_reached[SIM_NODES_MAX][SIM_NODES_MAX]; /* one of them came through */
};

/* For mishap.c: whose addresses are whose. */
struct wg_prefix sim_scenario_own_prefix(unsigned int node, uint8_t family);
struct wg_prefix sim_scenario_shared_prefix(unsigned int n);

/* Gives peer b of node a the prefixes it is meant to have. */
void sim_scenario_restore_prefixes(struct sim_scenario *s, unsigned int a, unsigned int b);

/* Lives through `hours` of a history. Ends the program at the first false claim. Adds to *figures. */
void sim_scenario_run(uint64_t seed, unsigned int hours, bool is_verbose,
                      struct sim_figures *figures);

#endif
