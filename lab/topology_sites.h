/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * topology_sites.h - sites: the node, the router unless that is the node, and plain devices.
 *
 * Only for lab/topology_*.c.
 * Threads: one owner at a time. */
#ifndef LAB_TOPOLOGY_SITES_H
#define LAB_TOPOLOGY_SITES_H

#include <stdint.h>

#include "lab/topology_builder.h"

/* Chooses the addresses of routers and nodes that the file does not give, before any site is
 * made. */
void tl_sites_choose_seats(struct tl_builder *b);

/* Makes a site, by its index in the model. */
void tl_sites_make(struct tl_builder *b, uint32_t site);

#endif
