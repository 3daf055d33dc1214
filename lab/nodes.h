/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * nodes.h - makes the machines of a lab nodes of the network, as an administrator would: with
 * `tieline key` and `tieline apply`, run by this same program. Stock devices get a file for
 * wg-quick(8) instead, and nothing else of ours.
 * Threads: the process has only one. */
#ifndef LAB_NODES_H
#define LAB_NODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "conf/lock.h"
#include "lab/machines.h"
#include "net/model.h"

/* The network as its administrator has it. */
struct tl_nodes_source {
        const struct tl_model *model;
        const char *text; /* of the file */
        size_t len;
        const struct tl_lock *lock;    /* with all values */
        const struct tl_place *key_at; /* by node: where the file has its key; line 0: nowhere */
};

/* The number of nodes of a network, stock devices included. */
uint32_t tl_nodes_most(const struct tl_network *network);

/* Notes where the keys are, for tl_nodes_most() nodes, and gives nodes without a key one in the
 * structs alone, for a model that is built afterwards: in a lab every node has one. */
void tl_nodes_pretend_keys(struct tl_network *network, struct tl_place *key_at);

/* The program that brings stock devices up: "tieline-quick", or else "wg-quick". NULL: neither is
 * in PATH, so a lab has no stock devices. */
const char *tl_nodes_stock_program(void);

/* Gives every node a key of its own, the file with these keys, and the lock. Returns false after
 * saying what went wrong. */
bool tl_nodes_prepare(struct tl_machines *machines,
                      const struct tl_nodes_source *source) WG_MUST_USE;

/* Runs a shell command on all nodes, stock devices included, with the name of the machine in
 * TIELINE_MACHINE. Returns whether it succeeded everywhere; says what went wrong otherwise. */
bool tl_nodes_run(struct tl_machines *machines, const char *command) WG_MUST_USE;

/* Runs `tieline apply` on all nodes (machine NULL), or on one; on stock devices, their program.
 * Returns whether all succeeded; says what went wrong otherwise. */
bool tl_nodes_apply(struct tl_machines *machines, const struct tl_nodes_source *source,
                    const struct tl_lab_machine *machine) WG_MUST_USE;

/* The number of nodes in the lab. */
uint32_t tl_nodes_count(const struct tl_topology *topology);

#endif
