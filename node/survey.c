/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "node/survey.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/facts.h"
#include "host/run.h"
#include "host/setting.h"
#include "io/netset.h"
#include "io/rule.h"
#include "net/nest.h"
#include "net/nodeplan.h"
#include "node/lookup.h"
#include "node/obstacles.h"

enum {
        PROTOCOL_KERNEL = 2, /* RTPROT_KERNEL and RTPROT_RA of <linux/rtnetlink.h> */
        PROTOCOL_RA = 9,
        TABLE_LOCAL = 255,
        FAMILIES = 2,
        UNKNOWNS_MAX = 8, /* more than the calls that add one */
};

/* The rules of one family, and what each does. */
struct rules {
        uint8_t family;
        struct tl_rule *items;
        enum tl_lookup *effects;
        size_t count;
};

struct survey {
        struct tl_local *local;
        const struct tl_model *model;
        const char *ifname;
        uint32_t ifindex;          /* 0: the link does not exist */
        struct tl_nest_item *ours; /* all prefixes of the network */
        uint32_t our_count;
        struct rules rules[FAMILIES];
};

/* ---- results ---- */

static bool add_unknown(struct survey *s, const char *fact, const char *reason)
{
        struct tl_local *local = s->local;
        struct tl_local_unknown *unknown;

        if (!local->unknowns)
                local->unknowns = tl_arena_take(&local->arena, UNKNOWNS_MAX, sizeof(*unknown));
        if (!local->unknowns)
                return false;
        WG_ASSERT(local->unknown_count < UNKNOWNS_MAX);
        unknown = &local->unknowns[local->unknown_count++];
        snprintf(unknown->fact, sizeof(unknown->fact), "%s", fact);
        snprintf(unknown->reason, sizeof(unknown->reason), "%s", reason);
        return true;
}

/* ---- the network's own prefixes, as they are on this machine ---- */

static void add_ours(struct survey *s, const struct wg_prefix *prefix)
{
        if (prefix->ip.family != WG_FAMILY_NONE)
                s->ours[s->our_count++] = (struct tl_nest_item){.prefix = *prefix};
}

static bool list_ours(struct survey *s, uint32_t node)
{
        const struct tl_model *model = s->model;

        s->ours = tl_arena_take(&s->local->arena, 2 * (size_t)model->lan_count + 3,
                                sizeof(*s->ours));
        if (!s->ours)
                return false;
        add_ours(s, &model->pool4);
        add_ours(s, &model->pool6);
        if (tl_model_has_mapped(model))
                add_ours(s, &model->network->mapped.prefix);
        for (uint32_t i = 0; i < model->lan_count; i++) {
                const struct tl_lan *lan = &model->lans[i];

                add_ours(s, lan->site == model->nodes[node].site ? &lan->prefix : &lan->wire);
                add_ours(s, &lan->mapped);
        }
        tl_nest_sort(s->ours, s->our_count);
        return true;
}

static bool is_ours(const struct survey *s, const struct wg_prefix *prefix)
{
        return tl_nest_overlap(s->ours, s->our_count, prefix) != TL_NEST_NONE;
}

/* ---- links and their networks ---- */

static bool gather_nets(struct survey *s)
{
        struct tl_netset_address *addresses = NULL;
        size_t count = 0;
        int error = tl_netset_list_addresses(0, &addresses, &count);
        struct tl_local_net *nets = tl_arena_take(&s->local->arena, count, sizeof(*nets));

        s->local->nets = nets;
        for (size_t i = 0; nets && i < count; i++) {
                struct tl_local_net *net = &nets[s->local->net_count];

                if (addresses[i].ifindex == s->ifindex ||
                    !if_indextoname(addresses[i].ifindex, net->link))
                        continue;
                net->ip = addresses[i].ip;
                net->cidr = addresses[i].cidr;
                s->local->net_count++;
        }
        free(addresses);
        return nets && (!error || add_unknown(s, "networks of this machine", strerror(-error)));
}

/* ---- rules ---- */

static bool read_rules(struct survey *s, struct rules *rules, uint8_t family)
{
        int error = tl_rule_read(family, &rules->items, &rules->count);

        rules->family = family;
        if (error)
                return add_unknown(s, "rules of policy routing", strerror(-error));
        rules->effects = tl_arena_take(&s->local->arena, rules->count, sizeof(*rules->effects));
        if (!rules->effects)
                return false;
        tl_lookup_judge(rules->items, rules->count, rules->effects);
        return true;
}

