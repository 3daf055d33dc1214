/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/ends.h"

#include <string.h>

#include "base/bytes.h"
#include "conf/address.h"

struct lister {
        struct tl_ends *ends;
        const struct tl_model *model;
        struct tl_arena *arena;
};

static struct tl_end *add(struct lister *l, const char *name, struct tl_place at)
{
        struct tl_ends *ends = l->ends;
        struct tl_end *larger = tl_arena_grow(l->arena, ends->items, ends->count, &ends->capacity,
                                              sizeof(*larger));

        if (!larger)
                return NULL;
        ends->items = larger;
        larger[ends->count] = (struct tl_end){.name = name, .party = name, .at = at};
        return &larger[ends->count++];
}

/* ---- machines ---- */

static struct tl_walk_end at_node(uint32_t node, const struct wg_ip *ip)
{
        return (struct tl_walk_end){.ip = *ip, .node = node, .lan = TL_MODEL_NONE, .is_node = true};
}

static bool add_node(struct lister *l, uint32_t index)
{
        const struct tl_node *node = &l->model->nodes[index];
        struct tl_end *end = add(l, node->name, node->at);

        if (!end)
                return false;
        end->ip4 = at_node(index, &node->ip4);
        end->ip6 = at_node(index, &node->ip6);
        return true;
}

/* The site is known, so overlaps with other sites do not matter. */
struct tl_walk_end tl_ends_on_lan(const struct tl_model *model, uint32_t site,
                                  const struct wg_ip *ip)
{
        uint32_t lan = tl_model_find_lan_of(model, site, ip);

        if (lan == TL_MODEL_NONE)
                return (struct tl_walk_end){.node = TL_MODEL_NONE, .lan = TL_MODEL_NONE};
        return (struct tl_walk_end){
                .ip = *ip,
                .node = model->sites[site].node,
                .lan = lan,
                .is_node = wg_ip_equal(ip, &model->lans[lan].node_at),
        };
}

static bool add_host(struct lister *l, uint32_t index)
{
        const struct tl_host *host = &l->model->hosts[index];
        struct tl_end *end = add(l, host->name, host->at);

        if (!end)
                return false;
        if (host->is_lab_only)
                end->party = l->model->sites[host->site].name;
        end->ip4 = tl_ends_on_lan(l->model, host->site, &host->ip4);
        end->ip6 = tl_ends_on_lan(l->model, host->site, &host->ip6);
        return true;
}

/* ---- sites ---- */

static bool is_taken(const struct tl_model *model, const struct tl_lan *lan, const struct wg_ip *ip)
{
        const struct tl_site *site = &model->sites[lan->site];

        if (wg_ip_equal(ip, &lan->node_at) || wg_ip_equal(ip, &lan->router_at) ||
            tl_model_find_here(model, (uint32_t)(lan - model->lans), ip))
                return true;
        for (uint32_t i = 0; i < site->host_count; i++)
                if (wg_ip_equal(ip, &model->hosts[site->host_first + i].ip4) ||
                    wg_ip_equal(ip, &model->hosts[site->host_first + i].ip6))
                        return true;
        for (uint32_t i = 0; i < model->service_count; i++)
                if (wg_ip_equal(ip, &model->services[i].ip4) ||
                    wg_ip_equal(ip, &model->services[i].ip6))
                        return true;
        return false;
}

struct wg_ip tl_ends_free_address(const struct tl_model *model, const struct tl_lan *lan)
{
        uint64_t room = wg_ip_bits(&lan->prefix.ip) - lan->prefix.cidr;
        uint64_t most = room >= 8 ? 254 : room >= 2 ? (UINT64_C(1) << room) - 2 : 0;
        uint64_t first = WG_MIN(most, 100), bits[2];

        for (uint64_t i = 0; i < most; i++) {
                struct wg_ip ip;

                wg_ip_load_bits(bits, lan->prefix.ip.family, lan->prefix.ip.bytes);
                if (lan->prefix.ip.family == WG_FAMILY_IPV4)
                        bits[0] += ((first - 1 + i) % most + 1) << 32;
                else
                        bits[1] += (first - 1 + i) % most + 1;
                wg_ip_store_bits(&ip, lan->prefix.ip.family, bits);
                if (!is_taken(model, lan, &ip))
                        return ip;
        }
        return (struct wg_ip){0};
}

static bool is_in(const struct wg_prefix *range, const struct wg_ip *ip)
{
        return ip->family != WG_FAMILY_NONE && wg_prefix_contains(range, ip);
}

