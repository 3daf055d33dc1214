/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "node/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/netset.h"
#include "node/tags.h"

static int compare_numbers(uint32_t a, uint32_t b)
{
        return (a > b) - (a < b);
}

static int compare_prefixes(const struct wg_prefix *a, const struct wg_prefix *b)
{
        int order = wg_ip_compare(&a->ip, &b->ip);

        return order ? order : compare_numbers(a->cidr, b->cidr);
}

int tl_state_compare_addresses(const void *left, const void *right)
{
        const struct tl_planned_address *a = left, *b = right;
        int order = wg_ip_compare(&a->ip, &b->ip);

        return order ? order : compare_numbers(a->cidr, b->cidr);
}

int tl_state_compare_routes(const void *left, const void *right)
{
        const struct tl_planned_route *a = left, *b = right;
        int order = compare_numbers(b->table, a->table);

        if (!order)
                order = compare_numbers(b->kind == TL_PLANNED_UNREACHABLE,
                                        a->kind == TL_PLANNED_UNREACHABLE);
        if (!order)
                order = compare_prefixes(&a->prefix, &b->prefix);
        return order ? order : compare_numbers(a->metric, b->metric);
}

int tl_state_compare_rules(const void *left, const void *right)
{
        const struct tl_rule *a = left, *b = right;
        int order = compare_numbers(a->priority, b->priority);

        if (!order)
                order = compare_numbers(a->family, b->family);
        if (!order)
                order = compare_numbers(a->table, b->table);
        if (!order)
                order = strcmp(a->iif, b->iif);
        if (!order)
                order = compare_prefixes(&a->from, &b->from);
        return order ? order : compare_prefixes(&a->to, &b->to);
}

int tl_state_compare_proxies(const void *left, const void *right)
{
        const struct tl_planned_proxy *a = left, *b = right;
        int order = wg_ip_compare(&a->ip, &b->ip);

        return order ? order : strcmp(a->link, b->link);
}

static const char *link_of(const struct tl_planned_route *route)
{
        return route->link ? route->link : "";
}

bool tl_state_is_same_way(const struct tl_planned_route *a, const struct tl_planned_route *b)
{
        return a->kind == b->kind && a->mtu == b->mtu && wg_ip_equal(&a->via, &b->via) &&
               strcmp(link_of(a), link_of(b)) == 0;
}

static void sort(void *items, uint32_t count, size_t size,
                 int (*compare)(const void *, const void *))
{
        if (count)
                qsort(items, count, size, compare);
}

void tl_state_sort(struct tl_state *state)
{
        sort(state->addresses, state->address_count, sizeof(*state->addresses),
             tl_state_compare_addresses);
        sort(state->routes, state->route_count, sizeof(*state->routes), tl_state_compare_routes);
        sort(state->rules, state->rule_count, sizeof(*state->rules), tl_state_compare_rules);
        sort(state->proxies, state->proxy_count, sizeof(*state->proxies), tl_state_compare_proxies);
        sort(state->others, state->other_count, sizeof(*state->others), tl_state_compare_proxies);
}

void tl_state_number_tables(struct tl_state *state, const char *network)
{
        for (size_t i = 0; i < WG_ARRAY_SIZE(state->tables); i++)
                state->tables[i] = tl_nodeplan_table(network, (enum tl_planned_table)i);
}

/* A copy in the arena. */
static void *copy(struct tl_arena *arena, const void *items, uint32_t count, size_t size)
{
        void *made = tl_arena_take(arena, count, size);

        if (made && count)
                memcpy(made, items, count * size);
        return made;
}

static void finish_route(struct tl_planned_route *route, const char *network)
{
        if (route->kind == TL_PLANNED_UNREACHABLE)
                route->metric = tl_tags_metric(network);
        else if (route->prefix.ip.family == WG_FAMILY_IPV6 && !route->metric)
                route->metric = TL_NETSET_IPV6_METRIC;
}

static struct tl_rule make_rule(const struct tl_state *state, const struct tl_planned_rule *planned,
                                const char *network)
{
        struct tl_rule rule = {
                .priority = TL_NODEPLAN_PRIORITY + (uint32_t)(planned->table - TL_PLANNED_HIDDEN),
                .action = TL_RULE_LOOKUP,
                .table = state->tables[planned->table],
                .protocol = TL_NODEPLAN_PROTOCOL,
                .from = planned->from,
                .to = planned->to,
                .family = planned->family,
        };

        if (planned->is_from_link)
                snprintf(rule.iif, sizeof(rule.iif), "%s", network);
        return rule;
}

/* Copies the lists of a plan, and says how the kernel has their items. */
static bool copy_lists(struct tl_state *state, const struct tl_nodeplan *plan)
{
        struct tl_arena *arena = &state->arena;

        state->addresses = copy(arena, plan->addresses, plan->address_count,
                                sizeof(*plan->addresses));
        state->routes = copy(arena, plan->routes, plan->route_count, sizeof(*plan->routes));
        state->rules = tl_arena_take(arena, plan->rule_count, sizeof(*state->rules));
        state->proxies = copy(arena, plan->proxies, plan->proxy_count, sizeof(*plan->proxies));
        if (!state->addresses || !state->routes || !state->rules || !state->proxies)
                return false;
        for (uint32_t i = 0; i < state->route_count; i++)
                finish_route(&state->routes[i], plan->ifname);
        for (uint32_t i = 0; i < state->rule_count; i++)
                state->rules[i] = make_rule(state, &plan->rules[i], plan->ifname);
        for (uint32_t i = 0; i < state->proxy_count; i++)
                if (!state->proxies[i].link)
                        state->proxies[i].link = "";
        return true;
}

bool tl_state_of_plan(struct tl_state *state, const struct tl_nodeplan *plan)
{
        *state = (struct tl_state){
                .has_link = true,
                .is_up = true,
                .has_key = true,
                .mtu = plan->mtu,
                .address_count = plan->address_count,
                .device = &plan->device,
                .route_count = plan->route_count,
                .rule_count = plan->rule_count,
                .proxy_count = plan->proxy_count,
                .settings = plan->settings,
                .setting_count = plan->setting_count,
                .table_name = plan->nft ? plan->table : NULL,
                .table = plan->nft,
        };
        tl_state_number_tables(state, plan->ifname);
        if (!copy_lists(state, plan))
                return false;
        tl_state_sort(state);
        return true;
}

void tl_state_done(struct tl_state *state)
{
        if (state->device == &state->own_device)
                tl_change_done(&state->own_device);
        tl_arena_done(&state->arena);
        *state = (struct tl_state){0};
}
