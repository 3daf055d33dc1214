/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * disturb.h - what may happen to a network, done to a lab on purpose.
 *
 * A disturbance is written NAME, or NAME:MACHINE for another machine than the first that fits.
 * Threads: the process has only one. */
#ifndef LAB_DISTURB_H
#define LAB_DISTURB_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/enum.h"
#include "conf/text.h"
#include "lab/machines.h"
#include "lab/nodes.h"

/* Names on the command line have a dash in place of the underscore. */
#define TL_DISTURBANCES(X) \
        X(TL_DISTURB_HUB_RESTART, 0, hub_restart, \
          "a hub loses all its processes, and starts again") \
        X(TL_DISTURB_NODE_RESTART, 1, node_restart, \
          "a node loses all its processes, and starts again") \
        X(TL_DISTURB_NAT_REBIND, 2, nat_rebind, \
          "a provider forgets all connections, and gets another public address") \
        X(TL_DISTURB_CUT_LINK, 3, cut_link, "the cable of a machine is out for three seconds") \
        X(TL_DISTURB_DROP_PMTU, 4, drop_pmtu, \
          "packets that are too big for a link vanish: no fragments, and no ICMP errors")
WG_ENUM_DECLARE(tl_disturbance, TL_DISTURBANCES)

struct tl_disturb {
        enum tl_disturbance what;
        const struct tl_lab_machine *where;
};

/* Reads one disturbance. Returns false after saying what is wrong. */
bool tl_disturb_parse(struct tl_disturb *disturb, struct tl_text text,
                      const struct tl_topology *topology) WG_MUST_USE;

/* Does it, and returns once the cause is gone: now the network has to recover. Returns false after
 * saying what went wrong. */
bool tl_disturb_do(const struct tl_disturb *disturb, struct tl_machines *machines,
                   const struct tl_nodes_source *source) WG_MUST_USE;

/* The name as on the command line. */
const char *tl_disturb_name(enum tl_disturbance what, char out[32]);

#endif
