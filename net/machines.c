/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/machines.h"

#include <stdlib.h>
#include <string.h>

#include "net/nest.h"
#include "net/roster.h"

/* An address that a device on a LAN has. */
struct known {
        struct wg_ip ip;
        uint32_t site;
};

struct lister {
        struct tl_machines *machines;
        const struct tl_network *network;
        struct tl_arena scratch;
        struct known *known; /* sorted */
        uint32_t known_count;
        struct tl_nest_item *lans; /* `id` is the index of the site */
        uint32_t lan_count;
};

static void add(struct lister *l, struct tl_machine machine)
{
        l->machines->items[l->machines->count++] = machine;
}

/* ---- nodes and devices on LANs ---- */

static bool add_nodes(struct lister *l, const struct tl_lock *lock, struct tl_arena *arena)
{
        bool has_ip4 = l->network->pool4.prefix.ip.family != WG_FAMILY_NONE;
        bool has_ip6 = l->network->pool6.prefix.ip.family != WG_FAMILY_NONE ||
                       lock->ula.ip.family != WG_FAMILY_NONE;
        struct tl_node *nodes;
        uint32_t count;

        if (!tl_roster_list(l->network, arena, &nodes, &count))
                return false;
        for (uint32_t i = 0; i < count; i++)
                add(l, (struct tl_machine){nodes[i].name, nodes[i].site, has_ip4, has_ip6});
        return true;
}

static void add_host(struct lister *l, uint32_t site, const struct tl_network_host *host)
{
        struct tl_machine machine = {.name = host->name.text, .site = site};

        for (uint32_t i = 0; i < host->addresses.count; i++) {
                const struct wg_ip *ip = &host->addresses.items[i].ip;

                machine.has_ip4 |= ip->family == WG_FAMILY_IPV4;
                machine.has_ip6 |= ip->family == WG_FAMILY_IPV6;
                l->known[l->known_count++] = (struct known){*ip, site};
        }
        add(l, machine);
}

static int compare_known(const void *left, const void *right)
{
        const struct known *a = left, *b = right;
        int order = wg_ip_compare(&a->ip, &b->ip);

        return order != 0 ? order : (a->site > b->site) - (a->site < b->site);
}

static void add_hosts(struct lister *l)
{
        for (uint32_t i = 0; i < l->network->site_count; i++)
                for (uint32_t j = 0; j < l->network->sites[i].host_count; j++)
                        add_host(l, i, &l->network->sites[i].hosts[j]);
        if (l->known_count)
                qsort(l->known, l->known_count, sizeof(*l->known), compare_known);
}

/* ---- services ---- */

static void list_lans(struct lister *l)
{
        for (uint32_t i = 0; i < l->network->site_count; i++)
                for (uint32_t j = 0; j < l->network->sites[i].lans.count; j++)
                        l->lans[l->lan_count++] = (struct tl_nest_item){
                                .prefix = l->network->sites[i].lans.items[j].prefix, .id = i};
        tl_nest_sort(l->lans, l->lan_count);
}

static void add_services(struct lister *l)
{
        for (uint32_t i = 0; i < l->network->service_count; i++) {
                const struct tl_network_service *service = &l->network->services[i];
                uint32_t lan = tl_nest_find(l->lans, l->lan_count, &service->ip);
                struct known key = {.ip = service->ip};

                if (lan == TL_NEST_NONE)
                        continue;
                key.site = l->lans[lan].id;
                if (l->known_count &&
                    bsearch(&key, l->known, l->known_count, sizeof(key), compare_known))
                        continue;
                add(l, (struct tl_machine){service->name.text, key.site,
                                           key.ip.family == WG_FAMILY_IPV4,
                                           key.ip.family == WG_FAMILY_IPV6});
        }
}

/* ---- names ---- */