static bool is_range_taken(const struct tl_model *model, const struct tl_lan *lan,
                           const struct wg_prefix *range)
{
        const struct tl_site *site = &model->sites[lan->site];

        if (is_in(range, &lan->node_at) || is_in(range, &lan->router_at))
                return true;
        for (uint32_t i = 0; i < site->host_count; i++)
                if (is_in(range, &model->hosts[site->host_first + i].ip4) ||
                    is_in(range, &model->hosts[site->host_first + i].ip6))
                        return true;
        for (uint32_t i = 0; i < model->service_count; i++)
                if (is_in(range, &model->services[i].ip4) || is_in(range, &model->services[i].ip6))
                        return true;
        return false;
}

enum { RANGE_BITS = 5, RANGES_TRIED = 64 };

/* Ranges near the end of a LAN, since DHCP servers usually begin to hand out addresses further
 * down. An eighth of a LAN is enough for small ones. */
struct wg_prefix tl_ends_free_range(const struct tl_model *model, const struct tl_lan *lan)
{
        unsigned int room = wg_ip_bits(&lan->prefix.ip) - lan->prefix.cidr;
        unsigned int bits = WG_MIN(room >= 3 ? room - 3 : 0, RANGE_BITS);
        uint64_t count = UINT64_C(1) << (WG_MIN(room, 16) - bits), words[2];
        struct wg_prefix range = {.cidr = (uint8_t)(wg_ip_bits(&lan->prefix.ip) - bits)};

        /* The last one has the broadcast address, and the first one that of the network. */
        for (uint64_t i = 2; room >= 3 && i < count && i < RANGES_TRIED; i++) {
                uint64_t offset = (count - i) << bits;

                wg_ip_load_bits(words, lan->prefix.ip.family, lan->prefix.ip.bytes);
                if (lan->prefix.ip.family == WG_FAMILY_IPV4)
                        words[0] += offset << 32;
                else
                        words[1] += offset;
                wg_ip_store_bits(&range.ip, lan->prefix.ip.family, words);
                if (!is_range_taken(model, lan, &range))
                        return range;
        }
        return (struct wg_prefix){0};
}

/* A device of a site that the file does not name, with an address in the first LAN per family. */
static bool add_unnamed(struct lister *l, uint32_t index)
{
        const struct tl_site *site = &l->model->sites[index];
        struct tl_end end = {
                .party = site->name,
                .at = site->in_file->name.at,
                .ip4 = {.node = TL_MODEL_NONE, .lan = TL_MODEL_NONE},
                .ip6 = {.node = TL_MODEL_NONE, .lan = TL_MODEL_NONE},
        };
        struct tl_end *added;

        for (uint32_t i = 0; i < site->lan_count; i++) {
                const struct tl_lan *lan = &l->model->lans[site->lan_first + i];
                bool is_ipv4 = lan->prefix.ip.family == WG_FAMILY_IPV4;
                struct tl_walk_end *slot = is_ipv4 ? &end.ip4 : &end.ip6;
                struct wg_ip ip = tl_ends_free_address(l->model, lan);

                if (slot->ip.family == WG_FAMILY_NONE && ip.family != WG_FAMILY_NONE)
                        *slot = tl_ends_on_lan(l->model, index, &ip);
        }
        if (end.ip4.ip.family == WG_FAMILY_NONE && end.ip6.ip.family == WG_FAMILY_NONE)
                return add_node(l, site->node);
        end.name = tl_arena_format(l->arena, "a device of %s", site->name);
        added = end.name ? add(l, end.name, end.at) : NULL;
        if (!added)
                return false;
        *added = end;
        return true;
}

static bool add_site(struct lister *l, uint32_t index)
{
        const struct tl_site *site = &l->model->sites[index];

        return site->host_count ? add_host(l, site->host_first) : add_unnamed(l, index);
}

/* ---- people, services, addresses ---- */

static bool add_person(struct lister *l, uint32_t person)
{
        for (uint32_t i = l->model->person_nodes[person]; i < l->model->person_nodes[person + 1];
             i++)
                if (!add_node(l, i))
                        return false;
        return true;
}

static bool add_group(struct lister *l, const struct tl_group *group)
{
        for (uint32_t i = 0; i < group->count; i++)
                if (!add_person(l, group->people[i]))
                        return false;
        return true;
}

