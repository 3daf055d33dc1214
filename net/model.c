/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * A model is built in this order: nodes, sites with their LANs and hosts, groups, services, the
 * table of names, and then the references by name. Each step reports all mistakes that it finds
 * and goes on, so that one run shows all of them. */
#include "net/model.h"

#include <stdlib.h>
#include <string.h>

#include "conf/address.h"
#include "conf/similar.h"
#include "net/derive.h"
#include "net/overlap.h"
#include "net/recorded.h"
#include "net/roster.h"
#include "net/standins.h"

WG_ENUM_DEFINE(tl_node_kind, TL_NODE_KINDS)
WG_ENUM_DEFINE(tl_entity_kind, TL_ENTITY_KINDS)

/* Each search for a similar name looks at all names. Beyond this number, a file with thousands of
 * mistakes would take long. */
enum { SUGGESTIONS_MAX = 100 };

struct builder {
        struct tl_model *model;
        const struct tl_network *network;
        struct tl_findings *findings;
        uint32_t suggestions; /* so far */
};

/* ---- nodes ---- */

static const char no_value_fix[] =
        "run `tieline check` where the file is edited, and copy the lock file along with it";

static void check_fixed_addresses(struct builder *b, const struct tl_node *node)
{
        const struct tl_ip_list *addresses = &node->in_file->addresses;

        for (uint32_t i = 0; i < addresses->count; i++) {
                const struct tl_placed_ip *given = &addresses->items[i];
                const struct wg_prefix *pool = given->ip.family == WG_FAMILY_IPV4
                                                       ? &b->model->pool4
                                                       : &b->model->pool6;
                char ip[TL_ADDRESS_IP_SIZE], prefix[TL_ADDRESS_PREFIX_SIZE];

                if (wg_prefix_contains(pool, &given->ip))
                        continue;
                tl_address_format_ip(ip, &given->ip);
                if (pool->ip.family == WG_FAMILY_NONE) {
                        tl_findings_error(b->findings, given->at, NULL,
                                          "%s: the network has no addresses of this family", ip);
                        continue;
                }
                tl_address_format_prefix(prefix, pool);
                tl_findings_error(b->findings, given->at, NULL,
                                  "%s is not in the network's addresses, %s", ip, prefix);
        }
}

static void take_addresses(struct builder *b, const struct tl_recorded *recorded,
                           struct tl_node *node)
{
        const struct tl_lock_address *entry = tl_recorded_address(recorded, node->name);
        bool lacks4 = b->model->pool4.ip.family != WG_FAMILY_NONE;
        bool lacks6 = b->model->pool6.ip.family != WG_FAMILY_NONE;

        if (entry && !entry->is_retired) {
                node->ip4 = entry->ip4;
                node->ip6 = entry->ip6;
                lacks4 = lacks4 && entry->ip4.family == WG_FAMILY_NONE;
                lacks6 = lacks6 && entry->ip6.family == WG_FAMILY_NONE;
        }
        if ((lacks4 || lacks6) && !b->model->lock->is_incomplete)
                tl_findings_error(b->findings, node->at, no_value_fix,
                                  "the lock file has no address for \"%s\"", node->name);
}

static void find_first_devices(struct tl_model *model)
{
        uint32_t person = 0;

        for (uint32_t i = model->hub_count + model->site_count; i < model->node_count; i++)
                while (person <= model->nodes[i].person)
                        model->person_nodes[person++] = i;
        while (person <= model->person_count)
                model->person_nodes[person++] = model->node_count;
}

static bool build_nodes(struct builder *b, const struct tl_recorded *recorded)
{
        struct tl_model *model = b->model;

        model->hub_count = b->network->hub_count;
        model->site_count = b->network->site_count;
        model->person_count = b->network->person_count;
        model->person_nodes = tl_arena_take(&model->arena, model->person_count + 1,
                                            sizeof(uint32_t));
        if (!model->person_nodes ||
            !tl_roster_list(b->network, &model->arena, &model->nodes, &model->node_count))
                return false;
        for (uint32_t i = 0; i < model->node_count; i++) {
                take_addresses(b, recorded, &model->nodes[i]);
                check_fixed_addresses(b, &model->nodes[i]);
        }
        find_first_devices(model);
        return true;
}

static int compare_keys(const void *left, const void *right)
{
        const struct tl_node *a = *(const struct tl_node *const *)left;
        const struct tl_node *b = *(const struct tl_node *const *)right;
        int order = memcmp(a->in_file->key, b->in_file->key, TL_CONF_KEY_LEN);

        return order != 0 ? order : (a > b) - (a < b);
}

