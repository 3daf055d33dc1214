/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * turn.h - the engine's turns in node.c and admin.c. Private to these two.
 * Threads: one owner at a time. */
#ifndef SIM_TURN_H
#define SIM_TURN_H

#include "sim/node.h"

/* A period in which the code of a node's engine thread runs. */
struct sim_turn {
        struct sim_node *outer; /* the node whose code ran before */
};

/* There must be an engine, not in a turn already. The end of the turn checks the invariants. */
void sim_turn_begin(struct sim_node *node, struct sim_turn *turn);
void sim_turn_end(struct sim_node *node, struct sim_turn *turn);

/* Schedules the engine soon. */
void sim_turn_wake_engine(struct sim_node *node);

/* Makes an empty engine. Returns false if memory is refused. */
bool sim_turn_start_engine(struct sim_node *node) WG_MUST_USE;

#endif
