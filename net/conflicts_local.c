/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * Conflicts between a network and one machine. */
#include "net/conflicts.h"

#include <stdio.h>
#include <string.h>

#include "conf/address.h"
#include "net/claims.h"
#include "net/ownlan.h"

/* What the network routes into the tunnel on this machine. */
struct routed {
        const struct tl_model *model;
        const struct tl_node *node;
        struct tl_claims claims;
        struct tl_findings *findings;
};

/* Networks that every machine has, and the tunnel's own. */
static bool is_own_net(const struct tl_model *model, const struct tl_local_net *net)
{
        struct wg_prefix prefix = tl_ownlan_prefix(net);

        return strcmp(net->link, model->network->name.text) == 0 ||
               tl_claims_is_all_reserved(&prefix);
}

/* Whether a prefix lies in a LAN of the machine's own site, which may lie in the address pool. */
static bool is_at_home(const struct routed *routed, const struct wg_prefix *prefix)
{
        const struct tl_model *model = routed->model;
        uint32_t site = routed->node->site, lan;

        if (site == TL_MODEL_NONE)
                return false;
        lan = tl_model_find_lan_of(model, site, &prefix->ip);
        return lan != TL_MODEL_NONE && wg_prefix_covers(&model->lans[lan].prefix, prefix);
}

/* A device may be in any LAN; hubs and nodes of sites stay where they are. */
static enum tl_conflict classify_net(const struct tl_node *node, const struct tl_claim *claim,
                                     bool is_present)
{
        if (!is_present)
                return TL_CONFLICT_LOCAL_NET;
        return node->kind == TL_NODE_DEVICE || !claim->lan ? TL_CONFLICT_PRESENT_LAN
                                                           : TL_CONFLICT_OTHER_SITE;
}

/* Whether the file has the network that hides a LAN. Then the warning is there (net/conflicts.h).
 */
static bool is_declared(const struct routed *routed, const struct tl_lan *lan)
{
        const struct tl_model *model = routed->model;
        const struct tl_presence *presence = tl_model_find_presence(
                model, (uint32_t)(routed->node - model->nodes), &lan->wire);

        return presence && presence->is_declared;
}

/* Reports an overlap of a LAN with a network of this machine. From here, the LAN's mapped prefix
 * makes up for it, unless the machine is probably another one. */
static void report_net(const struct routed *routed, enum tl_conflict conflict,
                       const struct tl_claim *claim, const char *overlap)
{
        static const struct tl_place nowhere;
        char mapped[TL_ADDRESS_PREFIX_SIZE], message[768];
        const struct tl_lan *lan = claim->lan;

        if (!lan || lan->mapped.ip.family == WG_FAMILY_NONE || conflict == TL_CONFLICT_OTHER_SITE) {
                tl_claims_report(routed->findings, conflict, claim->at, nowhere, overlap);
                return;
        }
        if (is_declared(routed, lan))
                return;
        tl_address_format_prefix(mapped, &lan->mapped);
        snprintf(message, sizeof(message), "%s: from here, the LAN of \"%s\" is reached as %s",
                 overlap, claim->site, mapped);
        tl_claims_warn(routed->findings, claim->at, nowhere, message);
}

static void check_net(const struct routed *routed, const struct tl_local *local,
                      const struct tl_local_net *net)
{
        struct wg_prefix prefix = tl_ownlan_prefix(net);
        const struct tl_claim *claim = tl_claims_find(&routed->claims, &prefix);
        char text[TL_CLAIM_TEXT_SIZE], net_text[TL_ADDRESS_PREFIX_SIZE], overlap[512];
        bool is_present = tl_ownlan_is_uplink(local, net->link);

        if (!claim || is_at_home(routed, &prefix))
                return;
        tl_claims_describe(text, claim);
        tl_address_format_prefix(net_text, &prefix);
        if (is_present)
                snprintf(overlap, sizeof(overlap),
                         "%s overlaps the LAN that this machine, \"%s\", is in, %s (%s)", text,
                         routed->node->name, net_text, net->link);
        else
                snprintf(overlap, sizeof(overlap), "%s overlaps a network of this machine, %s (%s)",
                         text, net_text, net->link);
        report_net(routed, classify_net(routed->node, claim, is_present), claim, overlap);
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
                tl_claims_report(routed->findings, TL_CONFLICT_LOCAL_NET, lan->at, nowhere,
                                 message);
        }
}

/* A route that beats the tunnel's. In the main table the longest prefix wins. */
static void check_route(const struct routed *routed, const struct tl_local_route *route)
{
        static const struct tl_place nowhere;
        const struct tl_claim *claim = tl_claims_find(&routed->claims, &route->prefix);
        char text[TL_CLAIM_TEXT_SIZE], route_text[TL_ADDRESS_PREFIX_SIZE], message[512];

        if (!claim || strcmp(route->link, routed->model->network->name.text) == 0 ||
            is_at_home(routed, &route->prefix))
                return;
        if (!route->comes_first && route->prefix.cidr < claim->prefix.cidr)
                return;
        tl_claims_describe(text, claim);
        tl_address_format_prefix(route_text, &route->prefix);
        snprintf(message, sizeof(message),
                 "another program's route to %s (%s%s, table %u) takes packets for %s", route_text,
                 route->link[0] ? "dev " : "unreachable", route->link, route->table, text);
        tl_claims_report(routed->findings, TL_CONFLICT_FOREIGN_ROUTE, claim->at, nowhere, message);
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

static bool report_no_memory(const struct tl_model *model, struct tl_findings *findings)
{
        tl_findings_error(findings, model->network->name.at, NULL, "out of memory");
        return false;
}

bool tl_conflicts_find_local(const struct tl_model *model, uint32_t node,
                             const struct tl_local *local, struct tl_findings *findings)
{
        struct routed routed = {.model = model, .node = &model->nodes[node], .findings = findings};
        uint32_t errors = findings->errors, own_site = model->nodes[node].site;
        struct tl_arena arena = {0};

        if (!tl_claims_list_routed(&routed.claims, model, own_site, &arena)) {
                tl_arena_done(&arena);
                return report_no_memory(model, findings);
        }
        for (uint32_t i = 0; i < local->net_count; i++)
                if (!is_own_net(model, &local->nets[i]))
                        check_net(&routed, local, &local->nets[i]);
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
        uint32_t errors = findings->errors;
        struct tl_arena arena = {0};
        struct tl_claims claims;

        if (!tl_claims_list_routed(&claims, model, model->nodes[node].site, &arena)) {
                tl_arena_done(&arena);
                return report_no_memory(model, findings);
        }
        for (uint32_t i = 0; i < device->peer_count; i++) {
                const struct tl_change_peer *peer = tl_change_peer_at(device, i);
                uint32_t of = tl_model_find_key(model, peer->public_key);

                if (peer->has_endpoint && of != TL_MODEL_NONE)
                        tl_claims_check_endpoint(&claims, &model->nodes[of], &peer->endpoint.ip,
                                                 findings);
        }
        tl_arena_done(&arena);
        return findings->errors == errors && !findings->has_lost_some;
}
