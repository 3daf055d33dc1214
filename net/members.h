/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * members.h - the addresses that a name of the network file stands for.
 * Threads: pure functions of their arguments. */
#ifndef NET_MEMBERS_H
#define NET_MEMBERS_H

#include <stdbool.h>

#include "base/attr.h"
#include "conf/arena.h"
#include "net/model.h"
#include "net/prefixes.h"

/* Adds the prefixes of a word in a rule, as they are in the tunnel: a site means its LANs and its
 * node; a node, its addresses in the tunnel and in its LANs; a person, all their devices; a group,
 * its people; a service, its host; "all", every LAN and the whole pool. A LAN, and a machine on it,
 * is there by its mapped prefix as well. Unknown names add nothing. Returns false if there is no
 * memory. */
bool tl_members_add(struct tl_prefixes *list, struct tl_arena *arena, const struct tl_model *model,
                    const char *word) WG_MUST_USE;

/* Whether a word stands for any number of machines: a group, "all", "hubs", "sites", "people". */
bool tl_members_is_many(const struct tl_model *model, const char *word) WG_MUST_USE;

#endif
