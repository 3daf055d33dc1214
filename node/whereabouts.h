/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * whereabouts.h - which node of a network this machine is while the network runs on it, and where
 * it is. Needs no root, and no key: the addresses of the network's link tell.
 * Threads: the process has only one. */
#ifndef NODE_WHEREABOUTS_H
#define NODE_WHEREABOUTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "net/model.h"

/* Finds the node whose addresses the network's link has, and adds the other networks of this
 * machine to the model (net/present.h). *mtu is what its uplink carries, in bytes; 0: not known.
 * *node is TL_MODEL_NONE if this machine is none of the network, or its addresses cannot be read.
 * Returns false if there is no memory. */
bool tl_whereabouts_add(struct tl_model *model, uint32_t *node, uint32_t *mtu) WG_MUST_USE;

#endif
