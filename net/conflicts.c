/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * All prefixes that the network routes into the tunnel are put in one order (net/nest.h), in which
 * each knows the closest one around it: that pair is in conflict. Addresses and endpoints are
 * sorted, and equal neighbours are in conflict. */
#include "net/conflicts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/address.h"
#include "net/ownlan.h"

WG_ENUM_DEFINE(tl_conflict, TL_CONFLICTS)

/* ---- findings ---- */

static const char *way_out(enum tl_conflict conflict)
{
        switch (conflict) {
        case TL_CONFLICT_SITE_SITE:
                return "renumber one of the two LANs";
        case TL_CONFLICT_SAME_SITE:
                return "remove one of the two, or correct its prefix length";
        case TL_CONFLICT_SITE_POOL:
                return "give `addresses:` a prefix that no LAN overlaps, or renumber the LAN";
        case TL_CONFLICT_SITE_MAPPED:
                return "give `mapped:` a prefix that no LAN overlaps";
        case TL_CONFLICT_POOL_MAPPED:
                return "give `mapped:` another prefix";
        case TL_CONFLICT_ADDRESS_ADDRESS:
                return "give one of them another address";
        case TL_CONFLICT_DEFAULT_ROUTE:
                return "list the prefixes that are in use there";
        case TL_CONFLICT_RESERVED:
                return "use a private prefix, such as 192.168.77.0/24";
        case TL_CONFLICT_ENDPOINT_ROUTED:
                return "give the public address of the machine, or of the NAT in front of it";
        case TL_CONFLICT_ENDPOINT_ENDPOINT:
                return "give one of them another address or port";
        case TL_CONFLICT_PRESENT_LAN:
                return "use the tunnel from another network, or renumber one of the two";
        case TL_CONFLICT_OTHER_SITE:
                return "if another machine's key is on this one, replace it by its own; else "
                       "renumber one of the two";
        case TL_CONFLICT_LOCAL_NET:
                return "give that network of this machine another prefix";
        case TL_CONFLICT_FOREIGN_ROUTE:
                return "remove that route, or renumber one of the two networks";
        }
        return NULL;
}

/* An error with two places, the later one first. A place outside the file has line 0. */
static void report(struct tl_findings *findings, enum tl_conflict conflict, struct tl_place a,
                   struct tl_place b, const char *message)
{
        bool is_later = a.line > b.line || (a.line == b.line && a.column > b.column);
        struct tl_place at = is_later ? a : b, other = is_later ? b : a;

        tl_findings_add(findings, TL_FINDING_ERROR, at, other.line ? &other : NULL,
                        way_out(conflict), "%s", message);
}

static bool report_no_memory(const struct tl_model *model, struct tl_findings *findings)
{
        tl_findings_error(findings, model->network->name.at, NULL, "out of memory");
        return false;
}

/* ---- prefixes ---- */

enum prefix_kind { PREFIX_LAN, PREFIX_POOL, PREFIX_MAPPED };

/* A prefix of the network that has traffic in the tunnel. */
struct claim {
        enum prefix_kind kind;
        struct wg_prefix prefix;
        struct tl_place at;
        const char *site; /* of a LAN */
        uint32_t site_index;
};

struct claims {
        struct claim *items;
        uint32_t count;
};

enum { CLAIM_TEXT_SIZE = TL_ADDRESS_PREFIX_SIZE + TL_NETWORK_WORD_MAX + 64 };

static void describe(char text[CLAIM_TEXT_SIZE], const struct claim *claim)
{
        char prefix[TL_ADDRESS_PREFIX_SIZE];

        tl_address_format_prefix(prefix, &claim->prefix);
        switch (claim->kind) {
        case PREFIX_LAN:
                snprintf(text, CLAIM_TEXT_SIZE, "LAN %s of site \"%s\"", prefix, claim->site);
                break;
        case PREFIX_POOL:
                snprintf(text, CLAIM_TEXT_SIZE, "the address pool %s", prefix);
                break;
        case PREFIX_MAPPED:
                snprintf(text, CLAIM_TEXT_SIZE, "the pool of mapped prefixes %s", prefix);
                break;
        }
}

