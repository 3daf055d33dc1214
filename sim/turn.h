/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * turn.h - how node.c and admin.c take the engine's part. Private to the two.
 * Threads: one owner at a time. */
#ifndef SIM_TURN_H
#define SIM_TURN_H

#include "sim/node.h"

/* A time in which the code that runs is the engine thread's of a node. */
struct sim_turn {
        struct sim_node *outer; /* whose code ran before */
};

/* There must be an engine, and no other turn of it. The end checks what must be true. */
void sim_turn_begin(struct sim_node *node, struct sim_turn *turn);
void sim_turn_end(struct sim_node *node, struct sim_turn *turn);

/* The engine is to come soon. */
void sim_turn_wake_engine(struct sim_node *node);

/* Makes an engine with nothing in it. Returns false when memory was refused. */
bool sim_turn_start_engine(struct sim_node *node) WG_MUST_USE;

#endif
