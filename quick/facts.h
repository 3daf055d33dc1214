/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * facts.h - what a plan has to know of the system, and how to ask it.
 * Threads: the only one of the process. */
#ifndef QUICK_FACTS_H
#define QUICK_FACTS_H

#include "base/attr.h"
#include "conf/device.h"
#include "quick/plan.h"

/* Which programs there are. Asks nothing that takes time. */
void tl_facts_find_programs(struct tl_plan_facts *facts, const char *ifname);

/* The ways to the peers, whose endpoints are addresses by now, and a table that is free, where the plan
 * needs these. */
void tl_facts_find_routes(struct tl_plan_facts *facts, const struct tl_quick *quick,
                          const struct tl_conf_device *device);

#endif
