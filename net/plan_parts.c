/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/plan_parts.h"

#include <string.h>

bool tl_plan_add_address(struct tl_nodeplan *plan, const struct wg_ip *ip)
{
        struct tl_planned_address *larger = tl_arena_grow(&plan->arena, plan->addresses,
                                                          plan->address_count,
                                                          &plan->address_capacity, sizeof(*larger));

        if (!larger)
                return false;
        plan->addresses = larger;
        larger[plan->address_count++] = (struct tl_planned_address){
                .ip = *ip, .cidr = (uint8_t)wg_ip_bits(ip)};
        return true;
}

bool tl_plan_add_route(struct tl_nodeplan *plan, const struct tl_planned_route *route)
{
        struct tl_planned_route *larger = tl_arena_grow(&plan->arena, plan->routes,
                                                        plan->route_count, &plan->route_capacity,
                                                        sizeof(*larger));

        if (!larger)
                return false;
        plan->routes = larger;
        larger[plan->route_count++] = *route;
        return true;
}

bool tl_plan_add_rule(struct tl_nodeplan *plan, const struct tl_planned_rule *rule)
{
        struct tl_planned_rule *larger = tl_arena_grow(&plan->arena, plan->rules, plan->rule_count,
                                                       &plan->rule_capacity, sizeof(*larger));

        if (!larger)
                return false;
        plan->rules = larger;
        larger[plan->rule_count++] = *rule;
        return true;
}

bool tl_plan_add_proxy(struct tl_nodeplan *plan, const struct tl_planned_proxy *proxy)
{
        struct tl_planned_proxy *larger = tl_arena_grow(&plan->arena, plan->proxies,
                                                        plan->proxy_count, &plan->proxy_capacity,
                                                        sizeof(*larger));

        if (!larger)
                return false;
        plan->proxies = larger;
        larger[plan->proxy_count++] = *proxy;
        return true;
}

static bool has_setting(const struct tl_nodeplan *plan, const char *path)
{
        for (uint32_t i = 0; i < plan->setting_count; i++)
                if (strcmp(plan->settings[i].path, path) == 0)
                        return true;
        return false;
}

bool tl_plan_add_setting(struct tl_nodeplan *plan, const char *path, const char *value,
                         const char *only_if)
{
        struct tl_planned_setting *larger;

        if (!path)
                return false;
        if (has_setting(plan, path))
                return true;
        larger = tl_arena_grow(&plan->arena, plan->settings, plan->setting_count,
                               &plan->setting_capacity, sizeof(*larger));
        if (!larger)
                return false;
        plan->settings = larger;
        larger[plan->setting_count++] = (struct tl_planned_setting){
                .path = path, .value = value, .only_if = only_if};
        return true;
}
