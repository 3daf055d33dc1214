/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/ruleset.h"

#include <stdio.h>
#include <stdlib.h>

#include "net/access.h"
#include "net/prefixes.h"
#include "net/ruleset_mss.h"
#include "net/ruleset_nat.h"
#include "net/ruleset_policy.h"

struct table {
        FILE *out;
        const struct tl_nodeplan *plan;
        const struct tl_model *model;
        const struct tl_policy *policy;
        const struct tl_node *self;
};

static bool is_device(const struct table *t)
{
        return t->self->kind == TL_NODE_DEVICE;
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
        if (!is_device(t))
                is_good = tl_ruleset_mss_write(t->out, t->plan, t->model) && is_good;
        if (t->self->site != TL_MODEL_NONE)
                tl_ruleset_nat_write(t->out, t->plan->ifname, t->model, t->self->site);
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
