/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/nodeplan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "net/pathmtu.h"
#include "net/plan_parts.h"
#include "net/plan_routes.h"
#include "net/prefixes.h"
#include "net/ruleset.h"

WG_ENUM_DEFINE(tl_planned_route_kind, TL_PLANNED_ROUTES)

WG_ENUM_DEFINE(tl_planned_table, TL_PLANNED_TABLES)

enum { RTPROT_RA_LEARNT = 9 }; /* RTPROT_RA of <linux/rtnetlink.h>: by router advertisement */

enum { TABLES_BASE = 0x6d000000, TABLES_MASK = 0x00fffff8, MAIN_TABLE = 254 };

/* The hash is FNV-1a. */
uint32_t tl_nodeplan_table(const char *network, enum tl_planned_table table)
{
        uint32_t hash = 0x811c9dc5;

        if (table == TL_PLANNED_MAIN)
                return MAIN_TABLE;
        for (const char *at = network; *at; at++)
                hash = (hash ^ (uint8_t)*at) * 0x01000193;
        return TABLES_BASE | (hash & TABLES_MASK) | (uint32_t)table;
}

static int compare_numbers(uint32_t a, uint32_t b)
{
        return (a > b) - (a < b);
}

int tl_nodeplan_compare_rules(const void *left, const void *right)
{
        const struct tl_planned_rule *a = left, *b = right;
        int order = compare_numbers(a->table, b->table);

        if (order == 0)
                order = compare_numbers(a->family, b->family);
        if (order == 0)
                order = compare_numbers(a->is_from_link, b->is_from_link);
        if (order == 0)
                order = tl_prefixes_compare(&a->from, &b->from);
        return order != 0 ? order : tl_prefixes_compare(&a->to, &b->to);
}

/* A prefix that is reached through a peer. */
struct share {
        const struct tl_node *peer;
        struct wg_prefix prefix;
        struct tl_place at; /* of the prefix in the file */
};

struct planner {
        struct tl_nodeplan *plan;
        const struct tl_model *model;
        const struct tl_node *self;
        const struct tl_local *local; /* NULL: not known */
        struct tl_findings *findings;
        struct share *shares;
        uint32_t share_count;
};

static bool is_hub(const struct tl_node *node)
{
        return node->kind == TL_NODE_HUB;
}

/* ---- the order ---- */

static int compare_routes(const void *left, const void *right)
{
        const struct tl_planned_route *a = left, *b = right;
        int order = compare_numbers(a->table, b->table);

        if (order == 0)
                order = tl_prefixes_compare(&a->prefix, &b->prefix);
        return order != 0 ? order : compare_numbers(a->metric, b->metric);
}

static int compare_proxies(const void *left, const void *right)
{
        const struct tl_planned_proxy *a = left, *b = right;

        return wg_ip_compare(&a->ip, &b->ip);
}

static void sort_parts(struct tl_nodeplan *plan)
{
        if (plan->route_count)
                qsort(plan->routes, plan->route_count, sizeof(*plan->routes), compare_routes);
        if (plan->rule_count)
                qsort(plan->rules, plan->rule_count, sizeof(*plan->rules),
                      tl_nodeplan_compare_rules);
        if (plan->proxy_count)
                qsort(plan->proxies, plan->proxy_count, sizeof(*plan->proxies), compare_proxies);
}

/* ---- peers ---- */

static void add_share(struct planner *p, uint32_t peer, const struct wg_prefix *prefix,
                      struct tl_place at)
{
        if (prefix->ip.family == WG_FAMILY_NONE)
                return;
        p->shares[p->share_count++] = (struct share){
                .peer = &p->model->nodes[peer], .prefix = *prefix, .at = at};
}

static void add_own_addresses(struct planner *p, uint32_t peer, const struct tl_node *node)
{
        const struct wg_prefix ip4 = tl_prefixes_single(&node->ip4),
                               ip6 = tl_prefixes_single(&node->ip6);

        add_share(p, peer, &ip4, node->at);
        add_share(p, peer, &ip6, node->at);
}