static void add_claim(struct claims *claims, enum prefix_kind kind, const struct wg_prefix *prefix,
                      struct tl_place at)
{
        if (prefix->ip.family == WG_FAMILY_NONE)
                return;
        claims->items[claims->count++] = (struct claim){
                .kind = kind, .prefix = *prefix, .at = at, .site_index = TL_MODEL_NONE};
}

/* Lists the LANs of all sites but one (NONE: of all), and the pools. */
static bool list_claims(const struct tl_model *model, uint32_t without_site, struct tl_arena *arena,
                        struct claims *claims)
{
        const struct tl_network *network = model->network;

        claims->items = tl_arena_take(arena, model->lan_count + 3, sizeof(*claims->items));
        if (!claims->items)
                return false;
        for (uint32_t i = 0; i < model->lan_count; i++) {
                const struct tl_lan *lan = &model->lans[i];

                if (lan->site == without_site)
                        continue;
                add_claim(claims, PREFIX_LAN, &lan->prefix, lan->at);
                claims->items[claims->count - 1].site = model->sites[lan->site].name;
                claims->items[claims->count - 1].site_index = lan->site;
        }
        add_claim(claims, PREFIX_POOL, &model->pool4, network->pool4.at);
        add_claim(claims, PREFIX_POOL, &model->pool6,
                  network->pool6.at.line ? network->pool6.at : network->pool4.at);
        add_claim(claims, PREFIX_MAPPED, &network->mapped.prefix, network->mapped.at);
        return true;
}

/* Sorts the claims that can be routed: those that cover all addresses would be around every other
 * one. NULL: no memory. */
static struct tl_nest_item *sort_claims(const struct claims *claims, struct tl_arena *arena,
                                        uint32_t *count)
{
        struct tl_nest_item *items = tl_arena_take(arena, claims->count, sizeof(*items));

        *count = 0;
        if (!items)
                return NULL;
        for (uint32_t i = 0; i < claims->count; i++)
                if (claims->items[i].prefix.cidr > 0)
                        items[(*count)++] = (struct tl_nest_item){.prefix = claims->items[i].prefix,
                                                                  .id = i};
        tl_nest_sort(items, *count);
        return items;
}

static enum tl_conflict classify(const struct claim *a, const struct claim *b)
{
        if (a->kind == PREFIX_LAN && b->kind == PREFIX_LAN)
                return a->site_index == b->site_index ? TL_CONFLICT_SAME_SITE
                                                      : TL_CONFLICT_SITE_SITE;
        if (a->kind != PREFIX_LAN && b->kind != PREFIX_LAN)
                return TL_CONFLICT_POOL_MAPPED;
        if (a->kind == PREFIX_MAPPED || b->kind == PREFIX_MAPPED)
                return TL_CONFLICT_SITE_MAPPED;
        return TL_CONFLICT_SITE_POOL;
}

static void report_overlap(struct tl_findings *findings, const struct claim *a,
                           const struct claim *b)
{
        char a_text[CLAIM_TEXT_SIZE], b_text[CLAIM_TEXT_SIZE], message[2 * CLAIM_TEXT_SIZE + 16];

        describe(a_text, a);
        describe(b_text, b);
        snprintf(message, sizeof(message), "%s overlaps %s", a_text, b_text);
        report(findings, classify(a, b), a->at, b->at, message);
}