/* Copies the first line of what ip(8) says about a rule. */
static void describe_rule(struct tl_local_rule *rule)
{
        char command[64];

        snprintf(command, sizeof(command), "ip -%u rule show priority %u", rule->family,
                 rule->priority);
        (void)!tl_run_ask(command, rule->text, sizeof(rule->text));
        rule->text[strcspn(rule->text, "\n")] = '\0';
        for (char *c = rule->text; *c; c++)
                if (*c == '\t')
                        *c = ' ';
        for (size_t len = strlen(rule->text); len && rule->text[len - 1] == ' ';)
                rule->text[--len] = '\0';
}

/* Whether a rule leads to a route that catches packets to the network. */
static bool has_route(const struct survey *s, const struct tl_netset_route *routes, size_t count,
                      const struct tl_rule *rule, uint8_t family)
{
        for (size_t i = 0; i < count; i++)
                if (routes[i].table == rule->table && routes[i].prefix.ip.family == family &&
                    (routes[i].prefix.cidr || !rule->ignores_defaults) &&
                    is_ours(s, &routes[i].prefix))
                        return true;
        return false;
}

/* Whether a rule is about addresses that are not the network's, such as this machine's own. */
static bool is_about_others(const struct survey *s, const struct tl_rule *rule)
{
        bool has_from = rule->from.ip.family != WG_FAMILY_NONE;
        bool has_to = rule->to.ip.family != WG_FAMILY_NONE;

        return !rule->is_inverted &&
               ((has_from && !is_ours(s, &rule->from)) || (has_to && !is_ours(s, &rule->to)));
}

/* The rules of a network lead to its own tables, and select only packets of its own: those out of
 * its tunnel, and those to prefixes that it alone has. */
static bool is_of_networks(const struct tl_rule *rule)
{
        return rule->protocol == TL_NODEPLAN_PROTOCOL;
}

/* Adds the rules of others that lead away from the main table, unless they lead nowhere. */
static void add_rules(struct survey *s, const struct rules *rules,
                      const struct tl_netset_route *routes, size_t count)
{
        for (size_t i = 0; i < rules->count; i++) {
                const struct tl_rule *item = &rules->items[i];
                struct tl_local_rule *rule;

                if (rules->effects[i] == TL_LOOKUP_NOTHING || rules->effects[i] == TL_LOOKUP_MAIN ||
                    is_of_networks(item) || is_about_others(s, item))
                        continue;
                if (item->action == TL_RULE_LOOKUP &&
                    !has_route(s, routes, count, item, rules->family))
                        continue;
                rule = &s->local->rules[s->local->rule_count++];
                rule->family = rules->family;
                rule->priority = item->priority;
                describe_rule(rule);
        }
}

/* ---- routes ---- */

/* Whether a rule looks a table up before the main one for all our packets; if so, whether it uses
 * the table's default route, in *has_default. */
static bool comes_first(const struct survey *s, const struct tl_netset_route *route,
                        bool *has_default)
{
        const struct rules *rules = &s->rules[route->prefix.ip.family == WG_FAMILY_IPV6];
        bool is_first = false;

        *has_default = false;
        for (size_t i = 0; i < rules->count; i++)
                if (rules->effects[i] == TL_LOOKUP_BEFORE &&
                    rules->items[i].table == route->table) {
                        is_first = true;
                        *has_default |= !rules->items[i].ignores_defaults;
                }
        return is_first;
}

/* Whether the route is this network's, or that of a LAN, which is a network of the machine. An
 * unreachable route does not say whose it is, but another network of ours has one into its link
 * too. */
static bool is_known(const struct survey *s, const struct tl_netset_route *route)
{
        return route->protocol == PROTOCOL_KERNEL || (s->ifindex && route->ifindex == s->ifindex) ||
               (route->protocol == TL_NODEPLAN_PROTOCOL && route->is_unreachable);
}

static bool is_relevant(const struct survey *s, const struct tl_netset_route *route, bool *is_first)
{
        bool has_default;

        *is_first = false;
        if (route->table == TABLE_LOCAL || is_known(s, route))
                return false;
        if (route->table != TL_NETSET_MAIN) {
                *is_first = comes_first(s, route, &has_default);
                return *is_first && is_ours(s, &route->prefix) &&
                       (route->prefix.cidr || has_default);
        }
        /* Default routes tell the uplink. Routes learnt from advertisements depend on settings. */
        return route->prefix.cidr == 0 || route->protocol == PROTOCOL_RA ||
               is_ours(s, &route->prefix);
}

