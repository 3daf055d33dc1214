/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * machines.h - the machines of a topology, running: their namespaces, cables, addresses, rules and
 * servers.
 * Threads: the process has only one. Source: ip(8), nft(8). */
#ifndef LAB_MACHINES_H
#define LAB_MACHINES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "lab/jobs.h"
#include "lab/space.h"
#include "lab/topology.h"

struct tl_machines {
        const struct tl_topology *topology; /* borrowed */
        struct tl_jobs *jobs;               /* borrowed */
        struct tl_holder guard;
        struct tl_holder *holders; /* by machine */
        uint32_t count;            /* of holders that were started */
};

/* Starts all machines. Returns false after saying what went wrong. The caller releases *machines
 * either way. */
bool tl_machines_start(struct tl_machines *machines, const struct tl_topology *topology,
                       struct tl_jobs *jobs) WG_MUST_USE;

/* Connects the machines and configures them, and starts their servers. Returns the same. */
bool tl_machines_connect(struct tl_machines *machines) WG_MUST_USE;

/* Starts the servers of a machine; nobody waits for them. Returns the same. */
bool tl_machines_serve(struct tl_machines *machines,
                       const struct tl_lab_machine *machine) WG_MUST_USE;

/* The holder of a machine of the topology. */
const struct tl_holder *tl_machines_holder(const struct tl_machines *machines,
                                           const struct tl_lab_machine *machine);

/* Runs a function in each of some machines, `at_once` of them (lab/jobs.h) at a time. `work` gets
 * ctxs + i * size in machine i. Returns whether all of them returned 0; otherwise says what the
 * first one that failed printed, after `what`. */
bool tl_machines_do(struct tl_machines *machines, const char *what,
                    const struct tl_lab_machine *const *where, uint32_t count, uint32_t at_once,
                    int (*work)(void *ctx), void *ctxs, size_t size) WG_MUST_USE;

/* Ends everything. Accepts zeroed memory whose guard is TL_HOLDER_NONE. */
void tl_machines_done(struct tl_machines *machines);

#endif
