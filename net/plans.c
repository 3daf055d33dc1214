/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/plans.h"

#include <stdlib.h>

#include "conf/findings.h"
#include "net/nest.h"

enum { TABLES = TL_PLANNED_RETURN + 1 };

/* The routes of one table. */
struct table {
        struct tl_nest_item *items; /* id: index of the route, counted from the last one */
        uint32_t count;
};

struct tl_plans_item {
        struct tl_nodeplan plan;
        struct tl_nest_item *routes; /* of all tables */
        struct table tables[TABLES];
        struct tl_nest_item *peers; /* allowed IPs, id: their index in the plan */
        uint32_t *owners;           /* per allowed IP: index of the peer's node in the model */
        uint32_t peer_count;
};

bool tl_plans_init(struct tl_plans *plans, const struct tl_model *model,
                   const struct tl_policy *policy)
{
        *plans = (struct tl_plans){.model = model, .policy = policy};
        plans->items = calloc((size_t)model->node_count + 1, sizeof(*plans->items));
        return plans->items != NULL;
}

static void item_free(struct tl_plans_item *item)
{
        if (!item)
                return;
        tl_nodeplan_done(&item->plan);
        free(item->routes);
        free(item->peers);
        free(item->owners);
        free(item);
}

void tl_plans_done(struct tl_plans *plans)
{
        for (uint32_t i = 0; plans->items && i < plans->model->node_count; i++)
                item_free(plans->items[i]);
        free(plans->items);
        *plans = (struct tl_plans){0};
}

/* Of equal prefixes, tl_nest_find() returns the last one, so the best metric must come last. */
static bool sort_routes(struct tl_plans_item *item)
{
        uint32_t count = item->plan.route_count, used = 0;

        item->routes = calloc((size_t)count + 1, sizeof(*item->routes));
        if (!item->routes)
                return false;
        for (int i = 0; i < TABLES; i++) {
                struct table *table = &item->tables[i];

                table->items = item->routes + used;
                for (uint32_t id = 0; id < count; id++) {
                        const struct tl_planned_route *route = &item->plan.routes[count - 1 - id];

                        if (route->table == (enum tl_planned_table)i)
                                table->items[table->count++] = (struct tl_nest_item){
                                        .prefix = route->prefix, .id = id};
                }
                tl_nest_sort(table->items, table->count);
                used += table->count;
        }
        return true;
}

/* As in tielined, the last peer gets a prefix that several of them have. */
static bool sort_peers(struct tl_plans_item *item, const struct tl_model *model)
{
        const struct tl_change *device = &item->plan.device;

        item->peers = calloc((size_t)device->allowed_ip_count + 1, sizeof(*item->peers));
        item->owners = calloc((size_t)device->allowed_ip_count + 1, sizeof(*item->owners));
        if (!item->peers || !item->owners)
                return false;
        for (uint32_t i = 0; i < device->peer_count; i++) {
                const struct tl_change_peer *peer = tl_change_peer_at(device, i);
                uint32_t node = tl_model_find_key(model, peer->public_key);

                for (uint32_t j = 0; j < peer->allowed_ip_count; j++) {
                        uint32_t index = peer->allowed_ip_first + j;

                        item->owners[index] = node;
                        item->peers[item->peer_count++] = (struct tl_nest_item){
                                .prefix = tl_change_allowed_ip_at(device, index)->prefix,
                                .id = index,
                        };
                }
        }
        tl_nest_sort(item->peers, item->peer_count);
        return true;
}

static struct tl_plans_item *item_new(const struct tl_plans *plans, uint32_t node)
{
        struct tl_plans_item *item = calloc(1, sizeof(*item));
        struct tl_findings findings = {0};
        bool is_ok = item &&
                     tl_nodeplan_make(&item->plan, plans->model, plans->policy, node, NULL,
                                      &findings) &&
                     sort_routes(item) && sort_peers(item, plans->model);

        tl_findings_done(&findings);
        if (is_ok)
                return item;
        item_free(item);
        return NULL;
}

static const struct tl_plans_item *get(struct tl_plans *plans, uint32_t node)
{
        if (!plans->items[node])
                plans->items[node] = item_new(plans, node);
        return plans->items[node];
}

const struct tl_nodeplan *tl_plans_get(struct tl_plans *plans, uint32_t node)
{
        const struct tl_plans_item *item = get(plans, node);

        return item ? &item->plan : NULL;
}

static const struct tl_planned_route *look_up(const struct tl_plans_item *item,
                                              enum tl_planned_table index, const struct wg_ip *to)
{
        const struct table *table = &item->tables[index];
        uint32_t found = tl_nest_find(table->items, table->count, to);

        if (found == TL_NEST_NONE)
                return NULL;
        return &item->plan.routes[item->plan.route_count - 1 - table->items[found].id];
}

static bool covers(const struct wg_prefix *prefix, const struct wg_ip *ip)
{
        return prefix->ip.family == WG_FAMILY_NONE || wg_prefix_contains(prefix, ip);
}

static bool applies(const struct tl_planned_rule *rule, const struct tl_plans_query *query)
{
        return rule->family == query->to.family && (!rule->is_from_link || query->is_from_link) &&
               covers(&rule->from, &query->from) && covers(&rule->to, &query->to);
}

const struct tl_planned_route *tl_plans_route(struct tl_plans *plans, uint32_t node,
                                              const struct tl_plans_query *query)
{
        const struct tl_plans_item *item = get(plans, node);

        for (uint32_t i = 0; item && i < item->plan.rule_count; i++) {
                const struct tl_planned_rule *rule = &item->plan.rules[i];
                const struct tl_planned_route *route = NULL;

                if (applies(rule, query))
                        route = look_up(item, rule->table, &query->to);
                if (route)
                        return route;
        }
        return item ? look_up(item, TL_PLANNED_MAIN, &query->to) : NULL;
}

uint32_t tl_plans_peer(struct tl_plans *plans, uint32_t node, const struct wg_ip *ip,
                       struct wg_prefix *prefix)
{
        const struct tl_plans_item *item = get(plans, node);
        uint32_t found;

        if (!item)
                return TL_MODEL_NONE;
        found = tl_nest_find(item->peers, item->peer_count, ip);
        if (found == TL_NEST_NONE)
                return TL_MODEL_NONE;
        if (prefix)
                *prefix = item->peers[found].prefix;
        return item->owners[item->peers[found].id];
}
