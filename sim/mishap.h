/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * mishap.h - all that goes wrong in a scenario, and its repair.
 * Threads: one owner at a time. */
#ifndef SIM_MISHAP_H
#define SIM_MISHAP_H

#include "sim/scenario.h"

#define MISHAP_PREFIXES 4 /* networks that change hands */

/* Arranges for mishaps, at random times and amid the batches of workers. */
void sim_mishap_begin(struct sim_scenario *s);

/* Repairs everything but the clocks, which nothing may depend on: links, nodes, keys, peers,
 * prefixes, and endpoints if they are known. */
void sim_mishap_repair(struct sim_scenario *s);

/* From now on so many of 1000 allocations fail. */
void sim_mishap_refuse_memory(struct sim_scenario *s, uint32_t in_1000);

/* Node `from` sends its peer `to` something it should not. */
void sim_mishap_lie(struct sim_scenario *s, unsigned int from, unsigned int to);

#endif
