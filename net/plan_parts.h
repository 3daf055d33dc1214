/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * plan_parts.h - adds the parts of a node's plan, one by one. All return false if there is no
 * memory.
 * Threads: one owner at a time. */
#ifndef NET_PLAN_PARTS_H
#define NET_PLAN_PARTS_H

#include <stdbool.h>

#include "base/attr.h"
#include "net/nodeplan.h"

bool tl_plan_add_address(struct tl_nodeplan *plan, const struct wg_ip *ip) WG_MUST_USE;
bool tl_plan_add_route(struct tl_nodeplan *plan, const struct tl_planned_route *route) WG_MUST_USE;
bool tl_plan_add_rule(struct tl_nodeplan *plan, const struct tl_planned_rule *rule) WG_MUST_USE;
bool tl_plan_add_proxy(struct tl_nodeplan *plan, const struct tl_planned_proxy *proxy) WG_MUST_USE;

/* Borrows its arguments (path NULL: there was no memory for it). Adds nothing if the plan has a
 * setting with that path. */
bool tl_plan_add_setting(struct tl_nodeplan *plan, const char *path, const char *value,
                         const char *only_if) WG_MUST_USE;

#endif
