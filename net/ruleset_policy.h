/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * ruleset_policy.h - the chains, sets and maps of a node's table that enforce the policy.
 * Source: nft(8), version 1.0.6. Threads: pure functions of their arguments. */
#ifndef NET_RULESET_POLICY_H
#define NET_RULESET_POLICY_H

#include <stdio.h>

#include "net/access.h"
#include "net/prefixes.h"

/* Writes what belongs into the braces of a table. Packets that other links forward into the tunnel
 * must have a source in `own`, since no peer accepts others; an empty list: they are not checked.
 */
void tl_ruleset_policy_write(FILE *out, const char *ifname, const struct tl_access *access,
                             const struct tl_prefixes *own);

/* The same if there is no policy: everything is allowed, but only to destinations `inside`. A
 * peer that sends others would make this machine its router to networks that are none of ours.
 * `own` is not empty. */
void tl_ruleset_policy_write_open(FILE *out, const char *ifname, const struct tl_prefixes *inside,
                                  const struct tl_prefixes *own);

#endif