/* Prefixes that no router forwards, or that a machine has for itself. */
static const struct {
        struct wg_prefix prefix;
        const char *use;
} reserved[] = {
        {{{WG_FAMILY_IPV4, {0}}, 8}, "the machine itself"},
        {{{WG_FAMILY_IPV4, {127}}, 8}, "loopback"},
        {{{WG_FAMILY_IPV4, {169, 254}}, 16}, "link-local addresses"},
        {{{WG_FAMILY_IPV4, {224}}, 4}, "multicast"},
        {{{WG_FAMILY_IPV4, {240}}, 4}, "broadcast and future use"},
        {{{WG_FAMILY_IPV6, {0}}, 96}, "the machine itself"},
        {{{WG_FAMILY_IPV6, {[10] = 0xff, 0xff}}, 96}, "IPv4 addresses"},
        {{{WG_FAMILY_IPV6, {0xfe, 0x80}}, 10}, "link-local addresses"},
        {{{WG_FAMILY_IPV6, {0xff}}, 8}, "multicast"},
};

/* A prefix that cannot be routed into a tunnel, whatever else the network has. */
static void check_claim(const struct claim *claim, struct tl_findings *findings)
{
        static const struct tl_place nowhere;
        char text[CLAIM_TEXT_SIZE], message[CLAIM_TEXT_SIZE + 64];

        describe(text, claim);
        if (claim->prefix.cidr == 0) {
                snprintf(message, sizeof(message), "%s: it covers the whole Internet", text);
                report(findings, TL_CONFLICT_DEFAULT_ROUTE, claim->at, nowhere, message);
                return;
        }
        for (size_t i = 0; i < WG_ARRAY_SIZE(reserved); i++) {
                if (!wg_prefix_overlaps(&reserved[i].prefix, &claim->prefix))
                        continue;
                snprintf(message, sizeof(message), "%s: this range is reserved for %s", text,
                         reserved[i].use);
                report(findings, TL_CONFLICT_RESERVED, claim->at, nowhere, message);
                return;
        }
}

static void check_overlaps(const struct claims *claims, const struct tl_nest_item *items,
                           uint32_t count, struct tl_findings *findings)
{
        for (uint32_t i = 0; i < count; i++)
                if (items[i].outer != TL_NEST_NONE)
                        report_overlap(findings, &claims->items[items[i].id],
                                       &claims->items[items[items[i].outer].id]);
}

/* ---- static routes ---- */

/* A route of a LAN's router that the file lists, but that leads nowhere in the network, is probably
 * misspelt. */
static void check_routes(const struct tl_network_site *site, const struct tl_nest_item *items,
                         uint32_t count, struct tl_findings *findings)
{
        char text[TL_ADDRESS_PREFIX_SIZE];

        if (site->has_routes && site->gateway != TL_GATEWAY_STATIC_ROUTES)
                tl_findings_add(findings, TL_FINDING_WARNING, site->routes_at, NULL,
                                "remove `routes:`, or make it `kind: static-routes`",
                                "routes have no effect with this kind of gateway");
        for (uint32_t i = 0; i < site->routes.count; i++) {
                const struct tl_placed_prefix *route = &site->routes.items[i];

                if (tl_nest_overlap(items, count, &route->prefix) != TL_NEST_NONE)
                        continue;
                tl_address_format_prefix(text, &route->prefix);
                tl_findings_add(findings, TL_FINDING_WARNING, route->at, NULL, NULL,
                                "a route to %s leads to nothing in the network", text);
        }
}

/* ---- endpoints ---- */

/* Checks the address of a node's endpoint, which is in the file or what its name resolves to. */
static void check_endpoint_route(const struct tl_node *node, const struct wg_ip *ip,
                                 const struct claims *claims, const struct tl_nest_item *items,
                                 uint32_t count, struct tl_findings *findings)
{
        const struct tl_network_endpoint *endpoint = &node->in_file->endpoint;
        uint32_t found = tl_nest_find(items, count, ip);
        char text[CLAIM_TEXT_SIZE], ip_text[TL_ADDRESS_IP_SIZE], message[768];
        const struct claim *claim;
        bool is_name = endpoint->ip.family == WG_FAMILY_NONE;

        if (!endpoint->host.text || found == TL_NEST_NONE)
                return;
        claim = &claims->items[items[found].id];
        describe(text, claim);
        tl_address_format_ip(ip_text, ip);
        snprintf(message, sizeof(message),
                 "the endpoint %s%s%s%s of \"%s\" lies in %s, which is routed into the tunnel",
                 endpoint->host.text, is_name ? " (here " : "", is_name ? ip_text : "",
                 is_name ? ")" : "", node->name, text);
        report(findings, TL_CONFLICT_ENDPOINT_ROUTED, endpoint->host.at, claim->at, message);
}

