/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * All prefixes of the network are put in one order (net/nest.h), in which each knows the closest
 * one around it: that pair is in conflict, unless the mapped prefixes of LANs solve it, which is
 * worth a warning. Addresses and endpoints are sorted, and equal neighbours are in conflict. */
#include "net/conflicts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/address.h"
#include "net/claims.h"

WG_ENUM_DEFINE(tl_conflict, TL_CONFLICTS)

/* ---- prefixes ---- */

static enum tl_conflict classify(const struct tl_claim *a, const struct tl_claim *b)
{
        if (a->kind == TL_CLAIM_LAN && b->kind == TL_CLAIM_LAN)
                return a->lan->site == b->lan->site ? TL_CONFLICT_SAME_SITE : TL_CONFLICT_SITE_SITE;
        if (a->kind != TL_CLAIM_LAN && b->kind != TL_CLAIM_LAN)
                return TL_CONFLICT_POOL_MAPPED;
        if (a->kind == TL_CLAIM_MAPPED || b->kind == TL_CLAIM_MAPPED)
                return TL_CONFLICT_SITE_MAPPED;
        return TL_CONFLICT_SITE_POOL;
}

static void report_overlap(struct tl_findings *findings, const struct tl_claim *a,
                           const struct tl_claim *b)
{
        char a_text[TL_CLAIM_TEXT_SIZE], b_text[TL_CLAIM_TEXT_SIZE];
        char message[2 * TL_CLAIM_TEXT_SIZE + 16];

        tl_claims_describe(a_text, a);
        tl_claims_describe(b_text, b);
        snprintf(message, sizeof(message), "%s overlaps %s", a_text, b_text);
        tl_claims_report(findings, classify(a, b), a->at, b->at, message);
}

/* A prefix that cannot be routed into a tunnel, whatever else the network has. */
static void check_claim(const struct tl_claim *claim, struct tl_findings *findings)
{
        static const struct tl_place nowhere;
        char text[TL_CLAIM_TEXT_SIZE], message[TL_CLAIM_TEXT_SIZE + 64];
        const char *use = tl_claims_reserved(&claim->prefix);

        tl_claims_describe(text, claim);
        if (claim->prefix.cidr == 0) {
                snprintf(message, sizeof(message), "%s: it covers the whole Internet", text);
                tl_claims_report(findings, TL_CONFLICT_DEFAULT_ROUTE, claim->at, nowhere, message);
        } else if (use) {
                snprintf(message, sizeof(message), "%s: this range is reserved for %s", text, use);
                tl_claims_report(findings, TL_CONFLICT_RESERVED, claim->at, nowhere, message);
        }
}

/* Whether mapped prefixes make up for an overlap: of IPv4 LANs of two sites, or of a LAN in the
 * pool. */
static bool is_solved(const struct tl_claim *inner, const struct tl_claim *outer)
{
        if (inner->kind != TL_CLAIM_LAN || inner->prefix.ip.family != WG_FAMILY_IPV4)
                return false;
        return outer->kind == TL_CLAIM_LAN ||
               (outer->kind == TL_CLAIM_POOL && inner->prefix.cidr > outer->prefix.cidr);
}

static void check_overlaps(const struct tl_claims *claims, struct tl_findings *findings)
{
        for (uint32_t i = 0; i < claims->nest_count; i++) {
                const struct tl_claim *inner = &claims->items[claims->nest[i].id], *outer;

                if (claims->nest[i].outer == TL_NEST_NONE)
                        continue;
                outer = &claims->items[claims->nest[claims->nest[i].outer].id];
                if (classify(inner, outer) != TL_CONFLICT_SAME_SITE && !is_solved(inner, outer))
                        report_overlap(findings, inner, outer);
        }
}

/* LANs of one site overlap even if a LAN of another site is between them. */
static bool check_sites(const struct tl_model *model, const struct tl_claims *claims,
                        struct tl_arena *arena, struct tl_findings *findings)
{
        struct tl_nest_item *items = tl_arena_take(arena, model->lan_count, sizeof(*items));

