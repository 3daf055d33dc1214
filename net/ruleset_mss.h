/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * ruleset_mss.h - the chain of a node's table that clamps the MSS of TCP connections to the MTU of
 * their path through the tunnel, which the routes of the plan tell.
 * Source: nft(8), version 1.0.6. Threads: pure functions of their arguments. */
#ifndef NET_RULESET_MSS_H
#define NET_RULESET_MSS_H

#include <stdbool.h>
#include <stdio.h>

#include "base/attr.h"
#include "net/model.h"
#include "net/nodeplan.h"

/* Writes what belongs into the braces of a table: a set for each MTU that differs from that of most
 * paths, and a few rules for each. Returns false if there is no memory. */
bool tl_ruleset_mss_write(FILE *out, const struct tl_nodeplan *plan,
                          const struct tl_model *model) WG_MUST_USE;

#endif