/* Hosts are equal if they are the same address, however it is written, or the same name. */
static int compare_hosts(const struct tl_network_endpoint *a, const struct tl_network_endpoint *b)
{
        if (a->port != b->port)
                return a->port < b->port ? -1 : 1;
        if (a->ip.family == WG_FAMILY_NONE && b->ip.family == WG_FAMILY_NONE)
                return strcasecmp(a->host.text, b->host.text);
        return wg_ip_compare(&a->ip, &b->ip);
}

static int compare_endpoints(const void *left, const void *right)
{
        const struct tl_network_endpoint *a = *(const struct tl_network_endpoint *const *)left;
        const struct tl_network_endpoint *b = *(const struct tl_network_endpoint *const *)right;
        int order = compare_hosts(a, b);

        if (order != 0)
                return order;
        return a->host.at.line < b->host.at.line ? -1 : a->host.at.line > b->host.at.line;
}

static bool check_endpoint_pairs(const struct tl_model *model, struct tl_arena *arena,
                                 struct tl_findings *findings)
{
        const struct tl_network_endpoint **sorted = tl_arena_take(
                arena, model->node_count, sizeof(struct tl_network_endpoint *));
        char message[512];
        uint32_t count = 0;

        if (!sorted)
                return false;
        for (uint32_t i = 0; i < model->node_count; i++)
                if (model->nodes[i].in_file->endpoint.host.text)
                        sorted[count++] = &model->nodes[i].in_file->endpoint;
        qsort(sorted, count, sizeof(struct tl_network_endpoint *), compare_endpoints);
        for (uint32_t i = 1; i < count; i++) {
                const struct tl_network_endpoint *a = sorted[i - 1], *b = sorted[i];

                if (compare_hosts(a, b) != 0)
                        continue;
                snprintf(message, sizeof(message), "two nodes have the endpoint %s, port %u",
                         b->host.text, b->port);
                report(findings, TL_CONFLICT_ENDPOINT_ENDPOINT, a->host.at, b->host.at, message);
        }
        return true;
}

/* ---- addresses ---- */

/* An address of a machine in the tunnel (site NONE) or in a LAN. Sites with one prefix are reported
 * as such, so addresses are compared within a site only. */
struct holder {
        struct wg_ip ip;
        uint32_t site;
        const char *kind; /* "the router of " */
        const char *name;
        struct tl_place at;
};

struct holders {
        struct holder *items;
        uint32_t count;
};

static void add_holder(struct holders *holders, uint32_t site, const struct wg_ip *ip,
                       const char *kind, const char *name, struct tl_place at)
{
        if (ip->family != WG_FAMILY_NONE)
                holders->items[holders->count++] = (struct holder){*ip, site, kind, name, at};
}

static int compare_holders(const void *left, const void *right)
{
        const struct holder *a = left, *b = right;
        int order;

        if (a->site != b->site)
                return a->site < b->site ? -1 : 1;
        order = wg_ip_compare(&a->ip, &b->ip);
        if (order != 0)
                return order;
        if (a->at.line != b->at.line)
                return a->at.line < b->at.line ? -1 : 1;
        return a->at.column < b->at.column ? -1 : a->at.column > b->at.column;
}

/* Where the file gives an address; else where it names its holder. */
static struct tl_place place_of(const struct tl_ip_list *given, const struct wg_ip *ip,
                                struct tl_place name)
{
        for (uint32_t i = 0; i < given->count; i++)
                if (wg_ip_equal(&given->items[i].ip, ip))
                        return given->items[i].at;
        return name;
}

