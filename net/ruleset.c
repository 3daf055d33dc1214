/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/ruleset.h"

#include <stdio.h>
#include <stdlib.h>

#include "conf/address.h"
#include "net/access.h"
#include "net/prefixes.h"
#include "net/ruleset_mss.h"
#include "net/ruleset_policy.h"
#include "net/travel.h"

struct table {
        FILE *out;
        const struct tl_nodeplan *plan;
        const struct tl_model *model;
        const struct tl_policy *policy;
        const struct tl_node *self;
};

static const char *family_name(uint8_t family)
{
        return family == WG_FAMILY_IPV4 ? "ip" : "ip6";
}

static bool is_device(const struct table *t)
{
        return t->self->kind == TL_NODE_DEVICE;
}

/* ---- source NAT ---- */

struct pairs {
        const struct table *table;
        uint8_t family;
        uint32_t count; /* written so far */
};

static void write_pair(struct pairs *pairs, const struct wg_prefix *from, uint32_t lan)
{
        const struct table *t = pairs->table;
        char source[TL_ADDRESS_PREFIX_SIZE], destination[TL_ADDRESS_PREFIX_SIZE];

        if (from->ip.family != pairs->family ||
            tl_travel_in(t->model, lan, from).mode != TL_TRAVEL_SNAT)
                return;
        if (pairs->count++ == 0)
                fprintf(t->out,
                        "\tset snat%u {\n"
                        "\t\ttype ipv%u_addr . ipv%u_addr\n"
                        "\t\tflags interval\n"
                        "\t\telements = {\n",
                        pairs->family, pairs->family, pairs->family);
        tl_address_format_prefix(source, from);
        tl_address_format_prefix(destination, &t->model->lans[lan].prefix);
        fprintf(t->out, "\t\t\t%s . %s,\n", source, destination);
}

static void write_pairs_into(struct pairs *pairs, uint32_t lan)
{
        const struct tl_model *model = pairs->table->model;

        write_pair(pairs, &model->pool4, lan);
        write_pair(pairs, &model->pool6, lan);
        for (uint32_t i = 0; i < model->lan_count; i++)
                if (model->lans[i].site != pairs->table->self->site)
                        write_pair(pairs, &model->lans[i].wire, lan);
}

/* Writes the set of the pairs of a source and an own LAN that travel by SNAT. Returns whether there
 * are any. */
static bool write_pairs(const struct table *t, uint8_t family)
{
        struct pairs pairs = {.table = t, .family = family};
        const struct tl_site *site;

        if (t->self->site == TL_MODEL_NONE)
                return false;
        site = &t->model->sites[t->self->site];
        for (uint32_t i = 0; i < site->lan_count; i++)
                write_pairs_into(&pairs, site->lan_first + i);
        if (pairs.count)
                fprintf(t->out, "\t\t}\n\t}\n");
        return pairs.count > 0;
}

static void write_snat_rule(const struct table *t, uint8_t family)
{
        fprintf(t->out, "\t\tiifname \"%s\" %s saddr . %s daddr @snat%u masquerade\n",
                t->plan->ifname, family_name(family), family_name(family), family);
}

static void write_snat(const struct table *t)
{
        bool has_4 = write_pairs(t, WG_FAMILY_IPV4), has_6 = write_pairs(t, WG_FAMILY_IPV6);

        if (!has_4 && !has_6)
                return;
        fprintf(t->out, "\tchain source_nat {\n"
                        "\t\ttype nat hook postrouting priority srcnat; policy accept;\n");
        if (has_4)
                write_snat_rule(t, WG_FAMILY_IPV4);
        if (has_6)
                write_snat_rule(t, WG_FAMILY_IPV6);
        fprintf(t->out, "\t}\n");
}

/* ---- the policy ---- */

/* What a LAN is in the tunnel: two prefixes, unless its own one is used elsewhere. */
static bool list_lan(struct tl_arena *arena, const struct tl_lan *lan, struct tl_prefixes *list)
{
        return tl_prefixes_add(list, arena, &lan->wire) &&
               tl_prefixes_add(list, arena, &lan->mapped);
}

/* The node's addresses in the tunnel, and its LANs. */
static bool list_own(const struct table *t, struct tl_arena *arena, struct tl_prefixes *list)
{
        const struct wg_prefix ip4 = tl_prefixes_single(&t->self->ip4),
                               ip6 = tl_prefixes_single(&t->self->ip6);
        const struct tl_site *site;

        if (!tl_prefixes_add(list, arena, &ip4) || !tl_prefixes_add(list, arena, &ip6))
                return false;
        if (t->self->site == TL_MODEL_NONE)
                return true;
        site = &t->model->sites[t->self->site];
        for (uint32_t i = 0; i < site->lan_count; i++)
                if (!list_lan(arena, &t->model->lans[site->lan_first + i], list))
                        return false;
        tl_prefixes_shorten(list);
        return true;
}

