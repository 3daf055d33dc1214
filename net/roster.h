/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * roster.h - the nodes of a network file: hubs, then the nodes of sites, then devices, each in the
 * file's order.
 * Threads: pure functions of their arguments. */
#ifndef NET_ROSTER_H
#define NET_ROSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "conf/arena.h"
#include "net/model.h"

/* Lists the nodes, in the arena, without addresses and hubs. The full name of a device is
 * "person/device". Returns false if there is no memory. */
bool tl_roster_list(const struct tl_network *network, struct tl_arena *arena,
                    struct tl_node **nodes, uint32_t *count) WG_MUST_USE;

#endif
