/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/roster.h"

static uint32_t count_nodes(const struct tl_network *network)
{
        uint32_t count = network->hub_count + network->site_count;

        for (uint32_t i = 0; i < network->person_count; i++)
                count += network->people[i].device_count;
        return count;
}

static struct tl_node make_node(enum tl_node_kind kind, const struct tl_network_node *in_file)
{
        return (struct tl_node){
                .kind = kind,
                .name = in_file->name.text,
                .at = in_file->name.at,
                .in_file = in_file,
                .hub = TL_MODEL_NONE,
                .site = TL_MODEL_NONE,
                .person = TL_MODEL_NONE,
        };
}

/* Adds the devices of a person. Returns the node after the last one; NULL: no memory. */
static struct tl_node *list_devices(const struct tl_network *network, uint32_t index,
                                    struct tl_arena *arena, struct tl_node *node)
{
        const struct tl_network_person *person = &network->people[index];

        for (uint32_t i = 0; i < person->device_count; i++, node++) {
                *node = make_node(TL_NODE_DEVICE, &person->devices[i].node);
                node->person = index;
                node->is_stock = person->devices[i].is_stock;
                node->name = tl_arena_format(arena, "%s/%s", person->name.text, node->name);
                if (!node->name)
                        return NULL;
        }
        return node;
}

bool tl_roster_list(const struct tl_network *network, struct tl_arena *arena,
                    struct tl_node **nodes, uint32_t *count)
{
        uint32_t total = count_nodes(network);
        struct tl_node *first = tl_arena_take(arena, total, sizeof(*first)), *node = first;

        if (!node)
                return false;
        for (uint32_t i = 0; i < network->hub_count; i++)
                *node++ = make_node(TL_NODE_HUB, &network->hubs[i].node);
        for (uint32_t i = 0; i < network->site_count; i++, node++) {
                *node = make_node(TL_NODE_SITE, &network->sites[i].node);
                node->site = i;
        }
        for (uint32_t i = 0; i < network->person_count; i++) {
                node = list_devices(network, i, arena, node);
                if (!node)
                        return false;
        }
        *nodes = first;
        *count = total;
        return true;
}
