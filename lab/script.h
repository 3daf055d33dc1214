/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * script.h - the topology of a lab as input for ip(8), and as the files of its machines.
 * Threads: pure functions of their arguments. Source: ip(8) -batch, hosts(5). */
#ifndef LAB_SCRIPT_H
#define LAB_SCRIPT_H

#include <sys/types.h>

#include "base/attr.h"
#include "conf/arena.h"
#include "lab/topology.h"

/* The commands that make all cables, to be run in the switch: a pair of interfaces for a segment
 * with two ends, a bridge in the switch for one with more. pids[i] is the process that holds the
 * namespace of machine i. The text is in the arena; NULL: no memory. */
const char *tl_script_cables(struct tl_arena *arena, const struct tl_topology *topology,
                             const pid_t *pids) WG_MUST_USE;

/* The commands that give a machine its addresses and routes, to be run in it. */
const char *tl_script_machine(struct tl_arena *arena,
                              const struct tl_lab_machine *machine) WG_MUST_USE;

/* The /etc/hosts of a machine, with the addresses by which it reaches the others. */
const char *tl_script_hosts(struct tl_arena *arena, const struct tl_topology *topology,
                            const struct tl_lab_machine *machine) WG_MUST_USE;

#endif