/* There may be a million routes, of which a few are relevant. */
static bool add_routes(struct survey *s, const struct tl_netset_route *routes, size_t count)
{
        struct tl_local_route *route;
        size_t relevant = 0;
        bool is_first;

        for (size_t i = 0; i < count; i++)
                relevant += is_relevant(s, &routes[i], &is_first);
        s->local->routes = tl_arena_take(&s->local->arena, relevant, sizeof(*route));
        for (size_t i = 0; s->local->routes && i < count; i++) {
                const struct tl_netset_route *item = &routes[i];

                if (!is_relevant(s, item, &is_first))
                        continue;
                route = &s->local->routes[s->local->route_count++];
                *route = (struct tl_local_route){
                        .prefix = item->prefix,
                        .via = item->via,
                        .table = item->table,
                        .metric = item->metric,
                        .protocol = item->protocol,
                        .comes_first = is_first,
                };
                if (item->ifindex && !if_indextoname(item->ifindex, route->link))
                        route->link[0] = '\0';
        }
        return s->local->routes;
}

static bool gather_routes(struct survey *s)
{
        struct tl_netset_route *routes = NULL;
        size_t count = 0;
        int error = tl_netset_list_routes(0, &routes, &count);
        bool is_good = (!error || add_unknown(s, "routes", strerror(-error))) &&
                       read_rules(s, &s->rules[0], WG_FAMILY_IPV4) &&
                       read_rules(s, &s->rules[1], WG_FAMILY_IPV6) && add_routes(s, routes, count);

        s->local->rules = tl_arena_take(&s->local->arena, s->rules[0].count + s->rules[1].count,
                                        sizeof(*s->local->rules));
        is_good = is_good && s->local->rules;
        for (size_t i = 0; is_good && i < FAMILIES; i++)
                add_rules(s, &s->rules[i], routes, count);
        for (size_t i = 0; i < FAMILIES; i++)
                free(s->rules[i].items);
        free(routes);
        return is_good;
}

/* ---- settings and the uplink ---- */

static bool gather_forwarding(struct survey *s)
{
        char value[TL_SETTING_SIZE];
        int error = tl_setting_read("net/ipv4/ip_forward", value);

        s->local->lacks_ipv6 = tl_facts_lacks_ipv6(s->ifname);
        if (error)
                return add_unknown(s, "forwarding", strerror(-error));
        s->local->is_forwarding4 = strcmp(value, "0") != 0;
        s->local->is_forwarding6 = tl_setting_read("net/ipv6/conf/all/forwarding", value) == 0 &&
                                   strcmp(value, "0") != 0;
        return true;
}

/* The paths to the peers whose endpoints are addresses; otherwise those of the default routes. */
static bool gather_uplink(uint32_t *mtu, const struct tl_model *model, uint32_t node)
{
        struct tl_change device;
        bool is_good = true;

        tl_change_init(&device);
        for (uint32_t i = 0; is_good && i < model->node_count; i++) {
                const struct tl_network_endpoint *endpoint = &model->nodes[i].in_file->endpoint;
                struct tl_change_peer *peer;

                if (i == node || endpoint->ip.family == WG_FAMILY_NONE ||
                    !tl_model_is_peer(model, node, i))
                        continue;
                peer = tl_change_add_peer(&device, model->nodes[i].in_file->key);
                is_good = peer;
                if (!peer)
                        break;
                peer->has_endpoint = true;
                peer->endpoint.ip = endpoint->ip;
                peer->endpoint.port = endpoint->port;
        }
        if (is_good)
                *mtu = tl_facts_path_mtu(&device);
        tl_change_done(&device);
        return is_good;
}

static struct survey begin(struct tl_local *local, const struct tl_model *model)
{
        const char *ifname = model->network->name.text;

        *local = (struct tl_local){0};
        return (struct survey){.local = local,
                               .model = model,
                               .ifname = ifname,
                               .ifindex = if_nametoindex(ifname)};
}

static bool gather_place(struct survey *s, uint32_t node)
{
        return list_ours(s, node) && gather_nets(s) && gather_routes(s) &&
               gather_uplink(&s->local->uplink_mtu, s->model, node);
}

bool tl_survey_place(struct tl_local *local, const struct tl_model *model, uint32_t node)
{
        struct survey s = begin(local, model);

        return gather_place(&s, node);
}

bool tl_survey_gather(struct tl_local *local, const struct tl_model *model, uint32_t node)
{
        struct survey s = begin(local, model);
        const char *problem = NULL;

        return gather_place(&s, node) && gather_forwarding(&s) &&
               tl_obstacles_find(local, model, node, &problem) &&
               (!problem || add_unknown(&s, "what other programs drop", problem));
}

void tl_survey_release(struct tl_local *local)
{
        tl_arena_done(&local->arena);
        *local = (struct tl_local){0};
}
