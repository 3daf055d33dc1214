/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * Each entry of the file is placed in a LAN of its site, and compared with the machines there and
 * with the other entries. What it stands for is translated to what it is in the tunnel. */
#include "net/standins.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/address.h"
#include "net/course.h"
#include "net/virtual.h"

/* The entries of one site. */
struct entries {
        uint32_t site;
        const struct tl_network_site *in_file;
        uint32_t *lans;             /* of each entry; TL_MODEL_NONE: it is a mistake */
        struct tl_nest_item *items; /* of the others; `id` is the index of the entry */
        uint32_t count;
        uint32_t errors; /* of all sites before this one */
};

struct builder {
        struct tl_model *model;
        struct tl_findings *findings;
        struct tl_arena scratch;
        struct tl_machines machines;             /* listed only if there are ranges */
        struct tl_virtual virtual;               /* of the site and family at hand */
        const struct tl_lock_virtual **recorded; /* in use, sorted by site */
        uint32_t recorded_count;
        uint32_t capacity; /* of the stand-ins */
};

enum { PREFIX_SIZE = TL_ADDRESS_PREFIX_SIZE };

/* "192.168.201.240", "192.168.201.192/27" */
static void format(char text[PREFIX_SIZE], const struct wg_prefix *prefix)
{
        if (prefix->cidr == wg_ip_bits(&prefix->ip))
                tl_address_format_ip(text, &prefix->ip);
        else
                tl_address_format_prefix(text, prefix);
}

static bool add(struct builder *b, const struct tl_stand_in *stand_in)
{
        struct tl_model *model = b->model;
        struct tl_stand_in *larger = tl_arena_grow(&model->arena, model->stand_ins,
                                                   model->stand_in_count, &b->capacity,
                                                   sizeof(*larger));

        if (!larger)
                return false;
        model->stand_ins = larger;
        larger[model->stand_in_count++] = *stand_in;
        return true;
}

/* ---- here ---- */

/* Whether a prefix has an address of its LAN that no machine may have. */
static bool has_special(const struct wg_prefix *lan, const struct wg_prefix *here)
{
        struct wg_ip last = wg_prefix_last(lan);

        return lan->ip.family == WG_FAMILY_IPV4 && lan->cidr <= 30 &&
               (wg_prefix_contains(here, &lan->ip) || wg_prefix_contains(here, &last));
}

static void report_machine(struct builder *b, const struct tl_placed_prefix *here,
                           const struct wg_ip *ip, const char *kind, const char *name,
                           struct tl_place at)
{
        char text[PREFIX_SIZE], ip_text[TL_ADDRESS_IP_SIZE];
        bool is_single = here->prefix.cidr == wg_ip_bits(&here->prefix.ip);

        format(text, &here->prefix);
        tl_address_format_ip(ip_text, ip);
        tl_findings_add(b->findings, TL_FINDING_ERROR, here->at, &at,
                        "give addresses that no machine has", "%s %s%s%s the address of %s\"%s\"",
                        text, is_single ? "is" : "contains ", is_single ? "" : ip_text,
                        is_single ? "" : ",", kind, name);
}

/* The LAN of an entry; TL_MODEL_NONE, with a finding, if there is none, or not all of it. */
static uint32_t place(struct builder *b, const struct entries *entries,
                      const struct tl_placed_prefix *here)
{
        const struct tl_model *model = b->model;
        uint32_t lan = tl_model_find_lan_of(model, entries->site, &here->prefix.ip);
        char text[PREFIX_SIZE], lan_text[TL_ADDRESS_PREFIX_SIZE];

        format(text, &here->prefix);
        if (lan == TL_MODEL_NONE || !wg_prefix_covers(&model->lans[lan].prefix, &here->prefix)) {
                tl_findings_add(b->findings, TL_FINDING_ERROR, here->at, &entries->in_file->name.at,
                                "give addresses of the site's own LAN",
                                "%s is in no LAN of site \"%s\"", text,
                                entries->in_file->name.text);
                return TL_MODEL_NONE;
        }
        if (!has_special(&model->lans[lan].prefix, &here->prefix))
                return lan;
        tl_address_format_prefix(lan_text, &model->lans[lan].prefix);
        tl_findings_add(b->findings, TL_FINDING_ERROR, here->at, &model->lans[lan].at,
                        "give addresses that no machine has",
                        "%s contains the network or broadcast address of %s", text, lan_text);
        return TL_MODEL_NONE;
}