/* Whether a node must do without the own prefix of a LAN. WireGuard apps and wg-quick(8) make a
 * route of each allowed IP, which would take packets for the device's own network. */
static bool lacks(const struct planner *p, const struct tl_lan *lan)
{
        return p->self->is_stock && tl_model_hides(p->model, p->plan->node, lan);
}

/* What is reached through peers because of one other node. A node that has a hub sends it
 * everything in the pools that is not a direct peer. */
static void share_node(struct planner *p, uint32_t index)
{
        const struct tl_model *model = p->model;
        const struct tl_node *node = &model->nodes[index];
        uint32_t next = tl_model_next(model, p->plan->node, index);
        bool has_pools = !is_hub(p->self) && next == p->self->hub;

        if (!has_pools)
                add_own_addresses(p, next, node);
        if (node->site == TL_MODEL_NONE)
                return;
        for (uint32_t i = 0; i < model->sites[node->site].lan_count; i++) {
                const struct tl_lan *lan = &model->lans[model->sites[node->site].lan_first + i];

                if (!tl_lan_is_mapped(lan) && !lacks(p, lan))
                        add_share(p, next, &lan->prefix, lan->at);
                if (!has_pools)
                        add_share(p, next, &lan->mapped, lan->at);
        }
}

static bool collect_shares(struct planner *p)
{
        const struct tl_model *model = p->model;

        p->shares = calloc(2 * ((size_t)model->node_count + model->lan_count) + 3,
                           sizeof(*p->shares));
        if (!p->shares)
                return false;
        if (!is_hub(p->self) && p->self->hub != TL_MODEL_NONE) {
                add_share(p, p->self->hub, &model->pool4, model->network->pool4.at);
                add_share(p, p->self->hub, &model->pool6, model->network->pool6.at);
                if (tl_model_has_mapped(model))
                        add_share(p, p->self->hub, &model->network->mapped.prefix,
                                  model->network->mapped.at);
        }
        for (uint32_t i = 0; i < model->node_count; i++)
                if (i != p->plan->node)
                        share_node(p, i);
        return true;
}

static int compare_shares(const struct share *a, const struct share *b)
{
        int order = tl_prefixes_compare(&a->prefix, &b->prefix);

        return order != 0 ? order : strcmp(a->peer->name, b->peer->name);
}

static int by_prefix(const void *left, const void *right)
{
        return compare_shares(left, right);
}

static int by_peer(const void *left, const void *right)
{
        const struct share *a = left, *b = right;
        int order = strcmp(a->peer->name, b->peer->name);

        return order != 0 ? order : compare_shares(a, b);
}

/* Of two peers with one prefix, tielined would silently give it to the last one. The model has no
 * such conflict (net/conflicts), unless somebody plans in spite of it. */
static bool has_disjoint_peers(struct planner *p)
{
        bool is_good = true;

        qsort(p->shares, p->share_count, sizeof(*p->shares), by_prefix);
        for (uint32_t i = 1; i < p->share_count; i++) {
                const struct share *a = &p->shares[i - 1], *b = &p->shares[i];

                if (tl_prefixes_compare(&a->prefix, &b->prefix) != 0)
                        continue;
                tl_findings_add(p->findings, TL_FINDING_ERROR, b->at, &a->at,
                                "give each of them its own prefix",
                                "%s and %s have the same prefix", a->peer->name, b->peer->name);
                is_good = false;
        }
        return is_good;
}

static bool set_endpoint(struct tl_change_peer *peer, const struct tl_network_endpoint *endpoint)
{
        if (!endpoint->host.text)
                return true;
        peer->has_endpoint = true;
        peer->endpoint.port = endpoint->port;
        if (endpoint->ip.family != WG_FAMILY_NONE) {
                peer->endpoint.ip = endpoint->ip;
                return true;
        }
        peer->endpoint_host = strdup(endpoint->host.text);
        return peer->endpoint_host != NULL;
}

uint16_t tl_nodeplan_keepalive_s(const struct tl_node *node)
{
        return is_hub(node) || tl_node_is_public(node) ? 0 : TL_NODEPLAN_KEEPALIVE_S;
}

