/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/present.h"

#include <string.h>

#include "net/ownlan.h"

/* Networks that every machine has. */
static const struct wg_prefix everywhere[] = {
        {{WG_FAMILY_IPV4, {127}}, 8},
        {{WG_FAMILY_IPV4, {169, 254}}, 16},
        {{WG_FAMILY_IPV6, {0xfe, 0x80}}, 10},
};

/* A single address, such as those of tunnels, has no neighbours. */
static bool is_network(const struct wg_prefix *prefix)
{
        for (size_t i = 0; i < WG_ARRAY_SIZE(everywhere); i++)
                if (wg_prefix_covers(&everywhere[i], prefix))
                        return false;
        return prefix->cidr < wg_ip_bits(&prefix->ip);
}

/* Whether a network of the machine is a LAN of its own site, or contains it. */
static bool is_own_lan(const struct tl_model *model, uint32_t node, const struct tl_local *local,
                       const struct tl_local_net *net)
{
        struct wg_prefix prefix = tl_ownlan_prefix(net);

        for (uint32_t i = 0; i < model->lan_count; i++) {
                const struct tl_lan *lan = &model->lans[i];
                const char *link;

                if (lan->site != model->nodes[node].site ||
                    !wg_prefix_overlaps(&prefix, &lan->prefix))
                        continue;
                link = tl_ownlan_link(model, lan, local);
                if (link && strcmp(link, net->link) == 0)
                        return true;
        }
        return false;
}

/* Forgets what an earlier call added. */
static void forget(struct tl_model *model, uint32_t node)
{
        uint32_t kept = 0;

        for (uint32_t i = 0; i < model->presence_count; i++)
                if (model->presences[i].is_declared || model->presences[i].node != node)
                        model->presences[kept++] = model->presences[i];
        model->presence_count = kept;
}

bool tl_present_add(struct tl_model *model, uint32_t node, const struct tl_local *local)
{
        forget(model, node);
        for (uint32_t i = 0; i < local->net_count; i++) {
                const struct tl_local_net *net = &local->nets[i];
                const struct tl_presence presence = {.node = node, .prefix = tl_ownlan_prefix(net)};

                if (strcmp(net->link, model->network->name.text) == 0 ||
                    !is_network(&presence.prefix) || is_own_lan(model, node, local, net))
                        continue;
                if (!tl_model_add_presence(model, &presence))
                        return false;
        }
        return true;
}
