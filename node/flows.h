/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * flows.h - live connections of the network that pass this machine, from connection tracking.
 *
 * A connection belongs to the network if both of its ends do, and not both to the LANs of this
 * node's own site. It is judged by the addresses and ports with which it was opened, before NAT; a
 * mapped address stands for the real one. One that was never answered is not established: a policy
 * judges each of its packets anyway. Neither function needs memory for each connection. If the
 * kernel tracks no connections, there are none.
 * Threads: the process has only one. Source: Linux, nfnetlink_conntrack.h. */
#ifndef NODE_FLOWS_H
#define NODE_FLOWS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/ip.h"
#include "net/model.h"
#include "net/policy.h"

enum {
        TL_FLOWS_MAX = 256,       /* connections that are listed; all of them are counted */
        TL_FLOWS_TEXT_SIZE = 320, /* of a line, with its terminator */
};

/* A connection, from the side that opened it. */
struct tl_live_flow {
        struct wg_ip from, to;       /* as they were before NAT */
        uint8_t protocol;            /* WG_PROTOCOL_ICMP also for ICMPv6 */
        uint16_t from_port, to_port; /* 0 without ports */
};

struct tl_live_flows {
        struct tl_live_flow items[TL_FLOWS_MAX];
        uint32_t count; /* in items */
        uint64_t total; /* all that there are, except those that both sides have ended */
};

/* Finds the connections that a policy does not allow: those that applying it will cut. `node` is
 * the index of this machine's node. Returns 0; -EPERM; or another -errno. */
int tl_flows_find(struct tl_live_flows *flows, const struct tl_model *model,
                  const struct tl_policy *policy, uint32_t node) WG_MUST_USE;

/* Ends them: the kernel forgets them, so their next packet is judged as that of a new connection.
 * Call it once the policy is in force. *flows gets those that were cut. Returns the same. */
int tl_flows_cut(struct tl_live_flows *flows, const struct tl_model *model,
                 const struct tl_policy *policy, uint32_t node) WG_MUST_USE;

/* Writes a connection for people: "e/laptop 10.70.0.4:51234 -> d 192.168.200.244:443/tcp". Names
 * are those of nodes and hosts of the model. Always terminates. */
void tl_flows_format(char out[TL_FLOWS_TEXT_SIZE], const struct tl_live_flow *flow,
                     const struct tl_model *model);

#endif
