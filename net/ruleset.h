/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * ruleset.h - the nftables table of a node: the policy, NAT, and the clamping of MSS.
 *
 * The policy is checked where packets leave the tunnel, before anything translates their addresses,
 * so one check covers the node's own ports, what it forwards, and what other programs redirect. A
 * packet of a new connection costs a lookup of its source, which leads to the chain of its class,
 * and lookups of its destination there; other packets only cost that of their connection. Without
 * a policy, one lookup keeps packets from leaving the network: a client that asks for more than its
 * file says must not reach other networks of a hub.
 *
 * Source: nft(8), version 1.0.6. Threads: pure functions of their arguments. */
#ifndef NET_RULESET_H
#define NET_RULESET_H

#include "base/attr.h"
#include "net/model.h"
#include "net/nodeplan.h"
#include "net/policy.h"

/* Writes the table of a node whose plan has everything but this. Returns the text, the caller's to
 * free; NULL: no memory. */
char *tl_ruleset_write(const struct tl_nodeplan *plan, const struct tl_model *model,
                       const struct tl_policy *policy) WG_MUST_USE;

#endif
