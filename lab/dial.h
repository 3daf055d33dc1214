/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * dial.h - how the machines of a lab know each other: machines as ends of the model's connections,
 * and the address by which one machine reaches another.
 *
 * Machines cannot be told apart by their addresses alone, since LANs may have the same prefix.
 * Threads: pure functions of their arguments. */
#ifndef LAB_DIAL_H
#define LAB_DIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "lab/topology.h"
#include "net/course.h"

struct tl_dial {
        struct tl_walk_end from, to; /* ip.family NONE: it has no address of that family */
        struct wg_ip ip;             /* by which the source knows the destination; NONE: by none */
        bool is_direct;              /* the tunnel is not involved: one machine, or one site */
        struct tl_course course;     /* unless it is direct, or the source is no end */
};

/* Whether connections begin and end at a machine: a node or a plain device. */
bool tl_dial_is_end(const struct tl_lab_machine *machine) WG_MUST_USE;

/* Finds out how one machine reaches another in an address family. A source that is no end, such as
 * a router, gets the address in the LAN if it is on the same one, else that in the tunnel. */
void tl_dial(struct tl_dial *dial, const struct tl_topology *topology,
             const struct tl_lab_machine *from, const struct tl_lab_machine *to, uint8_t family);

/* The machine that an end of the model is; NULL: the lab has none. */
const struct tl_lab_machine *tl_dial_find(const struct tl_topology *topology,
                                          const struct tl_walk_end *end);

#endif
