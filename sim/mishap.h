/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * mishap.h - everything that goes wrong in a scenario, and its repair.
 * Threads: one owner at a time. */
#ifndef SIM_MISHAP_H
#define SIM_MISHAP_H

#include "sim/scenario.h"

#define MISHAP_PREFIXES 4 /* networks that move between peers */

/* Schedules mishaps, at random times and during workers' batches. */
void sim_mishap_begin(struct sim_scenario *s);

/* Repairs links, nodes, keys, peers, prefixes and known endpoints, but not the clocks, on which
 * nothing may depend. */
void sim_mishap_repair(struct sim_scenario *s);

/* From now on this share of 1000 allocations fails. */
void sim_mishap_refuse_memory(struct sim_scenario *s, uint32_t in_1000);

/* Makes node `from` send its peer `to` something it should not. */
void sim_mishap_lie(struct sim_scenario *s, unsigned int from, unsigned int to);

#endif
