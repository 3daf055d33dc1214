/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/parties.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/address.h"
#include "net/ends.h"

/* ---- listing ---- */

static const struct tl_walk_end nowhere = {.node = TL_MODEL_NONE, .lan = TL_MODEL_NONE};

/* A party seen in one version; the versions are matched later. */
static struct tl_party_version *add(struct tl_parties *parties, const char *key, const char *name,
                                    int version)
{
        struct tl_party *larger = tl_arena_grow(&parties->arena, parties->items, parties->count,
                                                &parties->capacity, sizeof(*larger));
        struct tl_party *party;

        if (!larger || !key || !name)
                return NULL;
        parties->items = larger;
        party = &larger[parties->count++];
        *party = (struct tl_party){.key = key, .name = name};
        party->versions[version] = (struct tl_party_version){
                .is_present = true, .ip4 = nowhere, .ip6 = nowhere};
        return &party->versions[version];
}

static bool add_machine(struct tl_parties *parties, int version, const char *name,
                        struct tl_walk_end ip4, struct tl_walk_end ip6)
{
        struct tl_party_version *added = add(parties, name, name, version);

        if (!added)
                return false;
        added->ip4 = ip4;
        added->ip6 = ip6;
        return true;
}

static bool add_host(struct tl_parties *parties, int version, const struct tl_host *host)
{
        const struct tl_model *model = parties->plans[version]->model;

        return add_machine(parties, version, host->name,
                           tl_ends_on_lan(model, host->site, &host->ip4),
                           tl_ends_on_lan(model, host->site, &host->ip6));
}

void tl_party_lan_key(char key[TL_PARTY_KEY_SIZE], const struct tl_model *model, uint32_t lan)
{
        const struct tl_site *site = &model->sites[model->lans[lan].site];

        snprintf(key, TL_PARTY_KEY_SIZE, "%s %u", site->name,
                 (unsigned int)(lan - site->lan_first));
}

static bool add_lan(struct tl_parties *parties, int version, uint32_t index)
{
        const struct tl_model *model = parties->plans[version]->model;
        const struct tl_lan *lan = &model->lans[index];
        struct wg_ip ip = tl_ends_free_address(model, lan);
        char key[TL_PARTY_KEY_SIZE], prefix[TL_ADDRESS_PREFIX_SIZE];
        struct tl_party_version *added;

        if (ip.family == WG_FAMILY_NONE)
                return true;
        tl_party_lan_key(key, model, index);
        tl_address_format_prefix(prefix, &lan->prefix);
        added = add(parties, tl_arena_format(&parties->arena, "%s", key),
                    tl_arena_format(&parties->arena, "unnamed devices of %s (%s)",
                                    model->sites[lan->site].name, prefix),
                    version);
        if (!added)
                return false;
        *(ip.family == WG_FAMILY_IPV4 ? &added->ip4 : &added->ip6) = (struct tl_walk_end){
                .ip = ip, .node = model->sites[lan->site].node, .lan = index};
        return true;
}

/* The machine of a service that has no other name. */
static bool add_service(struct tl_parties *parties, int version, const struct tl_service *service)
{
        const struct tl_model *model = parties->plans[version]->model;
        const struct wg_ip *ip = &service->in_file->ip;

        if (ip->family == WG_FAMILY_NONE || tl_model_find_address(model, ip) != TL_MODEL_NONE)
                return true;
        for (uint32_t i = 0; i < model->host_count; i++)
                if (wg_ip_equal(ip, &model->hosts[i].ip4) || wg_ip_equal(ip, &model->hosts[i].ip6))
                        return true;
        return add_machine(parties, version, service->in_file->name.text,
                           tl_walk_locate(model, &service->ip4),
                           tl_walk_locate(model, &service->ip6));
}

static bool list(struct tl_parties *parties, int version)
{
        const struct tl_model *model = parties->plans[version]->model;

        for (uint32_t i = 0; i < model->node_count; i++)
                if (!add_machine(parties, version, model->nodes[i].name,
                                 tl_walk_locate(model, &model->nodes[i].ip4),
                                 tl_walk_locate(model, &model->nodes[i].ip6)))
                        return false;
        for (uint32_t i = 0; i < model->host_count; i++)
                if (!model->hosts[i].is_lab_only && !add_host(parties, version, &model->hosts[i]))
                        return false;
        for (uint32_t i = 0; i < model->lan_count; i++)
                if (!add_lan(parties, version, i))
                        return false;
        for (uint32_t i = 0; i < model->service_count; i++)
                if (!add_service(parties, version, &model->services[i]))
                        return false;
        return true;
}

