/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * taking.h - addresses of a LAN that a plan makes this machine answer for, and that it does not
 * answer for yet: another machine that has one is an error.
 * Threads: the process has only one. */
#ifndef NODE_TAKING_H
#define NODE_TAKING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "node/duplicates.h"
#include "node/machine.h"
#include "node/probejobs.h"

/* The addresses of one family on one link. */
struct tl_taking {
        struct tl_taking *next;
        const char *link;
        struct tl_duplicates probe;
        struct tl_duplicates_target *targets; /* sorted by address */
        uint32_t count, capacity;
};

/* Lists what the plan takes, in the arena of the jobs, and adds the jobs that look for others.
 * Returns 0, or -errno if that cannot be found out. *first may be NULL afterwards. */
int tl_taking_begin(struct tl_taking **first, struct tl_probejobs *jobs,
                    const struct tl_machine *machine) WG_MUST_USE;

/* Once the jobs are done: adds errors to the findings. Returns whether there is none. */
bool tl_taking_report(const struct tl_taking *first, struct tl_machine *machine) WG_MUST_USE;

/* The line of the file by which the machine takes an address. */
struct tl_place tl_taking_place(const struct tl_machine *machine,
                                const struct wg_ip *ip) WG_MUST_USE;

#endif