static bool add_peer(struct planner *p, const struct tl_node *node)
{
        struct tl_change_peer *peer = tl_change_add_peer(&p->plan->device, node->in_file->key);

        if (!peer)
                return false;
        peer->replace_allowed_ips = true;
        peer->has_persistent_keepalive = true;
        peer->persistent_keepalive_s = tl_nodeplan_keepalive_s(p->self);
        return set_endpoint(peer, &node->in_file->endpoint);
}

static bool has_key(const struct tl_node *node)
{
        return node->in_file->key_at.line > 0;
}

static void warn_of_missing_key(struct planner *p, const struct tl_node *node)
{
        tl_findings_add(p->findings, TL_FINDING_WARNING, node->at, NULL,
                        "run `tieline key` on it, and add the key that it prints",
                        "%s has no key yet, so %s leaves it out", node->name, p->self->name);
}

static bool plan_peers(struct planner *p)
{
        const struct tl_node *last = NULL;

        qsort(p->shares, p->share_count, sizeof(*p->shares), by_peer);
        for (uint32_t i = 0; i < p->share_count; i++) {
                const struct share *share = &p->shares[i];
                bool is_first = share->peer != last;

                last = share->peer;
                if (!has_key(last)) {
                        if (is_first)
                                warn_of_missing_key(p, last);
                        continue;
                }
                if ((is_first && !add_peer(p, last)) ||
                    !tl_change_add_allowed_ip(&p->plan->device, &share->prefix, false))
                        return false;
        }
        return true;
}

static void plan_port(struct planner *p)
{
        p->plan->device.replace_peers = true;
        if (!tl_node_is_public(p->self))
                return;
        p->plan->listen_port = p->self->in_file->endpoint.port;
        p->plan->device.listen_port = p->plan->listen_port;
        p->plan->device.has_listen_port = true;
}

/* ---- kernel settings ---- */

/* A forwarding machine ignores router advertisements unless accept_ra is 2, and forgets the routes
 * that it has learnt from them. */
static bool keep_advertised_routes(struct planner *p)
{
        for (uint32_t i = 0; p->local && i < p->local->route_count; i++) {
                const struct tl_local_route *route = &p->local->routes[i];
                const char *path;

                if (route->protocol != RTPROT_RA_LEARNT || !route->link[0])
                        continue;
                path = tl_arena_format(&p->plan->arena, "net/ipv6/conf/%s/accept_ra", route->link);
                if (!tl_plan_add_setting(p->plan, path, "2", "1"))
                        return false;
        }
        return true;
}

/* Whether the node passes on IPv6 packets of others. */
static bool forwards_ipv6(const struct planner *p)
{
        const struct tl_site *site;

        if (!tl_local_has_family(p->local, WG_FAMILY_IPV6))
                return false;
        if (is_hub(p->self))
                return p->model->pool6.ip.family != WG_FAMILY_NONE;
        site = &p->model->sites[p->self->site];
        for (uint32_t i = 0; i < site->lan_count; i++)
                if (p->model->lans[site->lan_first + i].prefix.ip.family == WG_FAMILY_IPV6)
                        return true;
        return false;
}

/* The link's own rp_filter is loose: a strict one, such as the default of some systems, would drop
 * packets from a LAN to which the machine has another route. */
static bool plan_settings(struct planner *p)
{
        struct tl_nodeplan *plan = p->plan;

        if (p->self->kind == TL_NODE_DEVICE)
                return true;
        if (!tl_plan_add_setting(plan, "net/ipv4/ip_forward", "1", NULL) ||
            !tl_plan_add_setting(
                    plan, tl_arena_format(&plan->arena, "net/ipv4/conf/%s/rp_filter", plan->ifname),
                    "2", NULL))
                return false;
        return !forwards_ipv6(p) ||
               (keep_advertised_routes(p) &&
                tl_plan_add_setting(plan, "net/ipv6/conf/all/forwarding", "1", NULL));
}

/* ---- the whole plan ---- */

