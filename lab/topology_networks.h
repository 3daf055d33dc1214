/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * topology_networks.h - more networks of nodes, as `lab: networks` lists them: each with a link
 * like Docker's, and a container behind it.
 *
 * Only for lab/topology_*.c.
 * Threads: one owner at a time. */
#ifndef LAB_TOPOLOGY_NETWORKS_H
#define LAB_TOPOLOGY_NETWORKS_H

#include "lab/topology_builder.h"

/* Adds the networks of all nodes, which have been made. */
void tl_networks_make(struct tl_builder *b);

#endif
