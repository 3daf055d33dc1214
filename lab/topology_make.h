/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * topology_make.h - from a network file to the topology of its lab.
 *
 * In the order of the calls: lab/topology_addresses chooses what the file leaves open,
 * lab/topology_uplink makes the Internet and the providers, lab/topology_sites the LANs, and
 * lab/topology_homes what is at home; lab/topology_builder is what they share.
 * Threads: pure functions of their arguments. */
#ifndef LAB_TOPOLOGY_MAKE_H
#define LAB_TOPOLOGY_MAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "conf/findings.h"
#include "lab/topology.h"
#include "net/course.h"
#include "net/model.h"

/* An end and a port that the expectations of the file ask for. */
struct tl_topology_wish {
        struct tl_walk_end end;
        uint8_t protocol; /* WG_PROTOCOL_*; a ping needs no listener, only a machine */
        uint16_t port;
};

/* Makes the topology of a network. `wishes` are ends at which somebody must answer; those that
 * belong to no entry of the file, but to a LAN, become plain devices. Stock devices are left out
 * unless `has_stock`. Returns false with findings if the network cannot be shown: no free address,
 * too many machines, no memory. The caller releases *topology either way. It borrows from the
 * model. */
bool tl_topology_make(struct tl_topology *topology, const struct tl_model *model,
                      const struct tl_topology_wish *wishes, uint32_t wish_count, bool has_stock,
                      struct tl_findings *findings) WG_MUST_USE;

#endif