static int compare_names(const void *left, const void *right)
{
        const struct tl_machine *a = *(const struct tl_machine *const *)left;
        const struct tl_machine *b = *(const struct tl_machine *const *)right;
        int order = strcmp(a->name, b->name);

        return order != 0 ? order : (a > b) - (a < b);
}

/* Drops all but the first machine of each name, and sorts the rest. */
static bool sort_names(struct lister *l, struct tl_arena *arena)
{
        struct tl_machines *machines = l->machines;
        const struct tl_machine **sorted = tl_arena_take(&l->scratch, machines->count,
                                                         sizeof(struct tl_machine *));
        uint32_t *new_index = tl_arena_take(&l->scratch, machines->count, sizeof(*new_index));
        uint32_t total = machines->count, kept = 0;

        machines->by_name = tl_arena_take(arena, total, sizeof(*machines->by_name));
        if (!sorted || !new_index || !machines->by_name)
                return false;
        for (uint32_t i = 0; i < total; i++)
                sorted[i] = &machines->items[i];
        if (total)
                qsort(sorted, total, sizeof(struct tl_machine *), compare_names);
        for (uint32_t i = 0; i < total; i++)
                if (i == 0 || strcmp(sorted[i - 1]->name, sorted[i]->name) != 0)
                        machines->by_name[kept++] = (uint32_t)(sorted[i] - machines->items);
        for (uint32_t i = 0; i < kept; i++)
                new_index[machines->by_name[i]] = 1;
        machines->count = 0;
        for (uint32_t i = 0; i < total; i++) {
                if (!new_index[i])
                        continue;
                new_index[i] = machines->count;
                machines->items[machines->count++] = machines->items[i];
        }
        for (uint32_t i = 0; i < kept; i++)
                machines->by_name[i] = new_index[machines->by_name[i]];
        return true;
}

/* ---- the list ---- */

static bool take_memory(struct lister *l, struct tl_arena *arena)
{
        const struct tl_network *network = l->network;
        size_t machines = network->hub_count + network->service_count, known = 0, lans = 0;

        for (uint32_t i = 0; i < network->person_count; i++)
                machines += network->people[i].device_count;
        for (uint32_t i = 0; i < network->site_count; i++) {
                machines += 1 + network->sites[i].host_count;
                lans += network->sites[i].lans.count;
                for (uint32_t j = 0; j < network->sites[i].host_count; j++)
                        known += network->sites[i].hosts[j].addresses.count;
        }
        l->machines->items = tl_arena_take(arena, machines, sizeof(*l->machines->items));
        l->known = tl_arena_take(&l->scratch, known, sizeof(*l->known));
        l->lans = tl_arena_take(&l->scratch, lans, sizeof(*l->lans));
        return l->machines->items && l->known && l->lans;
}

static bool list_all(struct lister *l, const struct tl_lock *lock, struct tl_arena *arena)
{
        if (!take_memory(l, arena))
                return false;
        add_hosts(l);
        list_lans(l);
        add_services(l);
        return add_nodes(l, lock, arena) && sort_names(l, arena);
}

bool tl_machines_list(struct tl_machines *machines, const struct tl_network *network,
                      const struct tl_lock *lock, struct tl_arena *arena)
{
        struct lister l = {.machines = machines, .network = network};
        bool is_good;

        *machines = (struct tl_machines){0};
        is_good = list_all(&l, lock, arena);
        tl_arena_done(&l.scratch);
        return is_good;
}

uint32_t tl_machines_find(const struct tl_machines *machines, const char *name)
{
        uint32_t low = 0, high = machines->count;

        while (low < high) {
                uint32_t middle = low + (high - low) / 2, index = machines->by_name[middle];
                int order = strcmp(machines->items[index].name, name);

                if (order == 0)
                        return index;
                if (order < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return TL_MODEL_NONE;
}

bool tl_machines_has_family(const struct tl_machine *machine, uint8_t family)
{
        return family == WG_FAMILY_IPV4 ? machine->has_ip4 : machine->has_ip6;
}