static int by_key(const void *left, const void *right)
{
        const struct tl_party *a = left, *b = right;
        int order = strcmp(a->key, b->key);

        return order != 0 ? order
                          : (int)b->versions[TL_AFTER].is_present -
                                    (int)a->versions[TL_AFTER].is_present;
}

/* Joins the versions of a name. The newer one comes first, and its name is shown. */
static void match(struct tl_parties *parties)
{
        uint32_t kept = 0;

        qsort(parties->items, parties->count, sizeof(*parties->items), by_key);
        for (uint32_t i = 0; i < parties->count; i++) {
                struct tl_party *party = &parties->items[i];
                struct tl_party *last = kept ? &parties->items[kept - 1] : NULL;

                if (last && strcmp(last->key, party->key) == 0)
                        last->versions[TL_BEFORE] = party->versions[TL_BEFORE];
                else
                        parties->items[kept++] = *party;
        }
        parties->count = kept;
}

uint32_t tl_parties_find(const struct tl_parties *parties, const char *key)
{
        uint32_t low = 0, high = parties->count;

        while (low < high) {
                uint32_t middle = low + (high - low) / 2;
                int order = strcmp(parties->items[middle].key, key);

                if (order == 0)
                        return middle;
                if (order < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return TL_MODEL_NONE;
}

/* ---- how packets travel ---- */

/* The address that stands for a machine in rules and in lists of routes. */
static const struct tl_walk_end *main_end(const struct tl_party_version *version)
{
        return version->ip4.ip.family != WG_FAMILY_NONE ? &version->ip4 : &version->ip6;
}

static uint32_t add_name(struct tl_intern *travels, uint32_t number, const char *name)
{
        for (; *name; name++)
                number = tl_intern_add(travels, number, (uint64_t)(unsigned char)*name);
        return tl_intern_add(travels, number, UINT64_MAX);
}

/* Which of the routers with a list of routes have a route to this machine. */
static uint32_t add_routes_to(struct tl_intern *travels, uint32_t number,
                              const struct tl_model *model, const struct wg_ip *ip)
{
        struct wg_prefix single = {.ip = *ip, .cidr = (uint8_t)wg_ip_bits(ip)};

        for (uint32_t i = 0; ip->family != WG_FAMILY_NONE && i < model->site_count; i++) {
                const struct tl_network_site *site = model->sites[i].in_file;
                bool is_routed = false;

                if (!site->has_routes)
                        continue;
                for (uint32_t j = 0; !is_routed && j < site->routes.count; j++)
                        is_routed = wg_prefix_covers(&site->routes.items[j].prefix, &single);
                if (is_routed)
                        number = add_name(travels, number, site->name.text);
        }
        return tl_intern_add(travels, number, UINT64_MAX);
}

/* What stands for addresses in any LAN, as a nest of what it stands for; `id` is the index. */
struct stand_ins {
        struct tl_nest_item *items;
        uint32_t *found; /* room for all indices */
        uint32_t count;
};

static bool list_stand_ins(struct stand_ins *stand_ins, const struct tl_model *model,
                           struct tl_arena *arena)
{
        uint32_t count = model->stand_in_count;

        stand_ins->items = tl_arena_take(arena, count, sizeof(*stand_ins->items));
        stand_ins->found = tl_arena_take(arena, count, sizeof(*stand_ins->found));
        stand_ins->count = count;
        if (!stand_ins->items || !stand_ins->found)
                return false;
        for (uint32_t i = 0; i < count; i++)
                stand_ins->items[i] = (struct tl_nest_item){.prefix = model->stand_ins[i].there,
                                                            .id = i};
        tl_nest_sort(stand_ins->items, count);
        return true;
}

static int by_number(const void *left, const void *right)
{
        const uint32_t *a = left, *b = right;

        return (*a > *b) - (*a < *b);
}

/* In which LANs something stands for this machine. */
static uint32_t add_stand_ins_for(struct tl_intern *travels, uint32_t number,
                                  const struct tl_model *model, const struct stand_ins *stand_ins,
                                  const struct wg_ip *ip)
{
        uint32_t count = 0;

        for (uint32_t at = tl_nest_find(stand_ins->items, stand_ins->count, ip); at != TL_NEST_NONE;
             at = stand_ins->items[at].outer)
                stand_ins->found[count++] = stand_ins->items[at].id;
        if (count)
                qsort(stand_ins->found, count, sizeof(*stand_ins->found), by_number);
        for (uint32_t i = 0; i < count; i++) {
                uint32_t lan = model->stand_ins[stand_ins->found[i]].lan;

                number = add_name(travels, number, model->sites[model->lans[lan].site].name);
        }
        return tl_intern_add(travels, number, UINT64_MAX);
}

/* The networks that a node is in and that hide a LAN from it. */
static uint32_t add_hiding(struct tl_intern *travels, uint32_t number, const struct tl_model *model,
                           uint32_t node)
{
        for (uint32_t i = tl_model_first_presence(model, node);
             i < model->presence_count && model->presences[i].node == node; i++) {
                const struct wg_prefix *prefix = &model->presences[i].prefix;
                uint64_t bits[2];

                if (tl_nest_overlap(model->lans_by_prefix, model->lans_by_prefix_count, prefix) ==
                    TL_NEST_NONE)
                        continue;
                wg_ip_load_bits(bits, prefix->ip.family, prefix->ip.bytes);
                number = tl_intern_add(travels, number, bits[0]);
                number = tl_intern_add(travels, number, bits[1]);
                number = tl_intern_add(travels, number, prefix->cidr);
        }
        return tl_intern_add(travels, number, UINT64_MAX);
}

/* The routes to one address of a machine, and what stands for it. */
static uint32_t add_address(struct tl_intern *travels, uint32_t number,
                            const struct tl_model *model, const struct stand_ins *stand_ins,
                            const struct tl_walk_end *end)
{
        struct wg_ip ip = tl_course_wire(model, end);

        number = add_routes_to(travels, number, model, &ip);
        return add_stand_ins_for(travels, number, model, stand_ins, &ip);
}

static bool has_key(const struct tl_node *node)
{
        return node->in_file->key_at.line != 0;
}

/* All that decides about the way of packets, apart from the policy. */
static uint32_t travel_of(struct tl_intern *travels, const struct tl_model *model,
                          const struct stand_ins *stand_ins, const struct tl_party_version *version)
{
        const struct tl_walk_end *end = main_end(version);
        const struct tl_node *node, *hub;
        const struct tl_network_site *site;
        uint32_t number;

        if (end->node == TL_MODEL_NONE)
                return 0;
        node = &model->nodes[end->node];
        hub = node->hub < model->hub_count ? &model->nodes[node->hub] : NULL;
        number = tl_intern_add(
                travels, 0,
                (uint64_t)node->kind | (uint64_t)end->is_node << 8 | (uint64_t)node->is_stock << 9 |
                        (uint64_t)has_key(node) << 10 | (uint64_t)(hub && has_key(hub)) << 11 |
                        (uint64_t)tl_node_is_public(node) << 12 |
                        (uint64_t)(version->ip4.ip.family != 0) << 13 |
                        (uint64_t)(version->ip6.ip.family != 0) << 14);
        number = add_name(travels, number, hub ? hub->name : "");
        if (!end->is_node) {
                site = model->sites[node->site].in_file;
                number = tl_intern_add(travels, number, site->gateway);
                number = add_name(travels, number,
                                  site->has_routes || site->stand_in_count ? site->name.text : "");
        }
        if (end->is_node)
                number = add_hiding(travels, number, model, end->node);
        number = add_address(travels, number, model, stand_ins, &version->ip4);
        return add_address(travels, number, model, stand_ins, &version->ip6);
}

static bool number_travels(struct tl_parties *parties, int version)
{
        const struct tl_model *model = parties->plans[version]->model;
        struct stand_ins stand_ins;

        if (!list_stand_ins(&stand_ins, model, &parties->arena))
                return false;
        for (uint32_t i = 0; i < parties->count; i++) {
                struct tl_party_version *v = &parties->items[i].versions[version];

                if (v->is_present)
                        v->travel = travel_of(&parties->travels, model, &stand_ins, v);
        }
        return true;
}

/* ---- what rules say ---- */

static uint64_t pack_grant(uint32_t subject, const struct tl_policy_target *target)
{
        return (uint64_t)subject << 40 | (uint64_t)target->protocol << 32 |
               (uint64_t)target->first << 16 | target->last;
}

struct tl_party_grant tl_party_grant(uint64_t item)
{
        return (struct tl_party_grant){
                .subject = (uint32_t)(item >> 40),
                .protocol = (uint8_t)(item >> 32),
                .first = (uint16_t)(item >> 16),
                .last = (uint16_t)item,
        };
}

/* A machine's version, sorted by address. */
struct place {
        struct wg_ip ip;
        struct tl_party_version *version;
};

static int by_ip(const void *left, const void *right)
{
        const struct place *a = left, *b = right;

        return wg_ip_compare(&a->ip, &b->ip);
}

/* The first place at or after an address. */
static uint32_t find_place(const struct place *places, uint32_t count, const struct wg_ip *ip)
{
        uint32_t low = 0, high = count;

        while (low < high) {
                uint32_t middle = low + (high - low) / 2;

                if (wg_ip_compare(&places[middle].ip, ip) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

/* Tells every machine within the targets of a subject that the subject may open them. */
static void grant(struct tl_parties *parties, const struct place *places, uint32_t count,
                  const struct tl_policy *policy, uint32_t index)
{
        const struct tl_policy_subject *subject = &policy->subjects[index];

        for (uint32_t i = 0; i < subject->count; i++) {
                const struct tl_policy_target *target = &subject->targets[i];
                uint64_t item = pack_grant(index, target);

                for (uint32_t j = find_place(places, count, &target->prefix.ip);
                     j < count && wg_prefix_contains(&target->prefix, &places[j].ip); j++)
                        places[j].version->target = tl_intern_add(&parties->targets,
                                                                  places[j].version->target, item);
        }
}

/* What the policy sees of a machine. */
static struct wg_ip policy_address(const struct tl_parties *parties, int version,
                                   const struct tl_party_version *party)
{
        return tl_course_wire(parties->plans[version]->model, main_end(party));
}

static bool apply_policy(struct tl_parties *parties, int version)
{
        const struct tl_policy *policy = parties->plans[version]->policy;
        struct place *places = calloc((size_t)parties->count + 1, sizeof(*places));
        uint32_t count = 0;

        if (!places)
                return false;
        for (uint32_t i = 0; i < parties->count; i++) {
                struct tl_party_version *party = &parties->items[i].versions[version];
                const struct tl_policy_class *class;

                if (!party->is_present || policy->is_open)
                        continue;
                places[count].ip = policy_address(parties, version, party);
                class = tl_policy_class(policy, &places[count].ip);
                places[count++].version = party;
                party->source = class ? (uint32_t)(class - policy->classes) + 1 : 0;
        }
        qsort(places, count, sizeof(*places), by_ip);
        for (uint32_t i = 0; i < policy->subject_count; i++)
                grant(parties, places, count, policy, i);
        free(places);
        return true;
}

/* ---- classes ---- */

/* Numbers of signatures are dense and begin at 1, so they are classes but for a few gaps. */
static bool classify(struct tl_parties *parties)
{
        struct tl_intern signatures = {0}, classes = {0};

        for (uint32_t i = 0; i < parties->count; i++) {
                struct tl_party *party = &parties->items[i];
                uint32_t number = 0;

                for (int version = 0; version < TL_VERSIONS; version++) {
                        const struct tl_party_version *v = &party->versions[version];

                        number = tl_intern_add(&signatures, number, v->is_present);
                        number = tl_intern_add(&signatures, number, v->travel);
                        number = tl_intern_add(&signatures, number, v->source);
                        number = tl_intern_add(&signatures, number, v->target);
                }
                party->class = tl_intern_add(&classes, 0, number) - 1;
        }
        parties->class_count = classes.count;
        parties->travels.has_no_memory |= signatures.has_no_memory || classes.has_no_memory;
        tl_intern_done(&signatures);
        tl_intern_done(&classes);
        return !parties->travels.has_no_memory && !parties->targets.has_no_memory;
}

/* Sorts the parties by class, with a counting sort. */
static bool list_members(struct tl_parties *parties)
{
        uint32_t *first = tl_arena_take(&parties->arena, (size_t)parties->class_count + 2,
                                        sizeof(*first));

        parties->members = tl_arena_take(&parties->arena, (size_t)parties->count + 1,
                                         sizeof(uint32_t));
        if (!first || !parties->members)
                return false;
        for (uint32_t i = 0; i < parties->count; i++)
                first[parties->items[i].class + 2]++;
        for (uint32_t i = 0; i < parties->class_count; i++)
                first[i + 2] += first[i + 1];
        for (uint32_t i = 0; i < parties->count; i++)
                parties->members[first[parties->items[i].class + 1]++] = i;
        parties->first_members = first;
        return true;
}

bool tl_parties_share_site(const struct tl_party *a, const struct tl_party *b)
{
        for (int version = 0; version < TL_VERSIONS; version++) {
                const struct tl_party_version *x = &a->versions[version],
                                              *y = &b->versions[version];

                if (x->is_present && y->is_present && main_end(x)->node == main_end(y)->node)
                        return true;
        }
        return false;
}

bool tl_parties_make(struct tl_parties *parties, struct tl_plans *before, struct tl_plans *after)
{
        *parties = (struct tl_parties){.plans = {before, after}};
        if (!list(parties, TL_BEFORE) || !list(parties, TL_AFTER))
                return false;
        match(parties);
        for (int version = 0; version < TL_VERSIONS; version++)
                if (!number_travels(parties, version) || !apply_policy(parties, version))
                        return false;
        return classify(parties) && list_members(parties);
}

void tl_parties_done(struct tl_parties *parties)
{
        tl_intern_done(&parties->travels);
        tl_intern_done(&parties->targets);
        tl_arena_done(&parties->arena);
        *parties = (struct tl_parties){0};
}