static bool place_all(struct builder *b, struct entries *entries)
{
        uint32_t count = entries->in_file->stand_in_count;

        entries->lans = tl_arena_take(&b->scratch, count, sizeof(*entries->lans));
        entries->items = tl_arena_take(&b->scratch, count, sizeof(*entries->items));
        if (!entries->lans || !entries->items)
                return false;
        for (uint32_t i = 0; i < count; i++) {
                const struct tl_placed_prefix *here = &entries->in_file->stand_ins[i].here;

                entries->lans[i] = place(b, entries, here);
                if (entries->lans[i] != TL_MODEL_NONE)
                        entries->items[entries->count++] = (struct tl_nest_item){
                                .prefix = here->prefix, .id = i};
        }
        tl_nest_sort(entries->items, entries->count);
        return true;
}

static void check_each_other(struct builder *b, const struct entries *entries)
{
        for (uint32_t i = 0; i < entries->count; i++) {
                const struct tl_nest_item *item = &entries->items[i];
                const struct tl_placed_prefix *first, *second;
                char first_text[PREFIX_SIZE], second_text[PREFIX_SIZE];

                if (item->outer == TL_NEST_NONE)
                        continue;
                first = &entries->in_file->stand_ins[entries->items[item->outer].id].here;
                second = &entries->in_file->stand_ins[item->id].here;
                format(first_text, &first->prefix);
                format(second_text, &second->prefix);
                tl_findings_add(b->findings, TL_FINDING_ERROR, second->at, &first->at,
                                "give each address once", "the virtual addresses %s and %s overlap",
                                second_text, first_text);
        }
}

static void check_address(struct builder *b, const struct entries *entries, const struct wg_ip *ip,
                          const char *kind, const char *name, struct tl_place at)
{
        uint32_t found = tl_nest_find(entries->items, entries->count, ip);

        if (found != TL_NEST_NONE)
                report_machine(b, &entries->in_file->stand_ins[entries->items[found].id].here, ip,
                               kind, name, at);
}

static struct tl_place place_of(const struct tl_ip_list *given, const struct wg_ip *ip,
                                struct tl_place other)
{
        for (uint32_t i = 0; i < given->count; i++)
                if (wg_ip_equal(&given->items[i].ip, ip))
                        return given->items[i].at;
        return other;
}

/* The node, the router and the devices of the site. */
static void check_machines(struct builder *b, const struct entries *entries)
{
        const struct tl_model *model = b->model;
        const struct tl_site *site = &model->sites[entries->site];
        const struct tl_network_site *in_file = entries->in_file;

        for (uint32_t i = site->lan_first; i < site->lan_first + site->lan_count; i++) {
                const struct tl_lan *lan = &model->lans[i];

                check_address(b, entries, &lan->node_at, "", model->nodes[site->node].name,
                              place_of(&in_file->node_at, &lan->node_at, in_file->name.at));
                if (!wg_ip_equal(&lan->node_at, &lan->router_at))
                        check_address(
                                b, entries, &lan->router_at, "the router of ", site->name,
                                place_of(&in_file->router_at, &lan->router_at, in_file->name.at));
        }
        for (uint32_t i = site->host_first; i < site->host_first + site->host_count; i++) {
                const struct tl_host *host = &model->hosts[i];

                check_address(b, entries, &host->ip4, "", host->name, host->at);
                check_address(b, entries, &host->ip6, "", host->name, host->at);
        }
}

static void check_count(struct builder *b, const struct entries *entries)
{
        uint32_t left = TL_STANDINS_MAX;

        for (uint32_t i = 0; i < entries->in_file->stand_in_count; i++) {
                const struct tl_placed_prefix *here = &entries->in_file->stand_ins[i].here;
                unsigned int bits = wg_ip_bits(&here->prefix.ip) - here->prefix.cidr;

                if (entries->lans[i] == TL_MODEL_NONE)
                        continue;
                if (bits < 32 && UINT32_C(1) << bits <= left) {
                        left -= UINT32_C(1) << bits;
                        continue;
                }
                tl_findings_error(b->findings, here->at, "give longer prefixes",
                                  "site \"%s\" has more than %d virtual addresses",
                                  entries->in_file->name.text, TL_STANDINS_MAX);
                return;
        }
}

static void check_need(struct builder *b, const struct tl_network_site *site)
{
        if (site->gateway == TL_GATEWAY_UNTOUCHABLE)
                return;
        tl_findings_add(b->findings, TL_FINDING_WARNING, site->stand_ins[0].here.at,
                        site->gateway_at.line ? &site->gateway_at : NULL,
                        "remove `virtual:`, or make the gateway `untouchable`",
                        "virtual addresses are only needed where the gateway is `untouchable`");
}

