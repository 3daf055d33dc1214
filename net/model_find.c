/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * Lookups in a model that has been built. */
#include "net/model.h"

#include <string.h>

#include "conf/similar.h"

/* ---- names, keys and addresses ---- */

/* Whether a terminated name is less than, equal to, or greater than another of len bytes. */
static int compare_name(const char *name, const char *other, size_t len)
{
        int order = strncmp(name, other, len);

        return order != 0 ? order : name[len] != '\0';
}

const struct tl_entity *tl_model_find(const struct tl_model *model, const char *name, size_t len)
{
        uint32_t low = 0, high = model->entity_count;

        while (low < high) {
                uint32_t middle = low + (high - low) / 2;
                int order = compare_name(model->entities[middle].name, name, len);

                if (order == 0)
                        return &model->entities[middle];
                if (order < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return NULL;
}

uint32_t tl_model_find_key(const struct tl_model *model, const uint8_t key[TL_CONF_KEY_LEN])
{
        uint32_t low = 0, high = model->by_key_count;

        while (low < high) {
                uint32_t middle = low + (high - low) / 2;
                int order = memcmp(model->by_key[middle]->in_file->key, key, TL_CONF_KEY_LEN);

                if (order == 0)
                        return (uint32_t)(model->by_key[middle] - model->nodes);
                if (order < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return TL_MODEL_NONE;
}

uint32_t tl_model_find_lan(const struct tl_model *model, const struct wg_ip *ip)
{
        uint32_t item = tl_nest_find(model->lans_by_prefix, model->lans_by_prefix_count, ip);

        return item == TL_NEST_NONE ? TL_MODEL_NONE : model->lans_by_prefix[item].id;
}

bool tl_model_has_mapped(const struct tl_model *model)
{
        for (uint32_t i = 0; i < model->lan_count; i++)
                if (model->lans[i].mapped.ip.family != WG_FAMILY_NONE)
                        return true;
        return false;
}

uint32_t tl_model_find_lan_of(const struct tl_model *model, uint32_t site, const struct wg_ip *ip)
{
        uint32_t first = model->sites[site].lan_first, found = TL_MODEL_NONE;

        for (uint32_t i = first; i < first + model->sites[site].lan_count; i++)
                if (wg_prefix_contains(&model->lans[i].prefix, ip) &&
                    (found == TL_MODEL_NONE ||
                     model->lans[i].prefix.cidr > model->lans[found].prefix.cidr))
                        found = i;
        return found;
}

uint32_t tl_model_first_presence(const struct tl_model *model, uint32_t node)
{
        uint32_t low = 0, high = model->presence_count;

        while (low < high) {
                uint32_t middle = low + (high - low) / 2;

                if (model->presences[middle].node < node)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

const struct tl_presence *tl_model_find_presence(const struct tl_model *model, uint32_t node,
                                                 const struct wg_prefix *prefix)
{
        for (uint32_t i = tl_model_first_presence(model, node);
             i < model->presence_count && model->presences[i].node == node; i++)
                if (wg_prefix_overlaps(&model->presences[i].prefix, prefix))
                        return &model->presences[i];
        return NULL;
}

bool tl_model_add_presence(struct tl_model *model, const struct tl_presence *presence)
{
        struct tl_presence *larger = tl_arena_grow(&model->arena, model->presences,
                                                   model->presence_count, &model->presence_capacity,
                                                   sizeof(*larger));
        uint32_t at = tl_model_first_presence(model, presence->node + 1);

        if (!larger)
                return false;
        model->presences = larger;
        memmove(&larger[at + 1], &larger[at], (model->presence_count - at) * sizeof(*larger));
        larger[at] = *presence;
        model->presence_count++;
        return true;
}

/* ---- stand-ins ---- */

const struct tl_stand_in *tl_model_find_stand_in(const struct tl_model *model, uint32_t lan,
                                                 const struct wg_prefix *to)
{
        uint32_t low = 0, high = model->stand_in_count, at;

        while (low < high) {
                uint32_t middle = low + (high - low) / 2;
                const struct tl_stand_in *item = &model->stand_ins[middle];

                if (item->lan < lan ||
                    (item->lan == lan && wg_ip_compare(&item->there.ip, &to->ip) <= 0))
                        low = middle + 1;
                else
                        high = middle;
        }
        at = low > 0 && model->stand_ins[low - 1].lan == lan ? low - 1 : TL_MODEL_NONE;
        while (at != TL_MODEL_NONE && !wg_prefix_covers(&model->stand_ins[at].there, to))
                at = model->stand_ins[at].outer;
        return at == TL_MODEL_NONE ? NULL : &model->stand_ins[at];
}

const struct tl_stand_in *tl_model_find_here(const struct tl_model *model, uint32_t lan,
                                             const struct wg_ip *here)
{
        uint32_t low = 0, high = model->stand_in_count;

        while (low < high) {
                uint32_t middle = low + (high - low) / 2;
                const struct tl_stand_in *item = model->by_here[middle];

                if (item->lan < lan ||
                    (item->lan == lan && wg_ip_compare(&item->here.ip, here) <= 0))
                        low = middle + 1;
                else
                        high = middle;
        }
        if (low == 0 || model->by_here[low - 1]->lan != lan ||
            !wg_prefix_contains(&model->by_here[low - 1]->here, here))
                return NULL;
        return model->by_here[low - 1];
}

bool tl_model_hides(const struct tl_model *model, uint32_t node, const struct tl_lan *lan)
{
        return lan->mapped.ip.family != WG_FAMILY_NONE && !tl_lan_is_mapped(lan) &&
               tl_model_find_presence(model, node, &lan->wire);
}

const struct tl_lab_home *tl_model_find_home(const struct tl_model *model, const char *name)
{
        const struct tl_network_lab *lab = &model->network->lab;

        for (uint32_t i = 0; i < lab->home_count; i++)
                if (strcmp(lab->homes[i].who.text, name) == 0)
                        return &lab->homes[i];
        return NULL;
}

const struct tl_lab_home *tl_model_home_of(const struct tl_model *model, uint32_t node)
{
        const struct tl_node *of = &model->nodes[node];
        const struct tl_lab_home *home;

        if (of->site != TL_MODEL_NONE)
                return tl_model_find_home(model, model->sites[of->site].name);
        home = tl_model_find_home(model, of->name);
        if (home || of->person == TL_MODEL_NONE)
                return home;
        return tl_model_find_home(model, model->network->people[of->person].name.text);
}

uint32_t tl_model_find_address(const struct tl_model *model, const struct wg_ip *ip)
{
        bool is_ipv4 = ip->family == WG_FAMILY_IPV4;
        const struct tl_node **nodes = is_ipv4 ? model->by_ip4 : model->by_ip6;
        uint32_t low = 0, high = model->node_count;

        while (ip->family != WG_FAMILY_NONE && low < high) {
                uint32_t middle = low + (high - low) / 2;
                const struct tl_node *node = nodes[middle];
                int order = wg_ip_compare(is_ipv4 ? &node->ip4 : &node->ip6, ip);

                if (order == 0)
                        return (uint32_t)(node - model->nodes);
                if (order < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return TL_MODEL_NONE;
}

const char *tl_model_suggest(const struct tl_model *model, const char *name, size_t len)
{
        struct tl_similar best = {0};

        for (uint32_t i = 0; i < model->entity_count; i++)
                tl_similar_consider(&best, name, len, model->entities[i].name);
        return best.name;
}

/* ---- the way between nodes ---- */

bool tl_node_is_public(const struct tl_node *node)
{
        return node->in_file->endpoint.host.text != NULL;
}

bool tl_model_is_peer(const struct tl_model *model, uint32_t a, uint32_t b)
{
        const struct tl_node *x = &model->nodes[a], *y = &model->nodes[b];

        if (a == b)
                return false;
        if (x->kind == TL_NODE_HUB && y->kind == TL_NODE_HUB)
                return true;
        if (x->kind == TL_NODE_HUB || y->kind == TL_NODE_HUB)
                return x->hub == b || y->hub == a;
        return x->kind == TL_NODE_SITE && y->kind == TL_NODE_SITE && tl_node_is_public(x) &&
               tl_node_is_public(y);
}

uint32_t tl_model_next(const struct tl_model *model, uint32_t from, uint32_t to)
{
        if (tl_model_is_peer(model, from, to))
                return to;
        if (model->nodes[from].kind == TL_NODE_HUB)
                return model->nodes[to].hub;
        return model->nodes[from].hub;
}