/* Sorts the nodes by key, and reports those that have the same one. */
static bool index_keys(struct builder *b)
{
        struct tl_model *model = b->model;

        model->by_key = tl_arena_take(&model->arena, model->node_count, sizeof(struct tl_node *));
        if (!model->by_key)
                return false;
        for (uint32_t i = 0; i < model->node_count; i++)
                if (model->nodes[i].in_file->key_at.line != 0)
                        model->by_key[model->by_key_count++] = &model->nodes[i];
        qsort(model->by_key, model->by_key_count, sizeof(struct tl_node *), compare_keys);
        for (uint32_t i = 1; i < model->by_key_count; i++) {
                const struct tl_node *first = model->by_key[i - 1], *second = model->by_key[i];

                if (memcmp(first->in_file->key, second->in_file->key, TL_CONF_KEY_LEN) == 0)
                        tl_findings_add(b->findings, TL_FINDING_ERROR, second->in_file->key_at,
                                        &first->in_file->key_at,
                                        "run `tieline key` on each machine: a key belongs to one",
                                        "\"%s\" and \"%s\" have the same key", first->name,
                                        second->name);
        }
        return true;
}

static int compare_ip4(const void *left, const void *right)
{
        return wg_ip_compare(&(*(const struct tl_node *const *)left)->ip4,
                             &(*(const struct tl_node *const *)right)->ip4);
}

static int compare_ip6(const void *left, const void *right)
{
        return wg_ip_compare(&(*(const struct tl_node *const *)left)->ip6,
                             &(*(const struct tl_node *const *)right)->ip6);
}

/* Sorts the nodes by address of each family; those without one come first. */
static bool index_addresses(struct tl_model *model)
{
        model->by_ip4 = tl_arena_take(&model->arena, model->node_count, sizeof(struct tl_node *));
        model->by_ip6 = tl_arena_take(&model->arena, model->node_count, sizeof(struct tl_node *));
        if (!model->by_ip4 || !model->by_ip6)
                return false;
        for (uint32_t i = 0; i < model->node_count; i++)
                model->by_ip4[i] = model->by_ip6[i] = &model->nodes[i];
        qsort(model->by_ip4, model->node_count, sizeof(struct tl_node *), compare_ip4);
        qsort(model->by_ip6, model->node_count, sizeof(struct tl_node *), compare_ip6);
        return true;
}

/* ---- sites, LANs and hosts ---- */

/* Whether no machine may have an address: the first and last one of an IPv4 LAN. */
static bool is_special(const struct wg_prefix *lan, const struct wg_ip *ip)
{
        struct wg_ip last = wg_prefix_last(lan);

        return lan->ip.family == WG_FAMILY_IPV4 && lan->cidr <= 30 &&
               (wg_ip_equal(ip, &lan->ip) || wg_ip_equal(ip, &last));
}

/* The LAN of an address that some machine of a site has; NULL, with a finding: it cannot be. */
static struct tl_lan *place_in_lan(struct builder *b, uint32_t site, const struct wg_ip *ip,
                                   struct tl_place at)
{
        uint32_t index = tl_model_find_lan_of(b->model, site, ip);
        struct tl_lan *lan;
        char text[TL_ADDRESS_IP_SIZE], prefix[TL_ADDRESS_PREFIX_SIZE];

        tl_address_format_ip(text, ip);
        if (index == TL_MODEL_NONE) {
                tl_findings_add(b->findings, TL_FINDING_ERROR, at,
                                &b->model->sites[site].in_file->name.at, NULL,
                                "%s is in no LAN of site \"%s\"", text, b->model->sites[site].name);
                return NULL;
        }
        lan = &b->model->lans[index];
        if (is_special(&lan->prefix, ip)) {
                tl_address_format_prefix(prefix, &lan->prefix);
                tl_findings_error(b->findings, at, NULL,
                                  "%s is the network or broadcast address of %s", text, prefix);
                return NULL;
        }
        return lan;
}

enum lan_machine { LAN_NODE, LAN_ROUTER };

/* Puts the addresses that the node or the router has in the LANs where they belong. */
static void place_machine(struct builder *b, uint32_t site, enum lan_machine machine)
{
        const struct tl_network_site *in_file = b->model->sites[site].in_file;
        const struct tl_ip_list *given = machine == LAN_NODE ? &in_file->node_at
                                                             : &in_file->router_at;

        for (uint32_t i = 0; i < given->count; i++) {
                struct tl_lan *lan = place_in_lan(b, site, &given->items[i].ip, given->items[i].at);
                struct wg_ip *slot;

                if (!lan)
                        continue;
                slot = machine == LAN_NODE ? &lan->node_at : &lan->router_at;
                if (slot->family != WG_FAMILY_NONE)
                        tl_findings_error(b->findings, given->items[i].at, NULL,
                                          "the %s has two addresses in one LAN",
                                          machine == LAN_NODE ? "node" : "router");
                *slot = given->items[i].ip;
        }
}

