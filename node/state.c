/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "node/state.h"

#include <stdlib.h>
#include <string.h>

#include "io/netset.h"
#include "node/tags.h"

static int compare_numbers(uint32_t a, uint32_t b)
{
        return (a > b) - (a < b);
}

int tl_state_compare_addresses(const struct tl_planned_address *a,
                               const struct tl_planned_address *b)
{
        int order = wg_ip_compare(&a->ip, &b->ip);

        return order ? order : compare_numbers(a->cidr, b->cidr);
}

int tl_state_compare_routes(const struct tl_planned_route *a, const struct tl_planned_route *b)
{
        int order = compare_numbers(b->kind, a->kind);

        if (!order)
                order = wg_ip_compare(&a->prefix.ip, &b->prefix.ip);
        if (!order)
                order = compare_numbers(a->prefix.cidr, b->prefix.cidr);
        return order ? order : compare_numbers(a->metric, b->metric);
}

static int order_addresses(const void *a, const void *b)
{
        return tl_state_compare_addresses(a, b);
}

static int order_routes(const void *a, const void *b)
{
        return tl_state_compare_routes(a, b);
}

void tl_state_sort(struct tl_state *state)
{
        if (state->address_count)
                qsort(state->addresses, state->address_count, sizeof(*state->addresses),
                      order_addresses);
        if (state->route_count)
                qsort(state->routes, state->route_count, sizeof(*state->routes), order_routes);
}

/* A copy in the arena. */
static void *copy(struct tl_arena *arena, const void *items, uint32_t count, size_t size)
{
        void *made = tl_arena_take(arena, count, size);

        if (made && count)
                memcpy(made, items, count * size);
        return made;
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
                .settings = plan->settings,
                .setting_count = plan->setting_count,
                .table_name = plan->nft ? plan->table : NULL,
                .table = plan->nft,
        };
        state->addresses = copy(&state->arena, plan->addresses, plan->address_count,
                                sizeof(*plan->addresses));
        state->routes = copy(&state->arena, plan->routes, plan->route_count, sizeof(*plan->routes));
        if (!state->addresses || !state->routes)
                return false;
        for (uint32_t i = 0; i < state->route_count; i++) {
                struct tl_planned_route *route = &state->routes[i];

                if (route->kind == TL_PLANNED_UNREACHABLE)
                        route->metric = tl_tags_metric(plan->ifname);
                else if (route->prefix.ip.family == WG_FAMILY_IPV6 && !route->metric)
                        route->metric = TL_NETSET_IPV6_METRIC;
        }
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
