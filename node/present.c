/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "node/present.h"

#include <net/if.h>
#include <stdlib.h>

#include "io/netset.h"

static struct wg_prefix net_of(const struct tl_netset_address *address)
{
        struct wg_prefix prefix = {.ip = address->ip, .cidr = address->cidr};

        wg_prefix_mask(&prefix);
        return prefix;
}

/* Tunnels have addresses without a network, and every link has link-local ones. */
static bool is_network(const struct wg_prefix *prefix)
{
        static const struct wg_prefix others[] = {
                {{WG_FAMILY_IPV4, {127}}, 8},
                {{WG_FAMILY_IPV4, {169, 254}}, 16},
                {{WG_FAMILY_IPV6, {0xfe, 0x80}}, 10},
        };

        for (size_t i = 0; i < WG_ARRAY_SIZE(others); i++)
                if (wg_prefix_overlaps(&others[i], prefix))
                        return false;
        return prefix->cidr < wg_ip_bits(&prefix->ip);
}

static bool is_own_lan(const struct tl_model *model, uint32_t node, const struct wg_prefix *prefix)
{
        for (uint32_t i = 0; i < model->lan_count; i++)
                if (model->lans[i].site == model->nodes[node].site &&
                    wg_prefix_overlaps(&model->lans[i].prefix, prefix))
                        return true;
        return false;
}

static uint32_t find_node(const struct tl_model *model, const struct tl_netset_address *addresses,
                          size_t count, uint32_t ifindex)
{
        for (size_t i = 0; ifindex && i < count; i++)
                if (addresses[i].ifindex == ifindex) {
                        uint32_t node = tl_model_find_address(model, &addresses[i].ip);

                        if (node != TL_MODEL_NONE)
                                return node;
                }
        return TL_MODEL_NONE;
}

bool tl_present_add(struct tl_model *model, uint32_t *node)
{
        uint32_t ifindex = if_nametoindex(model->network->name.text);
        struct tl_netset_address *addresses = NULL;
        bool is_good = true;
        size_t count = 0;

        *node = TL_MODEL_NONE;
        if (!ifindex || tl_netset_list_addresses(0, &addresses, &count) != 0) {
                free(addresses);
                return true;
        }
        *node = find_node(model, addresses, count, ifindex);
        for (size_t i = 0; *node != TL_MODEL_NONE && is_good && i < count; i++) {
                struct tl_presence presence = {.node = *node, .prefix = net_of(&addresses[i])};

                if (addresses[i].ifindex != ifindex && is_network(&presence.prefix) &&
                    !is_own_lan(model, *node, &presence.prefix))
                        is_good = tl_model_add_presence(model, &presence);
        }
        free(addresses);
        return is_good;
}