/* ---- there ---- */

/* What an address of a machine on a LAN of a site is in the tunnel. */
static struct wg_ip find_wire(const struct tl_model *model, uint32_t site, const struct wg_ip *ip)
{
        uint32_t lan = ip->family == WG_FAMILY_NONE ? TL_MODEL_NONE
                                                    : tl_model_find_lan_of(model, site, ip);

        if (lan == TL_MODEL_NONE)
                return *ip;
        return tl_course_translate(ip, &model->lans[lan].prefix, &model->lans[lan].wire);
}

/* Where a machine is, with its addresses there. */
struct target {
        uint32_t site;         /* TL_MODEL_NONE: it is a node in no LAN */
        struct wg_ip ip4, ip6; /* in the tunnel */
};

/* Returns false if the name is not that of a machine. */
static bool find_target(const struct tl_model *model, const char *name, struct target *target)
{
        const struct tl_entity *entity = tl_model_find(model, name, strlen(name));
        const struct tl_node *node;
        const struct tl_host *host;
        const struct tl_service *service;

        if (!entity)
                return false;
        switch (entity->kind) {
        case TL_ENTITY_NODE:
                node = &model->nodes[entity->index];
                *target = (struct target){node->site, node->ip4, node->ip6};
                return true;
        case TL_ENTITY_HOST:
                host = &model->hosts[entity->index];
                *target = (struct target){host->site, find_wire(model, host->site, &host->ip4),
                                          find_wire(model, host->site, &host->ip6)};
                return !host->is_lab_only;
        case TL_ENTITY_SERVICE:
                service = &model->services[entity->index];
                *target = (struct target){service->site, service->ip4, service->ip6};
                if (service->site == TL_MODEL_NONE)
                        return true;
                target->ip4 = find_wire(model, service->site, &service->ip4);
                target->ip6 = find_wire(model, service->site, &service->ip6);
                return true;
        case TL_ENTITY_SITE:
        case TL_ENTITY_PERSON:
        case TL_ENTITY_GROUP:
                break;
        }
        return false;
}

/* The address of a machine elsewhere in the tunnel. NULL, with a finding: it cannot have a virtual
 * address here. A name that is no machine's, or an address that it lacks for another mistake, has
 * none. */
static const struct wg_ip *find_machine(struct builder *b, const struct entries *entries,
                                        const struct tl_word *name, uint8_t family,
                                        struct target *target)
{
        const struct wg_ip *ip;

        if (!find_target(b->model, name->text, target))
                return NULL;
        if (target->site == entries->site) {
                tl_findings_error(b->findings, name->at, "remove it: devices reach it directly",
                                  "\"%s\" is at site \"%s\" itself", name->text,
                                  entries->in_file->name.text);
                return NULL;
        }
        ip = family == WG_FAMILY_IPV4 ? &target->ip4 : &target->ip6;
        if (ip->family != WG_FAMILY_NONE)
                return ip;
        tl_findings_error(b->findings, name->at, "give one that has an address of this family",
                          "\"%s\" has no %s address", name->text,
                          family == WG_FAMILY_IPV4 ? "IPv4" : "IPv6");
        return NULL;
}

static void report_there(struct builder *b, const struct tl_placed_prefix *there, const char *fix,
                         const char *what)
{
        char text[PREFIX_SIZE];

        format(text, &there->prefix);
        tl_findings_error(b->findings, there->at, fix, "%s is %s", text, what);
}

/* Translates a prefix in one of a LAN to its wire prefix. */
static struct wg_prefix to_wire(const struct tl_lan *lan, const struct wg_prefix *from,
                                const struct wg_prefix *prefix)
{
        return (struct wg_prefix){tl_course_translate(&prefix->ip, from, &lan->wire), prefix->cidr};
}

static uint32_t find_cover(const struct tl_nest_item *items, uint32_t count,
                           const struct wg_prefix *prefix)
{
        return tl_nest_cover(items, tl_nest_find(items, count, &prefix->ip), prefix);
}

static const char elsewhere[] = "give one in the LAN of another site, or in the pool";

/* The LAN whose own prefix covers one. Returns false, with a finding, if it is at the site itself,
 * or if several sites have such a LAN. NONE: there is none. */
