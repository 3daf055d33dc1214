/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * attacker.h - a stranger that sees every datagram, knows all public keys and no private key, and
 * sends from any address: rubbish, captured datagrams (repeated, delayed, changed, truncated),
 * messages in which only mac1 is right, low-order keys, forged cookies. It floods nodes with
 * initiations, also for longer times; from one address it also uses the cookies it receives.
 * Threads: one owner at a time. */
#ifndef SIM_ATTACKER_H
#define SIM_ATTACKER_H

#include "sim/world.h"

#define SIM_CAPTURED_MAX 64

struct sim_captured {
        struct wg_endpoint from, to;
        unsigned int node; /* the sender */
        uint32_t len;
        uint8_t bytes[2048];
};

struct sim_attacker {
        struct sim_world *world;
        struct sim_random random;
        uint64_t pause_ns; /* mean time between attacks; 0: no attacks */
        bool is_active;
        unsigned int besieged; /* the node under siege, */
        unsigned int floods;   /* and the number of floods to come */
        struct wg_endpoint home;
        struct wg_cookie_jar jar; /* the cookie received at home */
        uint64_t seen;
        struct sim_captured captured[SIM_CAPTURED_MAX]; /* a ring */
};

/* Taps the world, and attacks while is_active. `pause_ns` must not change afterwards. */
void sim_attacker_init(struct sim_attacker *attacker, struct sim_world *world, uint64_t pause_ns);

/* Sends n initiations with a valid mac1 to a node at once, each from a different address. */
void sim_attacker_flood(struct sim_attacker *attacker, unsigned int node, unsigned int n);

#endif