/* The only LAN whose own prefix has an address, which may not be its address in the tunnel. */
static uint32_t find_only_lan(const struct tl_model *model, const struct wg_ip *ip)
{
        uint32_t found = TL_MODEL_NONE;

        for (uint32_t i = 0; i < model->lan_count; i++) {
                if (!wg_prefix_contains(&model->lans[i].prefix, ip))
                        continue;
                if (found != TL_MODEL_NONE)
                        return TL_MODEL_NONE;
                found = i;
        }
        return found;
}

/* Where an address is, as a source. */
static struct tl_walk_end locate(const struct tl_model *model, const struct wg_ip *ip)
{
        struct tl_walk_end place = tl_walk_locate(model, ip);
        uint32_t lan = place.node == TL_MODEL_NONE ? find_only_lan(model, ip) : TL_MODEL_NONE;

        return lan == TL_MODEL_NONE ? place : tl_ends_on_lan(model, model->lans[lan].site, ip);
}

/* The machine of a service. Its address may be one of several sites, but its name is not. */
static void place_service(const struct tl_model *model, const struct tl_service *service,
                          struct tl_end *end)
{
        const struct tl_word *at = &service->in_file->at;
        const struct tl_entity *entity = NULL;

        if (service->in_file->ip.family == WG_FAMILY_NONE)
                entity = tl_model_find(model, at->text, strlen(at->text));
        if (entity && entity->kind == TL_ENTITY_HOST) {
                end->ip4 = tl_ends_on_lan(model, model->hosts[entity->index].site, &service->ip4);
                end->ip6 = tl_ends_on_lan(model, model->hosts[entity->index].site, &service->ip6);
                return;
        }
        end->ip4 = locate(model, &service->ip4);
        end->ip6 = locate(model, &service->ip6);
}

static bool add_service(struct lister *l, const struct tl_service *service)
{
        const struct tl_word *name = &service->in_file->name;
        struct tl_end *end = add(l, name->text, name->at);

        if (!end)
                return false;
        end->service = service;
        place_service(l->model, service, end);
        end->note = tl_arena_format(l->arena, "%s is on %s", name->text, service->in_file->at.text);
        return end->note != NULL;
}

/* The host that has an address, which is in a LAN; NULL: the file names none. */
static const struct tl_host *host_of(const struct tl_model *model, uint32_t lan,
                                     const struct wg_ip *ip)
{
        const struct tl_site *site = &model->sites[model->lans[lan].site];

        for (uint32_t i = 0; i < site->host_count; i++) {
                const struct tl_host *host = &model->hosts[site->host_first + i];

                if (wg_ip_equal(&host->ip4, ip) || wg_ip_equal(&host->ip6, ip))
                        return host;
        }
        return NULL;
}

const char *tl_ends_host_name(const struct tl_model *model, uint32_t lan, const struct wg_ip *ip)
{
        const struct tl_host *host = host_of(model, lan, ip);

        return host ? host->name : NULL;
}

/* What a rule calls the machine at an address, and where the file has it. */
static void name_party(const struct tl_model *model, struct tl_end *end,
                       const struct tl_walk_end *place)
{
        const struct tl_host *host;

        if (place->node == TL_MODEL_NONE) {
                end->party = NULL;
        } else if (place->is_node) {
                end->party = model->nodes[place->node].name;
                end->at = model->nodes[place->node].at;
        } else {
                const struct tl_site *site = &model->sites[model->lans[place->lan].site];

                host = host_of(model, place->lan, &place->ip);
                end->party = host && !host->is_lab_only ? host->name : site->name;
                end->at = host ? host->at : site->in_file->name.at;
        }
}

bool tl_ends_name_place(struct tl_end *to, const struct tl_model *model,
                        const struct tl_walk_end *place, struct tl_arena *arena)
{
        const char *verb = wg_ip_equal(&place->ip, &to->literal) ? "belongs to" : "stands for";

        name_party(model, to, place);
        to->note = to->party ? tl_arena_format(arena, "%s %s %s", to->name, verb, to->party) : NULL;
        return !to->party || to->note;
}

static bool add_address(struct lister *l, const struct wg_ip *ip)
{
        struct tl_walk_end place = locate(l->model, ip);
        char *name = tl_arena_take(l->arena, 1, TL_ADDRESS_IP_SIZE);
        struct tl_end *end = name ? add(l, name, (struct tl_place){0}) : NULL;

        if (!end)
                return false;
        tl_address_format_ip(name, ip);
        end->literal = *ip;
        *(ip->family == WG_FAMILY_IPV4 ? &end->ip4 : &end->ip6) = place;
        return tl_ends_name_place(end, l->model, &place, l->arena);
}