static bool find_own(struct builder *b, const struct entries *entries,
                     const struct tl_placed_prefix *there, uint32_t *lan)
{
        const struct tl_model *model = b->model;
        uint32_t at = find_cover(model->lans_by_own, model->lan_count, &there->prefix), site;

        *lan = at == TL_NEST_NONE ? TL_MODEL_NONE : model->lans_by_own[at].id;
        if (at == TL_NEST_NONE)
                return true;
        site = model->lans[*lan].site;
        for (; at != TL_NEST_NONE; at = model->lans_by_own[at].outer) {
                if (model->lans[model->lans_by_own[at].id].site == site)
                        continue;
                report_there(b, there,
                             "use the mapped prefix of the LAN: `tieline show` lists them",
                             "in LANs of several sites");
                return false;
        }
        if (site != entries->site)
                return true;
        report_there(b, there, elsewhere, "in a LAN of this site itself");
        return false;
}

/* Finds what a prefix of the file is in the tunnel. Returns false with a finding if that fails. */
static bool find_prefix(struct builder *b, const struct entries *entries,
                        const struct tl_placed_prefix *there, struct wg_prefix *wire)
{
        const struct tl_model *model = b->model;
        uint32_t lan, at;

        if (!find_own(b, entries, there, &lan))
                return false;
        if (lan != TL_MODEL_NONE) {
                *wire = to_wire(&model->lans[lan], &model->lans[lan].prefix, &there->prefix);
                return true;
        }
        at = find_cover(model->lans_by_prefix, model->lans_by_prefix_count, &there->prefix);
        if (at != TL_NEST_NONE) {
                const struct tl_nest_item *item = &model->lans_by_prefix[at];

                if (model->lans[item->id].site == entries->site) {
                        report_there(b, there, elsewhere,
                                     "in the mapped prefix of this site itself");
                        return false;
                }
                *wire = to_wire(&model->lans[item->id], &item->prefix, &there->prefix);
                return true;
        }
        *wire = there->prefix;
        if (wg_prefix_covers(&model->pool4, &there->prefix) ||
            wg_prefix_covers(&model->pool6, &there->prefix))
                return true;
        report_there(b, there, elsewhere, "nowhere in the network");
        return false;
}

static bool add_block(struct builder *b, const struct entries *entries, uint32_t index)
{
        const struct tl_network_stand_in *in_file = &entries->in_file->stand_ins[index];
        struct tl_stand_in stand_in = {
                .lan = entries->lans[index], .here = in_file->here.prefix, .at = in_file->here.at};
        char here[PREFIX_SIZE], there[PREFIX_SIZE];

        if (in_file->here.prefix.cidr != in_file->there.prefix.cidr ||
            in_file->here.prefix.ip.family != in_file->there.prefix.ip.family) {
                format(here, &in_file->here.prefix);
                format(there, &in_file->there.prefix);
                tl_findings_error(b->findings, in_file->there.at,
                                  "give two prefixes of one family and one length",
                                  "%s cannot stand for %s", here, there);
                return true;
        }
        return !find_prefix(b, entries, &in_file->there, &stand_in.there) || add(b, &stand_in);
}

static bool add_named(struct builder *b, const struct entries *entries, uint32_t index)
{
        const struct tl_network_stand_in *in_file = &entries->in_file->stand_ins[index];
        struct tl_stand_in stand_in = {.lan = entries->lans[index],
                                       .here = in_file->here.prefix,
                                       .name = in_file->name.text,
                                       .at = in_file->here.at};
        struct target target;
        const struct wg_ip *ip = find_machine(b, entries, &in_file->name,
                                              in_file->here.prefix.ip.family, &target);

        if (!ip)
                return true;
        stand_in.there = tl_prefixes_single(ip);
        return add(b, &stand_in);
}

/* ---- ranges ---- */

static int by_site(const void *left, const void *right)
{
        const struct tl_lock_virtual *a = *(const struct tl_lock_virtual *const *)left;
        const struct tl_lock_virtual *b = *(const struct tl_lock_virtual *const *)right;
        int order = strcmp(a->site, b->site);

        return order != 0 ? order : wg_ip_compare(&a->ip, &b->ip);
}