static void list_holders(const struct tl_model *model, struct holders *holders)
{
        for (uint32_t i = 0; i < model->node_count; i++) {
                const struct tl_node *node = &model->nodes[i];
                const struct tl_ip_list *given = &node->in_file->addresses;

                add_holder(holders, TL_MODEL_NONE, &node->ip4, "", node->name,
                           place_of(given, &node->ip4, node->at));
                add_holder(holders, TL_MODEL_NONE, &node->ip6, "", node->name,
                           place_of(given, &node->ip6, node->at));
        }
        for (uint32_t i = 0; i < model->lan_count; i++) {
                const struct tl_lan *lan = &model->lans[i];
                const struct tl_site *site = &model->sites[lan->site];
                const struct tl_network_site *in_file = site->in_file;

                add_holder(holders, lan->site, &lan->node_at, "", model->nodes[site->node].name,
                           place_of(&in_file->node_at, &lan->node_at, in_file->name.at));
                if (in_file->gateway != TL_GATEWAY_SELF)
                        add_holder(
                                holders, lan->site, &lan->router_at, "the router of ", site->name,
                                place_of(&in_file->router_at, &lan->router_at, in_file->name.at));
        }
        for (uint32_t i = 0; i < model->host_count; i++) {
                const struct tl_host *host = &model->hosts[i];

                add_holder(holders, host->site, &host->ip4, "", host->name, host->at);
                add_holder(holders, host->site, &host->ip6, "", host->name, host->at);
        }
}

static bool check_addresses(const struct tl_model *model, struct tl_arena *arena,
                            struct tl_findings *findings)
{
        struct holders holders = {0};
        char ip[TL_ADDRESS_IP_SIZE], message[512];

        holders.items = tl_arena_take(
                arena, 2 * ((size_t)model->node_count + model->lan_count + model->host_count),
                sizeof(*holders.items));
        if (!holders.items)
                return false;
        list_holders(model, &holders);
        qsort(holders.items, holders.count, sizeof(*holders.items), compare_holders);
        for (uint32_t i = 1; i < holders.count; i++) {
                const struct holder *a = &holders.items[i - 1], *b = &holders.items[i];

                if (a->site != b->site || !wg_ip_equal(&a->ip, &b->ip))
                        continue;
                /* Two nodes of one name have one address; the name is the mistake. */
                if (a->site == TL_MODEL_NONE && strcmp(a->name, b->name) == 0)
                        continue;
                tl_address_format_ip(ip, &b->ip);
                snprintf(message, sizeof(message), "%s\"%s\" and %s\"%s\" both have %s", a->kind,
                         a->name, b->kind, b->name, ip);
                report(findings, TL_CONFLICT_ADDRESS_ADDRESS, a->at, b->at, message);
        }
        return true;
}

/* ---- the model ---- */

static bool find_all(const struct tl_model *model, struct tl_arena *arena,
                     struct tl_findings *findings)
{
        struct claims claims = {0};
        struct tl_nest_item *items;
        uint32_t count;

        if (!list_claims(model, TL_MODEL_NONE, arena, &claims))
                return false;
        items = sort_claims(&claims, arena, &count);
        if (!items)
                return false;
        for (uint32_t i = 0; i < claims.count; i++)
                check_claim(&claims.items[i], findings);
        check_overlaps(&claims, items, count, findings);
        for (uint32_t i = 0; i < model->site_count; i++)
                check_routes(model->sites[i].in_file, items, count, findings);
        for (uint32_t i = 0; i < model->node_count; i++)
                check_endpoint_route(&model->nodes[i], &model->nodes[i].in_file->endpoint.ip,
                                     &claims, items, count, findings);
        return check_endpoint_pairs(model, arena, findings) &&
               check_addresses(model, arena, findings);
}

bool tl_conflicts_find(const struct tl_model *model, struct tl_findings *findings)
{
        struct tl_arena arena = {0};
        uint32_t errors = findings->errors;

        if (!find_all(model, &arena, findings))
                report_no_memory(model, findings);
        tl_arena_done(&arena);
        return findings->errors == errors && !findings->has_lost_some;
}