        if (!items)
                return false;
        for (uint32_t i = 0; i < model->site_count; i++) {
                const struct tl_site *site = &model->sites[i];
                uint32_t count = 0;

                for (uint32_t k = site->lan_first; k < site->lan_first + site->lan_count; k++)
                        if (model->lans[k].prefix.cidr > 0)
                                items[count++] = (struct tl_nest_item){
                                        .prefix = model->lans[k].prefix, .id = k};
                tl_nest_sort(items, count);
                for (uint32_t k = 0; k < count; k++)
                        if (items[k].outer != TL_NEST_NONE)
                                report_overlap(findings, &claims->items[items[k].id],
                                               &claims->items[items[items[k].outer].id]);
        }
        return true;
}

/* ---- mapped LANs ---- */

/* Says by which prefix others reach a LAN whose own one is not unique. */
static void report_mapped(const struct tl_claims *claims, const struct tl_claim *claim,
                          struct tl_findings *findings)
{
        const struct tl_lan *lan = claim->lan;
        const struct tl_claim *other = &claims->items[claims->lan_count]; /* the IPv4 pool */
        char text[TL_CLAIM_TEXT_SIZE], other_text[TL_CLAIM_TEXT_SIZE];
        char mapped[TL_ADDRESS_PREFIX_SIZE], message[3 * TL_CLAIM_TEXT_SIZE];

        if (lan->overlap_lan != TL_MODEL_NONE)
                other = &claims->items[lan->overlap_lan];
        tl_claims_describe(text, claim);
        tl_claims_describe(other_text, other);
        tl_address_format_prefix(mapped, &lan->mapped);
        snprintf(message, sizeof(message), "%s overlaps %s: others reach the LAN of \"%s\" as %s",
                 text, other_text, claim->site, mapped);
        tl_findings_add(findings, TL_FINDING_WARNING, lan->at, &lan->overlap,
                        "use these addresses, or renumber one of the two", "%s", message);
}

/* An address in the tunnel that a LAN would look for among its own devices. What the lock has is
 * never there (net/derive.h). */
static void check_in_lan(const struct tl_model *model, const struct tl_node *node,
                         struct tl_findings *findings)
{
        const struct tl_ip_list *given = &node->in_file->addresses;

        for (uint32_t i = 0; i < given->count; i++) {
                const struct tl_placed_ip *ip = &given->items[i];
                uint32_t found = tl_nest_find(model->lans_by_own, model->lan_count, &ip->ip);
                char text[TL_ADDRESS_IP_SIZE], prefix[TL_ADDRESS_PREFIX_SIZE], message[512];
                const struct tl_lan *lan;

                if (found == TL_NEST_NONE)
                        continue;
                lan = &model->lans[model->lans_by_own[found].id];
                if (!tl_lan_is_mapped(lan))
                        continue; /* another conflict */
                tl_address_format_ip(text, &ip->ip);
                tl_address_format_prefix(prefix, &lan->prefix);
                snprintf(message, sizeof(message),
                         "the address %s of \"%s\" is in LAN %s of site \"%s\"", text, node->name,
                         prefix, model->sites[lan->site].name);
                tl_claims_report(findings, TL_CONFLICT_ADDRESS_LAN, ip->at, lan->at, message);
        }
}

/* ---- the networks of devices ---- */

/* A network that the file says a device is in. */
static void check_presence(const struct tl_model *model, const struct tl_claims *routed,
                           const struct tl_presence *presence, struct tl_findings *findings)
{
        static const struct tl_place nowhere;
        const struct tl_claim *claim = tl_claims_find(routed, &presence->prefix);
        const char *name = model->nodes[presence->node].name;
        char text[TL_CLAIM_TEXT_SIZE], prefix[TL_ADDRESS_PREFIX_SIZE];
        char mapped[TL_ADDRESS_PREFIX_SIZE], message[1024];

        tl_address_format_prefix(prefix, &presence->prefix);
        if (presence->prefix.cidr == 0) {
                snprintf(message, sizeof(message),
                         "%s, where \"%s\" is: it covers the whole Internet", prefix, name);
                tl_claims_report(findings, TL_CONFLICT_DEFAULT_ROUTE, presence->at, nowhere,
                                 message);
                return;
        }
        if (!claim)
                return;
        tl_claims_describe(text, claim);
        if (claim->lan && claim->lan->mapped.ip.family != WG_FAMILY_NONE) {
                tl_address_format_prefix(mapped, &claim->lan->mapped);
                snprintf(message, sizeof(message),
                         "%s, where \"%s\" is, overlaps %s: from there, the LAN of \"%s\" is "
                         "reached as "
                         "%s",
                         prefix, name, text, claim->site, mapped);
                tl_claims_warn(findings, presence->at, claim->at, message);
                return;
        }
        snprintf(message, sizeof(message), "%s, where \"%s\" is, overlaps %s", prefix, name, text);
        tl_claims_report(findings, TL_CONFLICT_PRESENT_LAN, presence->at, claim->at, message);
}