static bool list_recorded(struct builder *b)
{
        const struct tl_lock *lock = b->model->lock;

        b->recorded = tl_arena_take(&b->scratch, lock->virtual_count,
                                    sizeof(struct tl_lock_virtual *));
        b->virtual.is_wanted = NULL;
        if (!b->recorded || !tl_machines_list(&b->machines, b->model->network, lock, &b->scratch))
                return false;
        b->virtual.is_wanted = tl_arena_take(&b->scratch, b->machines.count,
                                             sizeof(*b->virtual.is_wanted));
        for (uint32_t i = 0; i < lock->virtual_count; i++)
                if (!lock->virtuals[i].is_retired)
                        b->recorded[b->recorded_count++] = &lock->virtuals[i];
        if (b->recorded_count)
                qsort(b->recorded, b->recorded_count, sizeof(struct tl_lock_virtual *), by_site);
        return b->virtual.is_wanted != NULL;
}

static uint32_t find_recorded(const struct builder *b, const char *site)
{
        uint32_t low = 0, high = b->recorded_count;

        while (low < high) {
                uint32_t middle = low + (high - low) / 2;

                if (strcmp(b->recorded[middle]->site, site) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

/* Whether the ranges have more than this number of addresses. */
static bool have_more(const struct tl_prefixes *ranges, uint32_t count)
{
        for (uint32_t i = 0; i < ranges->count; i++) {
                unsigned int bits = wg_ip_bits(&ranges->items[i].ip) - ranges->items[i].cidr;

                if (bits >= 32 || UINT32_C(1) << bits > count)
                        return true;
                count -= UINT32_C(1) << bits;
        }
        return false;
}

enum { NAMED_MAX = 3, NAMES_SIZE = (NAMED_MAX + 1) * (2 * TL_NETWORK_WORD_MAX + 8) };

/* "e/laptop, e/phone and 7 others" */
static void name_missing(const struct builder *b, uint32_t missing, char text[NAMES_SIZE])
{
        uint32_t named = 0;
        size_t len = 0;

        text[0] = '\0';
        for (uint32_t i = 0; i < b->machines.count && named < NAMED_MAX; i++) {
                const char *before = named == 0 ? "" : named + 1 == missing ? " and " : ", ";

                if (!b->virtual.is_wanted[i])
                        continue;
                len += (size_t)snprintf(text + len, NAMES_SIZE - len, "%s\"%s\"", before,
                                        b->machines.items[i].name);
                named++;
        }
        if (missing > named)
                snprintf(text + len, NAMES_SIZE - len, " and %u other%s", missing - named,
                         missing - named > 1 ? "s" : "");
}

/* Reports the machines that are still wanted: none of their addresses is in the lock, because the
 * ranges are full, or because the lock belongs to another version of the file. */
static void report_missing(struct builder *b, const struct entries *entries, uint32_t found)
{
        uint32_t missing = 0;
        char names[NAMES_SIZE];

        for (uint32_t i = 0; i < b->machines.count; i++)
                missing += b->virtual.is_wanted[i];
        if (!missing || b->model->lock->is_incomplete || b->findings->errors != entries->errors)
                return;
        name_missing(b, missing, names);
        if (have_more(&b->virtual.ranges, found))
                tl_findings_error(b->findings, b->virtual.at,
                                  "run `tieline check` where the file is edited, and copy the lock "
                                  "file along with it",
                                  "the lock file has no virtual address at \"%s\" for %s",
                                  entries->in_file->name.text, names);
        else
                tl_findings_add(b->findings, TL_FINDING_WARNING, b->virtual.at, NULL,
                                "give `virtual:` more addresses, or name the machines that need "
                                "one",
                                "site \"%s\" has no virtual address left for %s: its devices "
                                "cannot reach %s",
                                entries->in_file->name.text, names, missing > 1 ? "them" : "it");
}

static bool add_recorded(struct builder *b, const struct entries *entries,
                         const struct tl_lock_virtual *recorded, uint32_t *found)
{
        struct tl_stand_in stand_in = {.here = tl_prefixes_single(&recorded->ip),
                                       .at = b->virtual.at};
        uint32_t machine = tl_machines_find(&b->machines, recorded->name);
        struct target target;
        const struct wg_ip *ip;

        if (machine == TL_MODEL_NONE || !b->virtual.is_wanted[machine] ||
            !tl_virtual_contains(&b->virtual, &recorded->ip))
                return true;
        b->virtual.is_wanted[machine] = false;
        ++*found;
        stand_in.lan = tl_model_find_lan_of(b->model, entries->site, &recorded->ip);
        stand_in.name = recorded->name;
        if (stand_in.lan == TL_MODEL_NONE || !find_target(b->model, stand_in.name, &target))
                return true;
        ip = recorded->ip.family == WG_FAMILY_IPV4 ? &target.ip4 : &target.ip6;
        if (ip->family == WG_FAMILY_NONE)
                return true;
        stand_in.there = tl_prefixes_single(ip);
        return add(b, &stand_in);
}

static bool add_ranges(struct builder *b, const struct entries *entries, uint8_t family)
{
        const char *site = entries->in_file->name.text;
        uint32_t found = 0;

        if (!tl_virtual_list(&b->virtual, b->model->network, entries->site, family, &b->machines,
                             &b->scratch))
                return false;
        if (!b->virtual.ranges.count)
                return true;
        for (uint32_t i = find_recorded(b, site);
             i < b->recorded_count && strcmp(b->recorded[i]->site, site) == 0; i++)
                if (b->recorded[i]->ip.family == family &&
                    !add_recorded(b, entries, b->recorded[i], &found))
                        return false;
        report_missing(b, entries, found);
        return true;
}

/* ---- sites ---- */

static bool add_entries(struct builder *b, const struct entries *entries)
{
        for (uint32_t i = 0; i < entries->in_file->stand_in_count; i++) {
                const struct tl_network_stand_in *in_file = &entries->in_file->stand_ins[i];
                bool is_good = true;

                if (entries->lans[i] == TL_MODEL_NONE)
                        continue;
                if (in_file->name.text)
                        is_good = add_named(b, entries, i);
                else if (in_file->there.prefix.ip.family != WG_FAMILY_NONE)
                        is_good = add_block(b, entries, i);
                if (!is_good)
                        return false;
        }
        return !tl_virtual_has_ranges(entries->in_file) ||
               (add_ranges(b, entries, WG_FAMILY_IPV4) && add_ranges(b, entries, WG_FAMILY_IPV6));
}

static bool build_site(struct builder *b, uint32_t site)
{
        struct entries entries = {.site = site,
                                  .in_file = b->model->sites[site].in_file,
                                  .errors = b->findings->errors};

        if (!entries.in_file->stand_in_count)
                return true;
        check_need(b, entries.in_file);
        if (!place_all(b, &entries))
                return false;
        check_count(b, &entries);
        check_each_other(b, &entries);
        check_machines(b, &entries);
        return add_entries(b, &entries);
}

/* ---- order ---- */

static int by_there(const void *left, const void *right)
{
        const struct tl_stand_in *a = left, *b = right;
        int order;

        if (a->lan != b->lan)
                return a->lan < b->lan ? -1 : 1;
        order = tl_prefixes_compare(&a->there, &b->there);
        return order != 0 ? order : wg_ip_compare(&a->here.ip, &b->here.ip);
}

static int by_here(const void *left, const void *right)
{
        const struct tl_stand_in *a = *(const struct tl_stand_in *const *)left;
        const struct tl_stand_in *b = *(const struct tl_stand_in *const *)right;

        if (a->lan != b->lan)
                return a->lan < b->lan ? -1 : 1;
        return tl_prefixes_compare(&a->here, &b->here);
}

static bool sort(struct tl_model *model)
{
        struct tl_stand_in *items = model->stand_ins;

        model->by_here = tl_arena_take(&model->arena, model->stand_in_count,
                                       sizeof(struct tl_stand_in *));
        if (!model->by_here)
                return false;
        if (model->stand_in_count)
                qsort(items, model->stand_in_count, sizeof(*items), by_there);
        for (uint32_t i = 0; i < model->stand_in_count; i++) {
                uint32_t outer = i > 0 && items[i - 1].lan == items[i].lan ? i - 1 : TL_MODEL_NONE;

                while (outer != TL_MODEL_NONE &&
                       !wg_prefix_covers(&items[outer].there, &items[i].there))
                        outer = items[outer].outer;
                items[i].outer = outer;
                model->by_here[i] = &items[i];
        }
        if (model->stand_in_count)
                qsort(model->by_here, model->stand_in_count, sizeof(struct tl_stand_in *), by_here);
        return true;
}

static bool build_all(struct builder *b)
{
        bool has_ranges = false;

        for (uint32_t i = 0; i < b->model->site_count; i++)
                has_ranges |= tl_virtual_has_ranges(b->model->sites[i].in_file);
        if (has_ranges && !list_recorded(b))
                return false;
        for (uint32_t i = 0; i < b->model->site_count; i++)
                if (!build_site(b, i))
                        return false;
        return sort(b->model);
}

bool tl_standins_build(struct tl_model *model, struct tl_findings *findings)
{
        struct builder b = {.model = model, .findings = findings};
        bool is_good = build_all(&b);

        tl_arena_done(&b.scratch);
        return is_good;
}
