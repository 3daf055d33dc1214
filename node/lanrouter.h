/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * lanrouter.h - compares what the file says about the router of this machine's LAN with what the
 * router does: whether it has the static routes, whether it drops packets of connections that it
 * has not seen begin, and whether it tells devices to send past it.
 *
 * Differences are warnings: the router may be reconfigured later.
 * Threads: the process has only one. */
#ifndef NODE_LANROUTER_H
#define NODE_LANROUTER_H

#include <stdint.h>

#include "base/attr.h"
#include "net/prefixes.h"
#include "node/machine.h"
#include "node/probejobs.h"
#include "node/routerprobe.h"

/* The router of one LAN, in one family. */
struct tl_lanrouter {
        struct tl_lanrouter *next;
        uint32_t lan; /* its index in the model */
        const char *link;
        struct wg_ip own, router;
        struct tl_prefixes routes; /* that it has, according to the file */
        struct tl_routerprobe_target *targets;
        struct tl_routerprobe probe;
        int error; /* 0, or -errno: the probe could not begin */
};

/* Lists the routers that have static routes according to the file, in the arena of the jobs, and
 * adds the jobs that probe them. Routers whose address is not known are left out. Returns 0 or
 * -ENOMEM. *first may be NULL afterwards. */
int tl_lanrouter_begin(struct tl_lanrouter **first, struct tl_probejobs *jobs,
                       const struct tl_machine *machine) WG_MUST_USE;

/* Once the jobs are done: adds warnings to the findings. */
void tl_lanrouter_report(const struct tl_lanrouter *first, struct tl_machine *machine);

#endif
