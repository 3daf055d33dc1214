/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/claims.h"

#include <stdio.h>

#include "net/prefixes.h"

/* ---- findings ---- */

static const char *way_out(enum tl_conflict conflict)
{
        switch (conflict) {
        case TL_CONFLICT_SITE_SITE:
                return "renumber one of the two LANs: only IPv4 is mapped";
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
        case TL_CONFLICT_ADDRESS_LAN:
                return "give it an address of the pool that is in no LAN";
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

static void add_finding(struct tl_findings *findings, enum tl_finding_level level,
                        struct tl_place a, struct tl_place b, const char *fix, const char *message)
{
        bool is_later = a.line > b.line || (a.line == b.line && a.column > b.column);
        struct tl_place at = is_later ? a : b, other = is_later ? b : a;

        tl_findings_add(findings, level, at, other.line ? &other : NULL, fix, "%s", message);
}

void tl_claims_report(struct tl_findings *findings, enum tl_conflict conflict, struct tl_place a,
                      struct tl_place b, const char *message)
{
        add_finding(findings, TL_FINDING_ERROR, a, b, way_out(conflict), message);
}

void tl_claims_warn(struct tl_findings *findings, struct tl_place a, struct tl_place b,
                    const char *message)
{
        add_finding(findings, TL_FINDING_WARNING, a, b,
                    "use these addresses, or renumber one of the two", message);
}

/* ---- the list ---- */

void tl_claims_describe(char text[TL_CLAIM_TEXT_SIZE], const struct tl_claim *claim)
{
        char prefix[TL_ADDRESS_PREFIX_SIZE];

        tl_address_format_prefix(prefix, &claim->prefix);
        switch (claim->kind) {
        case TL_CLAIM_LAN:
                snprintf(text, TL_CLAIM_TEXT_SIZE, "LAN %s of site \"%s\"", prefix, claim->site);
                break;
        case TL_CLAIM_POOL:
                snprintf(text, TL_CLAIM_TEXT_SIZE, "the address pool %s", prefix);
                break;
        case TL_CLAIM_MAPPED:
                snprintf(text, TL_CLAIM_TEXT_SIZE, "the pool of mapped prefixes %s", prefix);
                break;
        }
}

static bool take_memory(struct tl_claims *claims, const struct tl_model *model,
                        struct tl_arena *arena)
{
        *claims = (struct tl_claims){
                .items = tl_arena_take(arena, (size_t)model->lan_count + 3, sizeof(*claims->items)),
                .nest = tl_arena_take(arena, (size_t)model->lan_count + 3, sizeof(*claims->nest)),
        };
        return claims->items && claims->nest;
}

static void add(struct tl_claims *claims, const struct tl_claim *claim)
{
        if (claim->prefix.ip.family == WG_FAMILY_NONE)
                return;
        claims->items[claims->count++] = *claim;
        claims->lan_count += claim->kind == TL_CLAIM_LAN;
}

static void add_lan(struct tl_claims *claims, const struct tl_model *model,
                    const struct tl_lan *lan)
{
        add(claims, &(struct tl_claim){.kind = TL_CLAIM_LAN,
                                       .prefix = lan->prefix,
                                       .at = lan->at,
                                       .site = model->sites[lan->site].name,
                                       .lan = lan});
}

static void add_pools(struct tl_claims *claims, const struct tl_model *model, bool with_mapped)
{
        const struct tl_network *network = model->network;
        struct tl_place at6 = network->pool6.at.line ? network->pool6.at : network->pool4.at;

        add(claims, &(struct tl_claim){.kind = TL_CLAIM_POOL,
                                       .prefix = model->pool4,
                                       .at = network->pool4.at});
        add(claims, &(struct tl_claim){.kind = TL_CLAIM_POOL, .prefix = model->pool6, .at = at6});
        if (with_mapped)
                add(claims, &(struct tl_claim){.kind = TL_CLAIM_MAPPED,
                                               .prefix = network->mapped.prefix,
                                               .at = network->mapped.at});
}

/* Claims to all addresses would be around every other one. */
static void sort(struct tl_claims *claims)
{
        for (uint32_t i = 0; i < claims->count; i++)
                if (claims->items[i].prefix.cidr > 0)
                        claims->nest[claims->nest_count++] = (struct tl_nest_item){
                                .prefix = claims->items[i].prefix, .id = i};
        tl_nest_sort(claims->nest, claims->nest_count);
}

bool tl_claims_list(struct tl_claims *claims, const struct tl_model *model, struct tl_arena *arena)
{
        if (!take_memory(claims, model, arena))
                return false;
        for (uint32_t i = 0; i < model->lan_count; i++)
                add_lan(claims, model, &model->lans[i]);
        add_pools(claims, model, true);
        sort(claims);
        return true;
}

bool tl_claims_list_routed(struct tl_claims *claims, const struct tl_model *model, uint32_t site,
                           struct tl_arena *arena)
{
        if (!take_memory(claims, model, arena))
                return false;
        for (uint32_t i = 0; i < model->lan_count; i++)
                if (model->lans[i].site != site && !tl_lan_is_mapped(&model->lans[i]))
                        add_lan(claims, model, &model->lans[i]);
        add_pools(claims, model, tl_model_has_mapped(model));
        sort(claims);
        return true;
}

const struct tl_claim *tl_claims_find(const struct tl_claims *claims,
                                      const struct wg_prefix *prefix)
{
        uint32_t found;

        for (uint32_t i = claims->lan_count; i < claims->count; i++)
                if (wg_prefix_overlaps(&claims->items[i].prefix, prefix))
                        return &claims->items[i];
        found = tl_nest_overlap(claims->nest, claims->nest_count, prefix);
        return found == TL_NEST_NONE ? NULL : &claims->items[claims->nest[found].id];
}

/* ---- reserved prefixes ---- */

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

const char *tl_claims_reserved(const struct wg_prefix *prefix)
{
        for (size_t i = 0; i < WG_ARRAY_SIZE(reserved); i++)
                if (wg_prefix_overlaps(&reserved[i].prefix, prefix))
                        return reserved[i].use;
        return NULL;
}

bool tl_claims_is_all_reserved(const struct wg_prefix *prefix)
{
        for (size_t i = 0; i < WG_ARRAY_SIZE(reserved); i++)
                if (wg_prefix_covers(&reserved[i].prefix, prefix))
                        return true;
        return false;
}

/* ---- endpoints ---- */

void tl_claims_check_endpoint(const struct tl_claims *claims, const struct tl_node *node,
                              const struct wg_ip *ip, struct tl_findings *findings)
{
        const struct tl_network_endpoint *endpoint = &node->in_file->endpoint;
        const struct wg_prefix single = tl_prefixes_single(ip);
        char text[TL_CLAIM_TEXT_SIZE], ip_text[TL_ADDRESS_IP_SIZE], message[768];
        bool is_name = endpoint->ip.family == WG_FAMILY_NONE;
        const struct tl_claim *claim;

        if (!endpoint->host.text || ip->family == WG_FAMILY_NONE)
                return;
        claim = tl_claims_find(claims, &single);
        if (!claim)
                return;
        tl_claims_describe(text, claim);
        tl_address_format_ip(ip_text, ip);
        snprintf(message, sizeof(message), "the endpoint %s%s%s%s of \"%s\" lies in %s, %s",
                 endpoint->host.text, is_name ? " (here " : "", is_name ? ip_text : "",
                 is_name ? ")" : "", node->name, text,
                 claim->lan && tl_lan_is_mapped(claim->lan)
                         ? "where the site's machines look for it"
                         : "which is routed into the tunnel");
        tl_claims_report(findings, TL_CONFLICT_ENDPOINT_ROUTED, endpoint->host.at, claim->at,
                         message);
}