/* A node that is the router has one address in each LAN. */
static void join_router(struct builder *b, const struct tl_site *site)
{
        for (uint32_t i = 0; i < site->lan_count; i++) {
                struct tl_lan *lan = &b->model->lans[site->lan_first + i];

                if (lan->node_at.family == WG_FAMILY_NONE)
                        lan->node_at = lan->router_at;
                if (lan->router_at.family == WG_FAMILY_NONE)
                        lan->router_at = lan->node_at;
                if (!wg_ip_equal(&lan->node_at, &lan->router_at))
                        tl_findings_error(b->findings, site->in_file->gateway_at,
                                          "give one of the two addresses",
                                          "with gateway `self`, the node and the router have one "
                                          "address, not two");
        }
}

static void build_lan(struct builder *b, const struct tl_recorded *recorded, uint32_t site,
                      const struct tl_placed_prefix *given)
{
        struct tl_lan *lan = &b->model->lans[b->model->lan_count++];
        const char *name = b->model->sites[site].name;
        const struct tl_lock_mapped *entry;
        char text[TL_ADDRESS_PREFIX_SIZE];

        *lan = (struct tl_lan){
                .site = site, .prefix = given->prefix, .wire = given->prefix, .at = given->at};
        if (given->prefix.ip.family != WG_FAMILY_IPV4 || given->prefix.cidr == 0)
                return;
        entry = tl_recorded_mapped(recorded, name, &given->prefix);
        if (entry && !entry->is_retired) {
                lan->mapped = entry->mapped;
                return;
        }
        if (b->model->lock->is_incomplete)
                return;
        tl_address_format_prefix(text, &given->prefix);
        tl_findings_error(b->findings, given->at, no_value_fix,
                          "the lock file has no mapped prefix for %s of site \"%s\"", text, name);
}

static void build_host(struct builder *b, uint32_t site, const struct tl_network_host *in_file)
{
        struct tl_host *host = &b->model->hosts[b->model->host_count++];

        *host = (struct tl_host){.name = in_file->name.text, .at = in_file->name.at, .site = site};
        for (uint32_t i = 0; i < in_file->addresses.count; i++) {
                const struct tl_placed_ip *given = &in_file->addresses.items[i];
                struct wg_ip *slot = given->ip.family == WG_FAMILY_IPV4 ? &host->ip4 : &host->ip6;

                if (slot->family != WG_FAMILY_NONE)
                        tl_findings_error(b->findings, given->at,
                                          "give each address a name of its own",
                                          "\"%s\" has two addresses of one family", host->name);
                else if (place_in_lan(b, site, &given->ip, given->at))
                        *slot = given->ip;
        }
}

static int compare_lab_hosts(const void *left, const void *right)
{
        const struct tl_lab_host *a = *(const struct tl_lab_host *const *)left;
        const struct tl_lab_host *b = *(const struct tl_lab_host *const *)right;
        int order = strcmp(a->site.text, b->site.text);

        return order != 0 ? order : (a > b) - (a < b);
}

struct lab_hosts {
        const struct tl_lab_host **items; /* sorted by site */
        uint32_t count;
};

/* Sorts the plain devices of the lab. The reader has reported those whose site has no valid name.
 */
static bool sort_lab_hosts(struct builder *b, struct lab_hosts *sorted)
{
        const struct tl_network_lab *lab = &b->network->lab;

        sorted->items = tl_arena_take(&b->model->arena, lab->host_count,
                                      sizeof(struct tl_lab_host *));
        if (!sorted->items)
                return false;
        for (uint32_t i = 0; i < lab->host_count; i++)
                if (lab->hosts[i].site.text)
                        sorted->items[sorted->count++] = &lab->hosts[i];
        qsort(sorted->items, sorted->count, sizeof(struct tl_lab_host *), compare_lab_hosts);
        return true;
}

