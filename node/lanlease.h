/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * lanlease.h - warns about addresses that a plan takes and that a DHCP server of the LAN hands out.
 *
 * What cannot be found out this way: ranges that the server hands out, but not to strangers; those
 * whose first and last addresses are leased; and DHCPv6.
 * Threads: the process has only one. */
#ifndef NODE_LANLEASE_H
#define NODE_LANLEASE_H

#include "base/attr.h"
#include "node/leaseprobe.h"
#include "node/machine.h"
#include "node/probejobs.h"
#include "node/taking.h"

struct tl_lanlease {
        struct tl_lanlease *next;
        struct tl_leaseprobe probe;
};

/* Adds jobs that ask for the IPv4 addresses that are taken: for the first and the last one on each
 * link. Links that cannot be used are left out; tl_taking_report() tells. Returns 0 or -ENOMEM.
 * *first may be NULL afterwards. */
int tl_lanlease_begin(struct tl_lanlease **first, struct tl_probejobs *jobs,
                      const struct tl_taking *taking, const struct tl_local *local) WG_MUST_USE;

/* Once the jobs are done: adds warnings to the findings. */
void tl_lanlease_report(const struct tl_lanlease *first, struct tl_machine *machine);

#endif
