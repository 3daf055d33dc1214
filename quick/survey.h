/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * survey.h - finds the facts about this machine that a plan needs.
 * Threads: the process has only one. */
#ifndef QUICK_SURVEY_H
#define QUICK_SURVEY_H

#include <stdbool.h>

#include "base/attr.h"
#include "quick/plan.h"

/* Finds which programs are installed. Runs none. */
void tl_survey_programs(struct tl_plan_facts *facts, const char *ifname);

/* Whether resolvconf(8) has a record of that name. */
bool tl_survey_has_record(const char *name) WG_MUST_USE;

/* Finds a free number for default routes, from `first` on, and the place for rules. Both are out of
 * date as soon as other programs change rules. Returns 0 or -errno. */
int tl_survey_defaults(struct tl_plan_facts *facts, uint32_t first) WG_MUST_USE;

/* Whether our rules of that number are still in the right place, although other programs may have
 * added rules since. Also true if the rules cannot be read. */
bool tl_survey_is_place_right(const struct tl_plan_facts *facts, uint32_t number) WG_MUST_USE;

/* Whether a userspace WireGuard interface in this network namespace, other than `but`, has this
 * mark. Kernel interfaces are not asked. */
bool tl_survey_is_mark_used(uint32_t mark, const char *but) WG_MUST_USE;

#endif