/* ---- static routes ---- */

/* A route of a LAN's router that the file lists, but that leads nowhere in the network, is probably
 * misspelt. */
static void check_routes(const struct tl_network_site *site, const struct tl_claims *routed,
                         struct tl_findings *findings)
{
        char text[TL_ADDRESS_PREFIX_SIZE];

        if (site->has_routes && site->gateway != TL_GATEWAY_STATIC_ROUTES &&
            site->gateway != TL_GATEWAY_DROPS_INVALID)
                tl_findings_add(findings, TL_FINDING_WARNING, site->routes_at, NULL,
                                "remove `routes:`, or make it `kind: static-routes`",
                                "routes have no effect with this kind of gateway");
        for (uint32_t i = 0; i < site->routes.count; i++) {
                const struct tl_placed_prefix *route = &site->routes.items[i];

                if (tl_claims_find(routed, &route->prefix))
                        continue;
                tl_address_format_prefix(text, &route->prefix);
                tl_findings_add(findings, TL_FINDING_WARNING, route->at, NULL, NULL,
                                "a route to %s leads to nothing in the network", text);
        }
}

/* ---- endpoints ---- */

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
                tl_claims_report(findings, TL_CONFLICT_ENDPOINT_ENDPOINT, a->host.at, b->host.at,
                                 message);
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
                tl_claims_report(findings, TL_CONFLICT_ADDRESS_ADDRESS, a->at, b->at, message);
        }
        return true;
}

/* ---- the model ---- */

static bool find_all(const struct tl_model *model, struct tl_arena *arena,
                     struct tl_findings *findings)
{
        struct tl_claims claims, routed;

        if (!tl_claims_list(&claims, model, arena) ||
            !tl_claims_list_routed(&routed, model, TL_MODEL_NONE, arena))
                return false;
        for (uint32_t i = 0; i < claims.count; i++)
                check_claim(&claims.items[i], findings);
        check_overlaps(&claims, findings);
        for (uint32_t i = 0; i < claims.lan_count; i++)
                if (tl_lan_is_mapped(claims.items[i].lan))
                        report_mapped(&claims, &claims.items[i], findings);
        for (uint32_t i = 0; i < model->presence_count; i++)
                if (model->presences[i].is_declared)
                        check_presence(model, &routed, &model->presences[i], findings);
        for (uint32_t i = 0; i < model->site_count; i++)
                check_routes(model->sites[i].in_file, &routed, findings);
        for (uint32_t i = 0; i < model->node_count; i++) {
                check_in_lan(model, &model->nodes[i], findings);
                tl_claims_check_endpoint(&claims, &model->nodes[i],
                                         &model->nodes[i].in_file->endpoint.ip, findings);
        }
        return check_sites(model, &claims, arena, findings) &&
               check_endpoint_pairs(model, arena, findings) &&
               check_addresses(model, arena, findings);
}

bool tl_conflicts_find(const struct tl_model *model, struct tl_findings *findings)
{
        struct tl_arena arena = {0};
        uint32_t errors = findings->errors;

        if (!find_all(model, &arena, findings))
                tl_findings_error(findings, model->network->name.at, NULL, "out of memory");
        tl_arena_done(&arena);
        return findings->errors == errors && !findings->has_lost_some;
}
