/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * machines.h - the machines that a network file names: nodes, devices on LANs, and services at an
 * address of the LAN of a site that has no other name.
 * Threads: pure functions of their arguments. */
#ifndef NET_MACHINES_H
#define NET_MACHINES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "conf/arena.h"
#include "conf/lock.h"
#include "conf/network.h"

struct tl_machine {
        const char *name;
        uint32_t site; /* index in the file of the site that it is at; TL_MODEL_NONE: none */
        bool has_ip4, has_ip6;
};

/* Devices on LANs, services, then nodes; each in the file's order, and each name once. */
struct tl_machines {
        struct tl_machine *items;
        uint32_t *by_name; /* indices, sorted by name */
        uint32_t count;
};

/* Lists the machines, in the arena. Returns false if there is no memory. */
bool tl_machines_list(struct tl_machines *machines, const struct tl_network *network,
                      const struct tl_lock *lock, struct tl_arena *arena) WG_MUST_USE;

/* The index of a machine; TL_MODEL_NONE: there is none. */
uint32_t tl_machines_find(const struct tl_machines *machines, const char *name) WG_MUST_USE;

/* Whether a machine has an address of a family. */
bool tl_machines_has_family(const struct tl_machine *machine, uint8_t family) WG_MUST_USE;

#endif
