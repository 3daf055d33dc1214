/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * ruleset_nat.h - the chains of a site's table that translate addresses between the tunnel and the
 * LANs.
 *
 *      prerouting    out of the tunnel   to a mapped prefix: to the LAN's own one
 *                    from elsewhere      to an address of the LAN that stands for others: to these
 *      postrouting   into the tunnel     from a LAN whose prefix is not unique, or is hidden from
 *                                        the destination: from its mapped prefix
 *                    out of the tunnel   into a LAN that travels by SNAT: from the node
 *
 * No packet matches two rules of one chain, except that the destination may decide which of a LAN's
 * prefixes it sees. Host bits stay the same, and connection tracking translates replies and ICMP
 * errors. The policy is asked before, and sees the addresses in the tunnel.
 *
 * Source: nft(8), version 1.0.6. Threads: pure functions of their arguments. */
#ifndef NET_RULESET_NAT_H
#define NET_RULESET_NAT_H

#include <stdio.h>

#include "net/model.h"

/* Writes what belongs into the braces of the table of a site's node; `ifname` is the tunnel. */
void tl_ruleset_nat_write(FILE *out, const char *ifname, const struct tl_model *model,
                          uint32_t site);

#endif