/* ---- this machine ---- */

/* What the network routes into the tunnel on this machine. */
struct routed {
        const struct tl_model *model;
        struct claims claims;
        struct tl_nest_item *items;
        uint32_t count;
        struct tl_findings *findings;
};

static bool list_routed(struct routed *routed, uint32_t node, struct tl_arena *arena)
{
        const struct tl_model *model = routed->model;

        if (!list_claims(model, model->nodes[node].site, arena, &routed->claims))
                return false;
        /* Nothing is routed to mapped prefixes yet. They are the last claim, if there are any. */
        if (routed->claims.count > 0 &&
            routed->claims.items[routed->claims.count - 1].kind == PREFIX_MAPPED)
                routed->claims.count--;
        routed->items = sort_claims(&routed->claims, arena, &routed->count);
        return routed->items != NULL;
}

static const struct claim *find_routed(const struct routed *routed, const struct wg_prefix *prefix)
{
        uint32_t found = tl_nest_overlap(routed->items, routed->count, prefix);

        return found == TL_NEST_NONE ? NULL : &routed->claims.items[routed->items[found].id];
}

/* Networks that every machine has, and the tunnel's own. */
static bool is_own_net(const struct tl_model *model, const struct tl_local_net *net)
{
        struct wg_prefix prefix = tl_ownlan_prefix(net);

        if (strcmp(net->link, model->network->name.text) == 0)
                return true;
        for (size_t i = 0; i < WG_ARRAY_SIZE(reserved); i++)
                if (wg_prefix_covers(&reserved[i].prefix, &prefix))
                        return true;
        return false;
}

/* A device may be in any LAN; hubs and nodes of sites stay where they are. */
static enum tl_conflict classify_net(const struct tl_node *node, const struct claim *claim,
                                     bool is_present)
{
        if (!is_present)
                return TL_CONFLICT_LOCAL_NET;
        return node->kind == TL_NODE_DEVICE || claim->kind != PREFIX_LAN ? TL_CONFLICT_PRESENT_LAN
                                                                         : TL_CONFLICT_OTHER_SITE;
}

static void check_net(const struct routed *routed, const struct tl_node *node,
                      const struct tl_local *local, const struct tl_local_net *net)
{
        static const struct tl_place nowhere;
        struct wg_prefix prefix = tl_ownlan_prefix(net);
        const struct claim *claim = find_routed(routed, &prefix);
        char text[CLAIM_TEXT_SIZE], net_text[TL_ADDRESS_PREFIX_SIZE], message[512];
        bool is_present = tl_ownlan_is_uplink(local, net->link);

        if (!claim)
                return;
        describe(text, claim);
        tl_address_format_prefix(net_text, &prefix);
        if (is_present)
                snprintf(message, sizeof(message),
                         "%s overlaps the LAN that this machine, \"%s\", is in, %s (%s)", text,
                         node->name, net_text, net->link);
        else
                snprintf(message, sizeof(message), "%s overlaps a network of this machine, %s (%s)",
                         text, net_text, net->link);
        report(routed->findings, classify_net(node, claim, is_present), claim->at, nowhere,
               message);
}

/* A second link with the prefix of the site's LAN takes packets for devices on the LAN. */
static void check_own_lan(const struct routed *routed, const struct tl_lan *lan,
                          const struct tl_local *local)
{
        static const struct tl_place nowhere;
        const char *own = tl_ownlan_link(routed->model, lan, local);
        char text[TL_ADDRESS_PREFIX_SIZE], net_text[TL_ADDRESS_PREFIX_SIZE], message[512];

        tl_address_format_prefix(text, &lan->prefix);
        for (uint32_t i = 0; i < local->net_count; i++) {
                const struct tl_local_net *net = &local->nets[i];
                struct wg_prefix prefix = tl_ownlan_prefix(net);

                if (is_own_net(routed->model, net) || strcmp(net->link, own ? own : "") == 0 ||
                    !wg_prefix_overlaps(&prefix, &lan->prefix))
                        continue;
                tl_address_format_prefix(net_text, &prefix);
                snprintf(message, sizeof(message),
                         "this site's LAN %s is on %s, but %s of %s overlaps it", text, own,
                         net_text, net->link);
                report(routed->findings, TL_CONFLICT_LOCAL_NET, lan->at, nowhere, message);
        }
}