/* The destinations of packets that come out of the tunnel at the node. */
static bool list_scope(const struct table *t, struct tl_arena *arena, const struct tl_prefixes *own,
                       struct tl_prefixes *list)
{
        const struct wg_prefix all4 = {{.family = WG_FAMILY_IPV4}, 0},
                               all6 = {{.family = WG_FAMILY_IPV6}, 0};

        if (t->self->kind == TL_NODE_HUB)
                return tl_prefixes_add(list, arena, &all4) && tl_prefixes_add(list, arena, &all6);
        *list = *own;
        return true;
}

/* The whole network: its addresses in the tunnel, and all LANs. */
static bool list_network(const struct table *t, struct tl_arena *arena, struct tl_prefixes *list)
{
        const struct tl_model *model = t->model;

        if (!tl_prefixes_add(list, arena, &model->pool4) ||
            !tl_prefixes_add(list, arena, &model->pool6))
                return false;
        for (uint32_t i = 0; i < model->lan_count; i++)
                if (!list_lan(arena, &model->lans[i], list))
                        return false;
        tl_prefixes_shorten(list);
        return true;
}

/* Without a policy, a hub forwards to the whole network, and a site node to its LANs. Hubs only
 * send a device what is for the device itself. */
static bool write_open(const struct table *t)
{
        struct tl_arena arena = {0};
        struct tl_prefixes own = {0}, inside = {0};
        bool is_hub = t->self->kind == TL_NODE_HUB, is_good;

        if (is_device(t))
                return true;
        is_good = list_own(t, &arena, &own) && (!is_hub || list_network(t, &arena, &inside));
        if (is_good)
                tl_ruleset_policy_write_open(t->out, t->plan->ifname, is_hub ? &inside : &own,
                                             &own);
        tl_arena_done(&arena);
        return is_good;
}

/* The policy of a hub in two parts, so that a word that stands for many machines is one set. Of the
 * others, few addresses are in the scope of a node. */
struct parts {
        struct tl_policy rest;
        struct tl_grants grants;
        struct tl_access access;
};

static bool make_parts(const struct table *t, const struct tl_prefixes *scope, struct parts *parts)
{
        if (t->self->kind != TL_NODE_HUB)
                return tl_access_make(&parts->access, t->policy, NULL, scope);
        return tl_policy_build_rest(&parts->rest, t->model) &&
               tl_grants_make(&parts->grants, t->model, &parts->rest) &&
               tl_access_make(&parts->access, &parts->rest, &parts->grants, scope);
}

static bool write_policy(const struct table *t)
{
        struct tl_arena arena = {0};
        struct parts parts = {0};
        struct tl_prefixes own = {0}, scope = {0};
        bool is_good;

        if (t->policy->is_open)
                return write_open(t);
        is_good = list_own(t, &arena, &own) && list_scope(t, &arena, &own, &scope) &&
                  make_parts(t, &scope, &parts);
        if (is_good && is_device(t))
                own.count = 0; /* a device forwards nothing of ours */
        if (is_good)
                tl_ruleset_policy_write(t->out, t->plan->ifname, &parts.access, &own);
        tl_access_done(&parts.access);
        tl_grants_done(&parts.grants);
        tl_policy_done(&parts.rest);
        tl_arena_done(&arena);
        return is_good;
}

static bool write_table(const struct table *t)
{
        bool is_good;

        fprintf(t->out, "table inet %s {\n", t->plan->table);
        is_good = write_policy(t);
        if (!is_device(t)) {
                is_good = tl_ruleset_mss_write(t->out, t->plan, t->model) && is_good;
                write_snat(t);
        }
        fprintf(t->out, "}\n");
        return is_good && !ferror(t->out);
}

char *tl_ruleset_write(const struct tl_nodeplan *plan, const struct tl_model *model,
                       const struct tl_policy *policy)
{
        char *text = NULL;
        size_t size;
        struct table t = {.out = open_memstream(&text, &size),
                          .plan = plan,
                          .model = model,
                          .policy = policy,
                          .self = &model->nodes[plan->node]};
        bool is_good;

        if (!t.out)
                return NULL;
        is_good = write_table(&t);
        if (fclose(t.out) == 0 && is_good)
                return text;
        free(text);
        return NULL;
}
