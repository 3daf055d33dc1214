/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/members.h"

#include <string.h>

#include "net/course.h"

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

/* Adds what an address in a LAN is in the tunnel. */
static bool add_in_lan(const struct list *list, const struct tl_lan *lan, const struct wg_ip *ip)
{
        struct wg_ip wire, mapped;

        if (ip->family == WG_FAMILY_NONE)
                return true;
        wire = tl_course_translate(ip, &lan->prefix, &lan->wire);
        if (!add_ip(list, &wire))
                return false;
        if (lan->mapped.ip.family == WG_FAMILY_NONE || tl_lan_is_mapped(lan))
                return true;
        mapped = tl_course_translate(ip, &lan->prefix, &lan->mapped);
        return add_ip(list, &mapped);
}

static bool add_at_site(const struct list *list, uint32_t site, const struct wg_ip *ip)
{
        uint32_t lan = tl_model_find_lan_of(list->model, site, ip);

        return lan == TL_MODEL_NONE || add_in_lan(list, &list->model->lans[lan], ip);
}

/* Adds the addresses of a machine on a LAN of a site. */
static bool add_machine(const struct list *list, uint32_t site, const struct wg_ip *ip4,
                        const struct wg_ip *ip6)
{
        return add_at_site(list, site, ip4) && add_at_site(list, site, ip6);
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
                if (!add_in_lan(list, &lans[i], &lans[i].node_at))
                        return false;
        return true;
}

static bool add_lans(const struct list *list, uint32_t first, uint32_t count)
{
        for (uint32_t i = first; i < first + count; i++) {
                const struct tl_lan *lan = &list->model->lans[i];

                if (!tl_prefixes_add(list->prefixes, list->arena, &lan->wire) ||
                    (!tl_lan_is_mapped(lan) &&
                     !tl_prefixes_add(list->prefixes, list->arena, &lan->mapped)))
                        return false;
        }
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

static bool add_host(const struct list *list, const struct tl_host *host)
{
        return add_machine(list, host->site, &host->ip4, &host->ip6);
}

static bool add_service(const struct list *list, const struct tl_service *service)
{
        if (service->site == TL_MODEL_NONE)
                return add_pair(list, &service->ip4, &service->ip6);
        return add_machine(list, service->site, &service->ip4, &service->ip6);
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
                return add_host(list, &model->hosts[index]);
        case TL_ENTITY_SERVICE:
                return add_service(list, &model->services[index]);
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

bool tl_members_is_many(const struct tl_model *model, const char *word)
{
        size_t len = strlen(word);
        const struct tl_entity *entity = tl_model_find(model, word, len);

        return wg_enum_by_name(&tl_everyone_enum, word, len) ||
               (entity && entity->kind == TL_ENTITY_GROUP);
}