/* A route that beats the tunnel's. In the main table the longest prefix wins. */
static void check_route(const struct routed *routed, const struct tl_local_route *route)
{
        static const struct tl_place nowhere;
        const struct claim *claim = find_routed(routed, &route->prefix);
        char text[CLAIM_TEXT_SIZE], route_text[TL_ADDRESS_PREFIX_SIZE], message[512];

        if (!claim || strcmp(route->link, routed->model->network->name.text) == 0)
                return;
        if (!route->comes_first && route->prefix.cidr < claim->prefix.cidr)
                return;
        describe(text, claim);
        tl_address_format_prefix(route_text, &route->prefix);
        snprintf(message, sizeof(message),
                 "another program's route to %s (%s%s, table %u) takes packets for %s", route_text,
                 route->link[0] ? "dev " : "unreachable", route->link, route->table, text);
        report(routed->findings, TL_CONFLICT_FOREIGN_ROUTE, claim->at, nowhere, message);
}

/* A rule that takes some packets to a table with a route for them may do harm, or be intended. */
static void check_rule(const struct tl_model *model, uint32_t node,
                       const struct tl_local_rule *rule, struct tl_findings *findings)
{
        tl_findings_add(findings, TL_FINDING_WARNING, model->nodes[node].at, NULL,
                        "unless it is meant to, give the rule a condition that spares the "
                        "prefixes of this network, or remove it",
                        "a rule of another program may take packets for this network elsewhere: "
                        "ip -%u rule %s",
                        rule->family, rule->text);
}

bool tl_conflicts_find_local(const struct tl_model *model, uint32_t node,
                             const struct tl_local *local, struct tl_findings *findings)
{
        struct routed routed = {.model = model, .findings = findings};
        uint32_t errors = findings->errors, own_site = model->nodes[node].site;
        struct tl_arena arena = {0};

        if (!list_routed(&routed, node, &arena)) {
                tl_arena_done(&arena);
                return report_no_memory(model, findings);
        }
        for (uint32_t i = 0; i < local->net_count; i++)
                if (!is_own_net(model, &local->nets[i]))
                        check_net(&routed, &model->nodes[node], local, &local->nets[i]);
        for (uint32_t i = 0; own_site != TL_MODEL_NONE && i < model->sites[own_site].lan_count; i++)
                check_own_lan(&routed, &model->lans[model->sites[own_site].lan_first + i], local);
        for (uint32_t i = 0; i < local->route_count; i++)
                check_route(&routed, &local->routes[i]);
        for (uint32_t i = 0; i < local->rule_count; i++)
                check_rule(model, node, &local->rules[i], findings);
        tl_arena_done(&arena);
        return findings->errors == errors && !findings->has_lost_some;
}

bool tl_conflicts_find_resolved(const struct tl_model *model, uint32_t node,
                                const struct tl_change *device, struct tl_findings *findings)
{
        struct routed routed = {.model = model, .findings = findings};
        uint32_t errors = findings->errors;
        struct tl_arena arena = {0};

        if (!list_routed(&routed, node, &arena)) {
                tl_arena_done(&arena);
                return report_no_memory(model, findings);
        }
        for (uint32_t i = 0; i < device->peer_count; i++) {
                const struct tl_change_peer *peer = tl_change_peer_at(device, i);
                uint32_t of = tl_model_find_key(model, peer->public_key);

                if (peer->has_endpoint && of != TL_MODEL_NONE)
                        check_endpoint_route(&model->nodes[of], &peer->endpoint.ip, &routed.claims,
                                             routed.items, routed.count, findings);
        }
        tl_arena_done(&arena);
        return findings->errors == errors && !findings->has_lost_some;
}