/* The index of the first one of a site, or of the next site's. */
static uint32_t find_lab_hosts(const struct lab_hosts *sorted, const char *site)
{
        uint32_t low = 0, high = sorted->count;

        while (low < high) {
                uint32_t middle = low + (high - low) / 2;

                if (strcmp(sorted->items[middle]->site.text, site) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static void build_lab_host(struct builder *b, uint32_t site, const struct tl_lab_host *in_file)
{
        struct tl_host *host = &b->model->hosts[b->model->host_count++];

        *host = (struct tl_host){.name = in_file->name.text,
                                 .at = in_file->name.at,
                                 .site = site,
                                 .is_lab_only = true};
        if (!place_in_lan(b, site, &in_file->ip.ip, in_file->ip.at))
                return;
        if (in_file->ip.ip.family == WG_FAMILY_IPV4)
                host->ip4 = in_file->ip.ip;
        else
                host->ip6 = in_file->ip.ip;
}

static void build_site(struct builder *b, const struct tl_recorded *recorded, uint32_t index,
                       const struct lab_hosts *lab_hosts)
{
        const struct tl_network_site *in_file = &b->network->sites[index];
        struct tl_model *model = b->model;
        struct tl_site *site = &model->sites[index];

        *site = (struct tl_site){.in_file = in_file,
                                 .name = in_file->name.text,
                                 .node = model->hub_count + index,
                                 .lan_first = model->lan_count,
                                 .host_first = model->host_count};
        for (uint32_t i = 0; i < in_file->lans.count; i++)
                build_lan(b, recorded, index, &in_file->lans.items[i]);
        site->lan_count = model->lan_count - site->lan_first;
        place_machine(b, index, LAN_NODE);
        place_machine(b, index, LAN_ROUTER);
        if (in_file->gateway == TL_GATEWAY_SELF)
                join_router(b, site);
        for (uint32_t i = 0; i < in_file->host_count; i++)
                build_host(b, index, &in_file->hosts[i]);
        for (uint32_t i = find_lab_hosts(lab_hosts, site->name);
             i < lab_hosts->count && strcmp(lab_hosts->items[i]->site.text, site->name) == 0; i++)
                build_lab_host(b, index, lab_hosts->items[i]);
        site->host_count = model->host_count - site->host_first;
}

static bool build_sites(struct builder *b, const struct tl_recorded *recorded)
{
        struct tl_model *model = b->model;
        uint32_t lans = 0, hosts = b->network->lab.host_count;
        struct lab_hosts lab_hosts = {0};

        for (uint32_t i = 0; i < model->site_count; i++) {
                lans += b->network->sites[i].lans.count;
                hosts += b->network->sites[i].host_count;
        }
        model->sites = tl_arena_take(&model->arena, model->site_count, sizeof(*model->sites));
        model->lans = tl_arena_take(&model->arena, lans, sizeof(*model->lans));
        model->hosts = tl_arena_take(&model->arena, hosts, sizeof(*model->hosts));
        if (!sort_lab_hosts(b, &lab_hosts) || !model->sites || !model->lans || !model->hosts)
                return false;
        for (uint32_t i = 0; i < model->site_count; i++)
                build_site(b, recorded, i, &lab_hosts);
        return true;
}

static bool index_own_lans(struct tl_model *model)
{
        model->lans_by_own = tl_arena_take(&model->arena, model->lan_count,
                                           sizeof(*model->lans_by_own));
        if (!model->lans_by_own)
                return false;
        for (uint32_t i = 0; i < model->lan_count; i++)
                model->lans_by_own[i] = (struct tl_nest_item){.prefix = model->lans[i].prefix,
                                                              .id = i};
        tl_nest_sort(model->lans_by_own, model->lan_count);
        return true;
}

static bool map_lans(struct tl_model *model)
{
        const struct tl_placed_prefix pool = {model->pool4, model->network->pool4.at};

        return tl_overlap_map(model->lans, model->lan_count, &pool, &model->arena);
}

/* Lists the prefixes that each LAN has in the tunnel. */
static bool index_lans(struct tl_model *model)
{
        struct tl_nest_item *items = tl_arena_take(&model->arena, 2 * (size_t)model->lan_count,
                                                   sizeof(*items));
        uint32_t count = 0;

        if (!items)
                return false;
        for (uint32_t i = 0; i < model->lan_count; i++) {
                const struct tl_lan *lan = &model->lans[i];

                items[count++] = (struct tl_nest_item){.prefix = lan->wire, .id = i};
                if (lan->mapped.ip.family != WG_FAMILY_NONE && !tl_lan_is_mapped(lan))
                        items[count++] = (struct tl_nest_item){.prefix = lan->mapped, .id = i};
        }
        tl_nest_sort(items, count);
        model->lans_by_prefix = items;
        model->lans_by_prefix_count = count;
        return true;
}

/* ---- groups ---- */

/* A person's mention of a group. */
struct mention {
        const struct tl_word *group;
        uint32_t person;
};

static int compare_mentions(const void *left, const void *right)
{
        const struct mention *a = left, *b = right;
        int order = strcmp(a->group->text, b->group->text);

        return order != 0 ? order : a->person < b->person ? -1 : a->person > b->person;
}

static uint32_t list_mentions(const struct tl_network *network, struct mention *mentions)
{
        uint32_t count = 0;

        for (uint32_t i = 0; i < network->person_count; i++)
                for (uint32_t j = 0; j < network->people[i].groups.count; j++)
                        mentions[count++] = (struct mention){&network->people[i].groups.items[j],
                                                             i};
        return count;
}

/* Adds people, in order, to the last group, or to a new one. */
static void add_mention(struct tl_model *model, const struct mention *mention, uint32_t *room)
{
        struct tl_group *group = model->group_count > 0 ? &model->groups[model->group_count - 1]
                                                        : NULL;

        if (!group || strcmp(group->name, mention->group->text) != 0) {
                group = &model->groups[model->group_count++];
                *group = (struct tl_group){
                        .name = mention->group->text, .at = mention->group->at, .people = room};
        }
        if (group->count == 0 || group->people[group->count - 1] != mention->person)
                group->people[group->count++] = mention->person;
}

static bool build_groups(struct builder *b)
{
        struct tl_model *model = b->model;
        struct mention *mentions;
        uint32_t *people, count = 0;

        for (uint32_t i = 0; i < b->network->person_count; i++)
                count += b->network->people[i].groups.count;
        mentions = tl_arena_take(&model->arena, count, sizeof(*mentions));
        people = tl_arena_take(&model->arena, count, sizeof(*people));
        model->groups = tl_arena_take(&model->arena, count, sizeof(*model->groups));
        if (!mentions || !people || !model->groups)
                return false;
        list_mentions(b->network, mentions);
        qsort(mentions, count, sizeof(*mentions), compare_mentions);
        for (uint32_t i = 0; i < count; i++)
                add_mention(model, &mentions[i], &people[i]);
        return true;
}

/* ---- names ---- */

static int compare_entities(const void *left, const void *right)
{
        const struct tl_entity *a = left, *b = right;
        int order = strcmp(a->name, b->name);

        if (order != 0)
                return order;
        if (a->at.line != b->at.line)
                return a->at.line < b->at.line ? -1 : 1;
        return a->at.column < b->at.column ? -1 : a->at.column > b->at.column;
}

static void add_entity(struct tl_model *model, enum tl_entity_kind kind, uint32_t index,
                       const char *name, struct tl_place at)
{
        model->entities[model->entity_count++] = (struct tl_entity){
                .name = name, .at = at, .kind = kind, .index = index};
}

static void list_entities(struct builder *b)
{
        struct tl_model *model = b->model;

        for (uint32_t i = 0; i < model->node_count; i++)
                add_entity(model, TL_ENTITY_NODE, i, model->nodes[i].name, model->nodes[i].at);
        for (uint32_t i = 0; i < model->site_count; i++)
                add_entity(model, TL_ENTITY_SITE, i, model->sites[i].name,
                           model->sites[i].in_file->name.at);
        for (uint32_t i = 0; i < model->person_count; i++)
                add_entity(model, TL_ENTITY_PERSON, i, b->network->people[i].name.text,
                           b->network->people[i].name.at);
        for (uint32_t i = 0; i < model->group_count; i++)
                add_entity(model, TL_ENTITY_GROUP, i, model->groups[i].name, model->groups[i].at);
        for (uint32_t i = 0; i < model->host_count; i++)
                add_entity(model, TL_ENTITY_HOST, i, model->hosts[i].name, model->hosts[i].at);
        for (uint32_t i = 0; i < model->service_count; i++)
                add_entity(model, TL_ENTITY_SERVICE, i, b->network->services[i].name.text,
                           b->network->services[i].name.at);
}

static void check_name(struct builder *b, const struct tl_entity *entity,
                       const struct tl_entity *before)
{
        if (before && strcmp(before->name, entity->name) == 0)
                tl_findings_add(b->findings, TL_FINDING_ERROR, entity->at, &before->at,
                                "rename one of them: names are unique across all kinds",
                                "\"%s\" is already the name of %s", entity->name,
                                tl_entity_kind_text(before->kind));
}

static bool build_names(struct builder *b)
{
        struct tl_model *model = b->model;
        uint32_t count = model->node_count + model->site_count + model->person_count +
                         model->group_count + model->host_count + model->service_count;

        model->entities = tl_arena_take(&model->arena, count, sizeof(*model->entities));
        if (!model->entities)
                return false;
        list_entities(b);
        qsort(model->entities, count, sizeof(*model->entities), compare_entities);
        for (uint32_t i = 0; i < count; i++)
                check_name(b, &model->entities[i], i > 0 ? &model->entities[i - 1] : NULL);
        return true;
}

/* ---- references ---- */

/* What a name must stand for. */
enum role {
        ROLE_HUB,
        ROLE_SITE,
        ROLE_MACHINE,
        ROLE_STAND_IN,
        ROLE_PARTY,
        ROLE_END,
        ROLE_PLACE,
        ROLE_NODES
};

static const struct {
        const char *noun;      /* "unknown ..." */
        const char *condition; /* "... is a group: ..." */
} roles[] = {
        [ROLE_HUB] = {"hub", "a hub is needed here"},
        [ROLE_SITE] = {"site", "a site is needed here"},
        [ROLE_MACHINE] = {"machine", "a service is on one machine"},
        [ROLE_STAND_IN] = {"machine", "an address stands for one machine"},
        [ROLE_PARTY] = {"name", "it exists in the lab only"},
        [ROLE_END] = {"name", ""},
        [ROLE_PLACE] = {"site or device", "a site, a person or a device is needed here"},
        [ROLE_NODES] = {"node", "a node or a person is needed here"},
};

static bool is_lab_only(const struct tl_model *model, const struct tl_entity *entity)
{
        return entity->kind == TL_ENTITY_HOST && model->hosts[entity->index].is_lab_only;
}

static bool fits(const struct tl_model *model, enum role role, const struct tl_entity *entity)
{
        enum tl_entity_kind kind = entity->kind;

        switch (role) {
        case ROLE_HUB:
                return kind == TL_ENTITY_NODE && model->nodes[entity->index].kind == TL_NODE_HUB;
        case ROLE_SITE:
                return kind == TL_ENTITY_SITE;
        case ROLE_MACHINE:
                return kind == TL_ENTITY_NODE ||
                       (kind == TL_ENTITY_HOST && !is_lab_only(model, entity));
        case ROLE_STAND_IN:
                return (kind == TL_ENTITY_NODE || kind == TL_ENTITY_HOST ||
                        kind == TL_ENTITY_SERVICE) &&
                       !is_lab_only(model, entity);
        case ROLE_PARTY:
                return !is_lab_only(model, entity);
        case ROLE_END:
                return true;
        case ROLE_PLACE:
                return kind == TL_ENTITY_SITE || kind == TL_ENTITY_PERSON ||
                       (kind == TL_ENTITY_NODE &&
                        model->nodes[entity->index].kind == TL_NODE_DEVICE);
        case ROLE_NODES:
                return kind == TL_ENTITY_NODE || kind == TL_ENTITY_PERSON;
        }
        return false;
}

/* A key in the wrong place may be a private one, so no message shows it. */
static bool may_be_key(const char *text, size_t len)
{
        return len == 44 && text[len - 1] == '=';
}

static void report_unknown(struct builder *b, enum role role, const char *name, size_t len,
                           struct tl_place at)
{
        struct tl_similar best = {0};

        if (may_be_key(name, len)) {
                tl_findings_error(b->findings, at, NULL, "a key is no %s", roles[role].noun);
                return;
        }
        if (b->suggestions++ < SUGGESTIONS_MAX)
                for (uint32_t i = 0; i < b->model->entity_count; i++)
                        if (fits(b->model, role, &b->model->entities[i]))
                                tl_similar_consider(&best, name, len, b->model->entities[i].name);
        if (best.name)
                tl_findings_error(b->findings, at, NULL,
                                  "unknown %s \"%.*s\": did you mean \"%s\"?", roles[role].noun,
                                  (int)len, name, best.name);
        else
                tl_findings_error(b->findings, at, NULL, "unknown %s \"%.*s\"", roles[role].noun,
                                  (int)len, name);
}

/* The entity that a name stands for; NULL, with a finding, if there is none in this role. */
static const struct tl_entity *resolve(struct builder *b, enum role role, const char *name,
                                       size_t len, struct tl_place at)
{
        const struct tl_entity *entity = tl_model_find(b->model, name, len);

        if (!entity) {
                report_unknown(b, role, name, len, at);
                return NULL;
        }
        if (fits(b->model, role, entity))
                return entity;
        if (is_lab_only(b->model, entity))
                role = ROLE_PARTY;
        tl_findings_add(b->findings, TL_FINDING_ERROR, at, &entity->at, NULL, "\"%s\" is %s: %s",
                        entity->name, tl_entity_kind_text(entity->kind), roles[role].condition);
        return NULL;
}

/* A word that is missing is a mistake that the reader of the file has found. */
static const struct tl_entity *resolve_word(struct builder *b, enum role role,
                                            const struct tl_word *word)
{
        if (!word->text)
                return NULL;
        return resolve(b, role, word->text, strlen(word->text), word->at);
}

/* The hub of a site or device: the one that the file names, or the first. */
static void resolve_hub(struct builder *b, struct tl_node *node, const struct tl_word *given)
{
        const struct tl_entity *entity;

        if (b->model->hub_count > 0)
                node->hub = 0;
        if (!given->text)
                return;
        entity = resolve_word(b, ROLE_HUB, given);
        if (entity)
                node->hub = entity->index;
}

/* Nodes that nobody can reach from the Internet need a hub to meet at. */
static void check_hubs(struct builder *b)
{
        struct tl_model *model = b->model;

        for (uint32_t i = 0; i < model->hub_count; i++)
                model->nodes[i].hub = i;
        for (uint32_t i = 0; model->hub_count == 0 && i < model->node_count; i++) {
                const struct tl_node *node = &model->nodes[i];

                if (node->kind == TL_NODE_SITE && tl_node_is_public(node))
                        continue;
                tl_findings_error(b->findings, node->at,
                                  "add a hub with a public endpoint under `hubs:`",
                                  "\"%s\" needs a hub, and the network has none", node->name);
                return;
        }
}

static void resolve_hubs(struct builder *b)
{
        struct tl_model *model = b->model;
        uint32_t device = model->hub_count + model->site_count;

        check_hubs(b);
        for (uint32_t i = 0; i < model->site_count; i++)
                resolve_hub(b, &model->nodes[model->hub_count + i], &b->network->sites[i].hub);
        for (uint32_t i = 0; i < b->network->person_count; i++)
                for (uint32_t j = 0; j < b->network->people[i].device_count; j++)
                        resolve_hub(b, &model->nodes[device++],
                                    &b->network->people[i].devices[j].hub);
}

/* The LAN whose own prefix has an address. If those of several sites have it, *other is one of
 * them; else it is NONE. */
static uint32_t find_own_lan(const struct tl_model *model, const struct wg_ip *ip, uint32_t *other)
{
        const struct tl_nest_item *items = model->lans_by_own;
        uint32_t at = tl_nest_find(items, model->lan_count, ip), lan;

        *other = TL_MODEL_NONE;
        if (at == TL_NEST_NONE)
                return TL_MODEL_NONE;
        lan = items[at].id;
        while (items[at].outer != TL_NEST_NONE && *other == TL_MODEL_NONE) {
                at = items[at].outer;
                if (model->lans[items[at].id].site != model->lans[lan].site)
                        *other = items[at].id;
        }
        return lan;
}

static void resolve_service_address(struct builder *b, struct tl_service *service)
{
        const struct tl_word *at = &service->in_file->at;
        const struct wg_ip *ip = &service->in_file->ip;
        struct tl_model *model = b->model;
        uint32_t other, lan = find_own_lan(model, ip, &other);

        *(ip->family == WG_FAMILY_IPV4 ? &service->ip4 : &service->ip6) = *ip;
        if (tl_model_find_address(model, ip) != TL_MODEL_NONE)
                return;
        if (other != TL_MODEL_NONE) {
                tl_findings_error(
                        b->findings, at->at,
                        "name the machine under `devices:` of its site, and give its name here",
                        "%s is in LANs of two sites, \"%s\" and \"%s\"", at->text,
                        model->sites[model->lans[other].site].name,
                        model->sites[model->lans[lan].site].name);
                return;
        }
        if (lan == TL_MODEL_NONE)
                tl_findings_error(b->findings, at->at, NULL,
                                  "%s is in no LAN of a site, and no node has it", at->text);
        else
                service->site = model->lans[lan].site;
}

static void resolve_service(struct builder *b, struct tl_service *service)
{
        const struct tl_network_service *in_file = service->in_file;
        const struct tl_entity *entity;

        if (in_file->ip.family != WG_FAMILY_NONE) {
                resolve_service_address(b, service);
                return;
        }
        entity = resolve_word(b, ROLE_MACHINE, &in_file->at);
        if (!entity)
                return;
        if (entity->kind == TL_ENTITY_NODE) {
                service->ip4 = b->model->nodes[entity->index].ip4;
                service->ip6 = b->model->nodes[entity->index].ip6;
        } else {
                service->ip4 = b->model->hosts[entity->index].ip4;
                service->ip6 = b->model->hosts[entity->index].ip6;
                service->site = b->model->hosts[entity->index].site;
        }
}

static void resolve_stand_ins(struct builder *b)
{
        for (uint32_t i = 0; i < b->network->site_count; i++)
                for (uint32_t j = 0; j < b->network->sites[i].stand_in_count; j++)
                        resolve_word(b, ROLE_STAND_IN, &b->network->sites[i].stand_ins[j].name);
}

static void resolve_parties(struct builder *b, const struct tl_word_list *parties)
{
        for (uint32_t i = 0; i < parties->count; i++) {
                const struct tl_word *word = &parties->items[i];

                if (!wg_enum_by_name(&tl_everyone_enum, word->text, strlen(word->text)))
                        resolve_word(b, ROLE_PARTY, word);
        }
}

/* One end of an expectation, which is a name or an address. */
static void resolve_end(struct builder *b, struct tl_text end, struct tl_place at)
{
        struct wg_ip ip;

        if (!tl_address_parse_ip(end, &ip))
                resolve(b, ROLE_END, end.at, end.len, at);
}

static void resolve_lab(struct builder *b)
{
        const struct tl_network_lab *lab = &b->network->lab;

        for (uint32_t i = 0; i < lab->home_count; i++)
                resolve_word(b, ROLE_PLACE, &lab->homes[i].who);
        for (uint32_t i = 0; i < lab->host_count; i++)
                resolve_word(b, ROLE_SITE, &lab->hosts[i].site);
        for (uint32_t i = 0; i < lab->network_count; i++)
                resolve_word(b, ROLE_NODES, &lab->networks[i].who);
}

static void resolve_all(struct builder *b)
{
        resolve_hubs(b);
        for (uint32_t i = 0; i < b->model->service_count; i++)
                resolve_service(b, &b->model->services[i]);
        resolve_stand_ins(b);
        for (uint32_t i = 0; i < b->network->rule_count; i++) {
                resolve_parties(b, &b->network->rules[i].from);
                resolve_parties(b, &b->network->rules[i].to);
        }
        for (uint32_t i = 0; i < b->network->expectation_count; i++) {
                const struct tl_network_expectation *expectation = &b->network->expectations[i];

                resolve_end(b, expectation->flow.from, expectation->from_at);
                resolve_end(b, expectation->flow.to, expectation->to_at);
        }
        resolve_lab(b);
}

/* ---- building ---- */

static bool build_services(struct builder *b)
{
        struct tl_model *model = b->model;

        model->service_count = b->network->service_count;
        model->services = tl_arena_take(&model->arena, model->service_count,
                                        sizeof(*model->services));
        for (uint32_t i = 0; model->services && i < model->service_count; i++)
                model->services[i] = (struct tl_service){.in_file = &b->network->services[i],
                                                         .site = TL_MODEL_NONE};
        return model->services != NULL;
}

/* The networks that the file says devices are in. */
static bool build_presences(struct builder *b)
{
        uint32_t node = b->model->hub_count + b->model->site_count;

        for (uint32_t i = 0; i < b->network->person_count; i++)
                for (uint32_t j = 0; j < b->network->people[i].device_count; j++, node++) {
                        const struct tl_prefix_list *lans = &b->network->people[i].devices[j].lans;

                        for (uint32_t k = 0; k < lans->count; k++) {
                                const struct tl_presence presence = {
                                        .node = node,
                                        .prefix = lans->items[k].prefix,
                                        .is_declared = true,
                                        .at = lans->items[k].at};

                                if (!tl_model_add_presence(b->model, &presence))
                                        return false;
                        }
                }
        return true;
}

static bool build_all(struct builder *b)
{
        struct tl_model *model = b->model;
        struct tl_recorded recorded;

        model->domain = b->network->domain.text;
        if (!model->domain)
                model->domain = tl_arena_format(&model->arena, "%s.internal",
                                                b->network->name.text);
        return model->domain && tl_recorded_init(&recorded, model->lock, &model->arena) &&
               build_nodes(b, &recorded) && index_keys(b) && index_addresses(model) &&
               build_sites(b, &recorded) && map_lans(model) && index_own_lans(model) &&
               index_lans(model) && build_groups(b) && build_services(b) && build_names(b) &&
               build_presences(b);
}

bool tl_model_build(struct tl_model *model, const struct tl_network *network,
                    const struct tl_lock *lock, struct tl_findings *findings)
{
        struct builder b = {.model = model, .network = network, .findings = findings};
        uint32_t errors = findings->errors;
        bool is_built;

        *model = (struct tl_model){.network = network,
                                   .lock = lock,
                                   .pool4 = network->pool4.prefix,
                                   .pool6 = tl_derive_pool6(network, lock)};
        is_built = build_all(&b);
        if (is_built)
                resolve_all(&b);
        if (!is_built || !tl_standins_build(model, findings))
                tl_findings_error(findings, network->name.at, NULL, "out of memory");
        return findings->errors == errors && !findings->has_lost_some;
}

void tl_model_done(struct tl_model *model)
{
        tl_arena_done(&model->arena);
        *model = (struct tl_model){0};
}