struct tl_walk_end tl_ends_place(const struct tl_model *model, const struct tl_walk_end *from,
                                 const struct tl_end *to, const struct tl_walk_end *place)
{
        if (to->literal.family == WG_FAMILY_NONE)
                return *place;
        return tl_course_find(model, from->node == TL_MODEL_NONE ? NULL : from, &to->literal);
}

static bool add_entity(struct lister *l, const struct tl_entity *entity)
{
        switch (entity->kind) {
        case TL_ENTITY_NODE:
                return add_node(l, entity->index);
        case TL_ENTITY_SITE:
                return add_site(l, entity->index);
        case TL_ENTITY_PERSON:
                return add_person(l, entity->index);
        case TL_ENTITY_GROUP:
                return add_group(l, &l->model->groups[entity->index]);
        case TL_ENTITY_HOST:
                return add_host(l, entity->index);
        case TL_ENTITY_SERVICE:
                return add_service(l, &l->model->services[entity->index]);
        }
        return false;
}

/* Says why the first of several machines, or a machine of another name, is used. NULL: no
 * memory. */
static const char *note_choice(struct lister *l, const struct tl_entity *entity)
{
        const char *first = l->ends->items[0].name;

        if (entity->kind == TL_ENTITY_SITE)
                return tl_arena_format(l->arena, "%s stands for %s", first, entity->name);
        return tl_arena_format(l->arena, "%s is the first of %u devices of %s", first,
                               (unsigned int)l->ends->count, entity->name);
}

/* Names that stand for other machines. Rules should name what was asked for. */
static bool finish_collective(struct lister *l, const struct tl_entity *entity)
{
        static const struct tl_walk_end nowhere = {.node = TL_MODEL_NONE, .lan = TL_MODEL_NONE};
        struct tl_end *none;

        if (l->ends->count == 0) {
                none = add(l, entity->name, entity->at);
                if (none)
                        none->ip4 = none->ip6 = nowhere;
                return none != NULL;
        }
        for (uint32_t i = 0; i < l->ends->count; i++)
                l->ends->items[i].party = entity->name;
        if (l->ends->count == 1 && entity->kind != TL_ENTITY_SITE)
                return true;
        l->ends->items[0].note = note_choice(l, entity);
        return l->ends->items[0].note != NULL;
}

static bool is_collective(const struct tl_entity *entity)
{
        switch (entity->kind) {
        case TL_ENTITY_SITE:
        case TL_ENTITY_PERSON:
        case TL_ENTITY_GROUP:
                return true;
        case TL_ENTITY_NODE:
        case TL_ENTITY_HOST:
        case TL_ENTITY_SERVICE:
                break;
        }
        return false;
}

/* Returns false if there is no memory. */
static bool add_named(struct lister *l, const struct tl_entity *entity)
{
        return add_entity(l, entity) && (!is_collective(entity) || finish_collective(l, entity));
}

static bool unknown(const struct tl_model *model, struct tl_text name, struct tl_place at,
                    struct tl_findings *findings)
{
        const char *similar = tl_model_suggest(model, name.at, name.len);

        if (similar)
                tl_findings_error(findings, at, NULL, "unknown name \"%.*s\": did you mean \"%s\"?",
                                  (int)name.len, name.at, similar);
        else
                tl_findings_error(
                        findings, at, NULL,
                        "unknown name \"%.*s\": neither a name in the file nor an address",
                        (int)name.len, name.at);
        return false;
}

bool tl_ends_offers(const struct tl_port_list *ports, uint8_t protocol, uint16_t port)
{
        for (uint32_t i = 0; i < ports->count; i++)
                if (ports->items[i].protocol == protocol && port >= ports->items[i].first &&
                    port <= ports->items[i].last)
                        return true;
        return ports->count == 0;
}

bool tl_ends_list(struct tl_ends *ends, const struct tl_model *model, struct tl_text name,
                  struct tl_arena *arena, struct tl_place at, struct tl_findings *findings)
{
        struct lister l = {.ends = ends, .model = model, .arena = arena};
        const struct tl_entity *entity = tl_model_find(model, name.at, name.len);
        struct wg_ip ip;
        bool is_address = tl_address_parse_ip(name, &ip);

        *ends = (struct tl_ends){0};
        if (!is_address && !entity)
                return unknown(model, name, at, findings);
        if (is_address ? add_address(&l, &ip) : add_named(&l, entity))
                return true;
        tl_findings_error(findings, at, NULL, "out of memory");
        return false;
}
