/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * attacker.h - a stranger who sees every datagram, knows all public keys and no private one, and sends
 * what he likes from any address: rubbish, what he saw (again, later, changed, cut short), messages
 * with the right mac1 and nothing else right, keys of low order, forged cookies. He floods a node with
 * initiations, and may keep that up; from one address he also uses the cookies he is given.
 * Threads: one owner at a time. */
#ifndef SIM_ATTACKER_H
#define SIM_ATTACKER_H

#include "sim/world.h"

#define SIM_CAPTURED_MAX 64

struct sim_captured {
        struct wg_endpoint from, to;
        unsigned int node; /* who sent it */
        uint32_t len;
        uint8_t bytes[2048];
};

struct sim_attacker {
        struct sim_world *world;
        struct sim_random random;
        uint64_t pause_ns; /* between two attacks, on average; 0: he keeps still */
        bool is_active;
        unsigned int besieged; /* the node that he floods, */
        unsigned int floods;   /* and how many floods are to come */
        struct wg_endpoint home;
        struct wg_cookie_jar jar; /* what he was given there */
        uint64_t seen;
        struct sim_captured captured[SIM_CAPTURED_MAX]; /* a ring */
};

/* Taps the world, and begins when is_active. `pause_ns` is constant from here on. */
void sim_attacker_init(struct sim_attacker *attacker, struct sim_world *world, uint64_t pause_ns);

/* Sends n initiations with a right mac1 to a node at once, each from another address. */
void sim_attacker_flood(struct sim_attacker *attacker, unsigned int node, unsigned int n);

#endif
