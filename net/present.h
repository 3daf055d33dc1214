/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * present.h - the networks that a machine turns out to be in, as facts of the model: another
 * office's LAN, somebody's home, docker0. What is sent to addresses there does not enter the
 * tunnel.
 * Threads: as net/model.h. */
#ifndef NET_PRESENT_H
#define NET_PRESENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "net/local.h"
#include "net/model.h"

/* Adds the networks of this machine, which is a node of the model (an index), in place of those
 * that an earlier call added. The LANs of the node's own site are left out, and so are single
 * addresses, loopback, link-local networks and the tunnel itself. Returns false if there is no
 * memory. */
bool tl_present_add(struct tl_model *model, uint32_t node,
                    const struct tl_local *local) WG_MUST_USE;

#endif
