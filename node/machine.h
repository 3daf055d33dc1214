/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * machine.h - this machine as a node of a network: its file, lock and key, and the plan that
 * follows from them and from facts about the machine.
 *
 * The node is the entry of the file that has this machine's public key. A node only reads the lock:
 * deriving new values is for commands on the administrator's machine.
 * Threads: one owner at a time. */
#ifndef NODE_MACHINE_H
#define NODE_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "conf/change.h"
#include "conf/findings.h"
#include "conf/lock.h"
#include "conf/network.h"
#include "io/file.h"
#include "net/local.h"
#include "net/model.h"
#include "net/nodeplan.h"
#include "net/policy.h"
#include "node/paths.h"

/* Zeroed memory is an empty one. */
struct tl_machine {
        struct tl_paths paths; /* paths.name is the network's */

        /* Set by read. */
        struct tl_file file_text, lock_text; /* as they are on disk */
        struct tl_network network;
        struct tl_lock lock;
        struct tl_model model;
        struct tl_policy policy;
        struct tl_findings findings;      /* about the file */
        struct tl_findings lock_findings; /* about the lock */

        /* Set by open. */
        uint32_t node; /* its index in the model */
        uint8_t private_key[TL_CONF_KEY_LEN];

        /* Set by plan. */
        struct tl_local local;
        struct tl_nodeplan plan; /* endpoints are addresses, unless their names do not resolve */
        char *table_form; /* canonical form of the plan's table (host/nft.h); NULL: not known yet */
};

/* Reads the file and the lock, and builds model and policy; needs no root. Returns whether that
 * worked: if not, the reason is in the findings, or has been printed if a file cannot be read. The
 * caller prints the findings, which may have warnings, and releases *machine either way. */
bool tl_machine_read(struct tl_machine *machine, const struct tl_paths *paths) WG_MUST_USE;

/* The same, then reads the key and finds the node. Prints what is wrong with the key, such as a
 * public key that no entry of the file has, and what to do. */
bool tl_machine_open(struct tl_machine *machine, const struct tl_paths *paths) WG_MUST_USE;

/* Gathers local facts, adds the networks that this machine is in to the model, makes the plan and
 * looks up the names of endpoints. Returns whether the plan can be carried out; conflicts are in
 * the findings. */
bool tl_machine_plan(struct tl_machine *machine) WG_MUST_USE;

/* Wipes and frees everything. Accepts zeroed memory. */
void tl_machine_done(struct tl_machine *machine);

#endif
