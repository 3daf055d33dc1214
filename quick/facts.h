/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * facts.h - what a plan has to know of the system, and how to ask it.
 * Threads: the only one of the process. */
#ifndef QUICK_FACTS_H
#define QUICK_FACTS_H

#include <stdbool.h>

#include "base/attr.h"
#include "conf/change.h"
#include "quick/plan.h"

/* Which programs there are. Asks nothing that takes time. */
void tl_facts_find_programs(struct tl_plan_facts *facts, const char *ifname);

/* Whether resolvconf(8) holds a record of that name. */
bool tl_facts_has_record(const char *name) WG_MUST_USE;

/* Whether IPv6 is off on the interface, or would be if it were made now. */
bool tl_facts_lacks_ipv6(const char *ifname) WG_MUST_USE;

/* Finds the routes to the peers, whose endpoint names were looked up, if the plan needs them. */
void tl_facts_find_routes(struct tl_plan_facts *facts, const struct tl_wgquick *quick,
                          const struct tl_change *device);

/* Finds a free number for default routes, from `first` on, and the place for rules. Both may be out
 * of date if others change rules meanwhile. Returns 0 or -errno. */
int tl_facts_find_defaults(struct tl_plan_facts *facts, uint32_t first) WG_MUST_USE;

/* Whether our rules of that number are still in their place: nobody has added rules since that
 * change where ours belong. Also true if the rules cannot be read. */
bool tl_facts_is_place_right(const struct tl_plan_facts *facts, uint32_t number) WG_MUST_USE;

/* Whether a routing table has no route, of either family. */
bool tl_facts_is_table_free(uint32_t table) WG_MUST_USE;

/* Whether a userspace WireGuard interface of this network namespace, other than the one named, has
 * this mark. Kernel interfaces are not asked. */
bool tl_facts_is_mark_used(uint32_t mark, const char *but) WG_MUST_USE;

#endif