static bool name_parts(struct planner *p)
{
        struct tl_nodeplan *plan = p->plan;

        plan->ifname = p->model->network->name.text;
        plan->table = tl_arena_format(&plan->arena, TL_NODEPLAN_TABLE_PREFIX "%s", plan->ifname);
        return plan->table != NULL;
}

static bool plan_addresses(struct planner *p)
{
        const struct wg_ip *addresses[] = {&p->self->ip4, &p->self->ip6};

        for (unsigned int i = 0; i < WG_ARRAY_SIZE(addresses); i++)
                if (tl_local_has_family(p->local, addresses[i]->family) &&
                    !tl_plan_add_address(p->plan, addresses[i]))
                        return false;
        return true;
}

static bool make_parts(struct planner *p)
{
        p->plan->mtu = tl_pathmtu_link(p->model, p->plan->node,
                                       p->local ? p->local->uplink_mtu : 0);
        if (!name_parts(p) || !collect_shares(p) || !plan_addresses(p) || !plan_settings(p) ||
            !tl_plan_routes(p->plan, p->model, p->local, p->findings))
                return false;
        plan_port(p);
        sort_parts(p->plan);
        return true;
}

static bool finish(struct planner *p, const struct tl_policy *policy)
{
        if (!plan_peers(p))
                return false;
        if (!policy)
                return true;
        p->plan->nft = tl_ruleset_write(p->plan, p->model, policy);
        return p->plan->nft != NULL;
}

/* Other nodes rely on what the file says of this uplink. */
static void check_uplink(const struct planner *p)
{
        uint32_t in_file = tl_pathmtu_uplink(p->self), own = p->local ? p->local->uplink_mtu : 0;
        bool is_given = p->self->in_file->mtu > 0;

        if (own == 0 || own >= in_file)
                return;
        tl_findings_add(
                p->findings, TL_FINDING_WARNING, is_given ? p->self->in_file->mtu_at : p->self->at,
                NULL, tl_arena_format(&p->plan->arena, "give it `mtu: %" PRIu32 "`", own),
                "the uplink of %s has an MTU of %" PRIu32 ", but other nodes assume %" PRIu32,
                p->self->name, own, in_file);
}

/* Our accept cannot override the drop of another program. On a device, it only affects connections
 * that others open, which the owner may not want. Returns whether the node can do its work. */
static bool check_drops(const struct planner *p)
{
        bool is_fatal = p->self->kind != TL_NODE_DEVICE;
        uint32_t count = p->local ? p->local->drop_count : 0;

        for (uint32_t i = 0; i < count; i++)
                tl_findings_add(p->findings, is_fatal ? TL_FINDING_ERROR : TL_FINDING_WARNING,
                                p->self->at, NULL, p->local->drops[i].fix, "%s drops %s",
                                p->local->drops[i].table, p->local->drops[i].packets);
        return !is_fatal || count == 0;
}

bool tl_nodeplan_make(struct tl_nodeplan *plan, const struct tl_model *model,
                      const struct tl_policy *policy, uint32_t node, const struct tl_local *local,
                      struct tl_findings *findings)
{
        struct planner p = {.plan = plan,
                            .model = model,
                            .self = &model->nodes[node],
                            .local = local,
                            .findings = findings};
        uint32_t errors = findings->errors;
        bool has_memory, is_good = false;

        *plan = (struct tl_nodeplan){.node = node};
        tl_change_init(&plan->device);
        has_memory = make_parts(&p);
        if (has_memory) {
                is_good = findings->errors == errors;
                is_good = has_disjoint_peers(&p) && is_good;
                is_good = check_drops(&p) && is_good;
                check_uplink(&p);
                has_memory = finish(&p, policy);
        }
        if (!has_memory)
                tl_findings_error(findings, (struct tl_place){0, 0}, NULL, "out of memory");
        free(p.shares);
        return has_memory && is_good;
}

void tl_nodeplan_done(struct tl_nodeplan *plan)
{
        tl_change_done(&plan->device);
        tl_arena_done(&plan->arena);
        free(plan->nft);
        *plan = (struct tl_nodeplan){0};
}
