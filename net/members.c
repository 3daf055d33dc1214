/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/members.h"

#include <string.h>

struct list {
        struct tl_prefixes *prefixes;
        struct tl_arena *arena;
        const struct tl_model *model;
};

static bool add_ip(const struct list *list, const struct wg_ip *ip)
{
        const struct wg_prefix single = tl_prefixes_single(ip);

        return tl_prefixes_add(list->prefixes, list->arena, &single);
}

static bool add_pair(const struct list *list, const struct wg_ip *ip4, const struct wg_ip *ip6)
{
        return add_ip(list, ip4) && add_ip(list, ip6);
}

static bool add_nodes(const struct list *list, uint32_t first, uint32_t end)
{
        for (uint32_t i = first; i < end; i++)
                if (!add_pair(list, &list->model->nodes[i].ip4, &list->model->nodes[i].ip6))
                        return false;
        return true;
}

static bool add_node(const struct list *list, uint32_t index)
{
        const struct tl_model *model = list->model;
        uint32_t site = model->nodes[index].site;
        const struct tl_lan *lans = NULL;

        if (!add_nodes(list, index, index + 1))
                return false;
        if (site == TL_MODEL_NONE)
                return true;
        lans = &model->lans[model->sites[site].lan_first];
        for (uint32_t i = 0; i < model->sites[site].lan_count; i++)
                if (!add_ip(list, &lans[i].node_at))
                        return false;
        return true;
}

static bool add_lans(const struct list *list, uint32_t first, uint32_t count)
{
        for (uint32_t i = first; i < first + count; i++)
                if (!tl_prefixes_add(list->prefixes, list->arena, &list->model->lans[i].prefix))
                        return false;
        return true;
}

static bool add_site(const struct list *list, const struct tl_site *site)
{
        return add_nodes(list, site->node, site->node + 1) &&
               add_lans(list, site->lan_first, site->lan_count);
}

static bool add_person(const struct list *list, uint32_t person)
{
        const uint32_t *nodes = list->model->person_nodes;

        return add_nodes(list, nodes[person], nodes[person + 1]);
}

static bool add_group(const struct list *list, const struct tl_group *group)
{
        for (uint32_t i = 0; i < group->count; i++)
                if (!add_person(list, group->people[i]))
                        return false;
        return true;
}

static bool add_entity(const struct list *list, const struct tl_entity *entity)
{
        const struct tl_model *model = list->model;
        uint32_t index = entity->index;

        switch (entity->kind) {
        case TL_ENTITY_NODE:
                return add_node(list, index);
        case TL_ENTITY_SITE:
                return add_site(list, &model->sites[index]);
        case TL_ENTITY_PERSON:
                return add_person(list, index);
        case TL_ENTITY_GROUP:
                return add_group(list, &model->groups[index]);
        case TL_ENTITY_HOST:
                return add_pair(list, &model->hosts[index].ip4, &model->hosts[index].ip6);
        case TL_ENTITY_SERVICE:
                return add_pair(list, &model->services[index].ip4, &model->services[index].ip6);
        }
        return true;
}

static bool add_pools(const struct list *list)
{
        return tl_prefixes_add(list->prefixes, list->arena, &list->model->pool4) &&
               tl_prefixes_add(list->prefixes, list->arena, &list->model->pool6);
}

static bool add_everyone(const struct list *list, enum tl_everyone everyone)
{
        const struct tl_model *model = list->model;
        uint32_t hubs = model->hub_count, sites = hubs + model->site_count;

        switch (everyone) {
        case TL_EVERYONE_ALL:
                return add_pools(list) && add_lans(list, 0, model->lan_count);
        case TL_EVERYONE_HUBS:
                return add_nodes(list, 0, hubs);
        case TL_EVERYONE_SITES:
                return add_nodes(list, hubs, sites) && add_lans(list, 0, model->lan_count);
        case TL_EVERYONE_PEOPLE:
                return add_nodes(list, sites, model->node_count);
        }
        return true;
}

bool tl_members_add(struct tl_prefixes *list, struct tl_arena *arena, const struct tl_model *model,
                    const char *word)
{
        const struct list to = {.prefixes = list, .arena = arena, .model = model};
        const struct wg_enum_member *everyone = wg_enum_by_name(&tl_everyone_enum, word,
                                                                strlen(word));
        const struct tl_entity *entity;

        if (everyone)
                return add_everyone(&to, (enum tl_everyone)everyone->value);
        entity = tl_model_find(model, word, strlen(word));
        return !entity || add_entity(&to, entity);
}
