/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/virtual.h"

#include <stdlib.h>
#include <string.h>

#include "net/model.h"

/* ---- ranges ---- */

static bool is_range(const struct tl_network_stand_in *stand_in)
{
        return !stand_in->name.text && stand_in->there.prefix.ip.family == WG_FAMILY_NONE;
}

bool tl_virtual_has_ranges(const struct tl_network_site *site)
{
        for (uint32_t i = 0; i < site->stand_in_count; i++)
                if (is_range(&site->stand_ins[i]))
                        return true;
        return false;
}

static void list_wanted(struct tl_virtual *virtual, const struct tl_network_site *in_file,
                        uint32_t site, uint8_t family, const struct tl_machines *machines)
{
        for (uint32_t i = 0; i < machines->count; i++)
                virtual->is_wanted[i] = machines->items[i].site != site &&
                                        tl_machines_has_family(&machines->items[i], family);
        for (uint32_t i = 0; i < in_file->stand_in_count; i++) {
                const struct tl_network_stand_in *stand_in = &in_file->stand_ins[i];
                uint32_t machine = stand_in->name.text && stand_in->here.prefix.ip.family == family
                                           ? tl_machines_find(machines, stand_in->name.text)
                                           : TL_MODEL_NONE;

                if (machine != TL_MODEL_NONE)
                        virtual->is_wanted[machine] = false;
        }
}

bool tl_virtual_list(struct tl_virtual *virtual, const struct tl_network *network, uint32_t site,
                     uint8_t family, const struct tl_machines *machines, struct tl_arena *arena)
{
        const struct tl_network_site *in_file = &network->sites[site];

        virtual->ranges = (struct tl_prefixes){0};
        for (uint32_t i = 0; i < in_file->stand_in_count; i++) {
                const struct tl_placed_prefix *here = &in_file->stand_ins[i].here;

                if (!is_range(&in_file->stand_ins[i]) || here->prefix.ip.family != family)
                        continue;
                if (virtual->ranges.count == 0)
                        virtual->at = here->at;
                if (!tl_prefixes_add(&virtual->ranges, arena, &here->prefix))
                        return false;
        }
        if (!virtual->ranges.count)
                return true;
        tl_prefixes_shorten(&virtual->ranges);
        list_wanted(virtual, in_file, site, family, machines);
        return true;
}

bool tl_virtual_contains(const struct tl_virtual *virtual, const struct wg_ip *ip)
{
        for (uint32_t i = 0; i < virtual->ranges.count; i++)
                if (wg_prefix_contains(&virtual->ranges.items[i], ip))
                        return true;
        return false;
}

/* ---- what the lock has ---- */

struct derivation {
        struct tl_lock *lock;
        const struct tl_network *network;
        struct tl_machines machines;
        struct tl_virtual virtual; /* of the site and family at hand */
        struct tl_arena scratch;
        uint32_t *sorted;  /* indices of the entries that the lock had: by site, name, family */
        uint32_t known;    /* how many there are */
        bool *is_kept;     /* for each of them: it has a machine */
        bool *is_reused;   /* for each of them: another machine has its address */
        uint32_t *entries; /* of each machine: its entry at the site at hand, or NONE */
        uint32_t changes;
};

static int compare_entries(const struct tl_lock_virtual *a, const struct tl_lock_virtual *b)
{
        int order = strcmp(a->site, b->site);

        if (order == 0)
                order = strcmp(a->name, b->name);
        if (order == 0)
                order = a->ip.family - b->ip.family;
        if (order == 0)
                order = a->is_retired - b->is_retired;
        return order != 0 ? order : wg_ip_compare(&a->ip, &b->ip);
}

static int by_site(const void *left, const void *right)
{
        return compare_entries(*(const struct tl_lock_virtual *const *)left,
                               *(const struct tl_lock_virtual *const *)right);
}

/* Entries may move when others are added, so indices are kept. */
static bool sort_entries(struct derivation *d)
{
        const struct tl_lock_virtual **sorted = tl_arena_take(&d->scratch, d->known,
                                                              sizeof(struct tl_lock_virtual *));

        d->sorted = tl_arena_take(&d->scratch, d->known, sizeof(*d->sorted));
        d->is_kept = tl_arena_take(&d->scratch, d->known, sizeof(*d->is_kept));
        d->is_reused = tl_arena_take(&d->scratch, d->known, sizeof(*d->is_reused));
        if (!sorted || !d->sorted || !d->is_kept || !d->is_reused)
                return false;
        for (uint32_t i = 0; i < d->known; i++)
                sorted[i] = &d->lock->virtuals[i];
        if (d->known)
                qsort(sorted, d->known, sizeof(struct tl_lock_virtual *), by_site);
        for (uint32_t i = 0; i < d->known; i++)
                d->sorted[i] = (uint32_t)(sorted[i] - d->lock->virtuals);
        return true;
}

/* The first of the sorted entries of a site, or of the next one. */
static uint32_t find_site(const struct derivation *d, const char *site)
{
        uint32_t low = 0, high = d->known;

        while (low < high) {
                uint32_t middle = low + (high - low) / 2;

                if (strcmp(d->lock->virtuals[d->sorted[middle]].site, site) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

/* ---- one family at one site ---- */

/* An address that is taken, or was once, and its entry. */
struct claim {
        struct wg_ip ip;
        bool is_retired;
        const char *name;
        uint32_t entry, machine;
};

struct claims {
        struct claim *items;
        uint32_t count;
};

static int compare_claims(const void *left, const void *right)
{
        const struct claim *a = left, *b = right;
        int order = wg_ip_compare(&a->ip, &b->ip);

        if (order == 0)
                order = a->is_retired - b->is_retired;
        return order != 0 ? order : strcmp(a->name, b->name);
}

/* The right of an entry to its address. The first entry of a machine that needs one counts. */
static struct claim make_claim(struct derivation *d, uint32_t entry)
{
        const struct tl_lock_virtual *item = &d->lock->virtuals[entry];
        uint32_t machine = tl_machines_find(&d->machines, item->name);

        if (machine != TL_MODEL_NONE &&
            (!d->virtual.is_wanted[machine] || d->entries[machine] != TL_MODEL_NONE))
                machine = TL_MODEL_NONE;
        if (machine != TL_MODEL_NONE)
                d->entries[machine] = entry;
        return (struct claim){item->ip, machine == TL_MODEL_NONE, item->name, entry, machine};
}

/* Lists the entries with an address in the ranges. Of several with one address, the strongest keeps
 * it. */
static bool list_claims(struct derivation *d, uint8_t family, const char *site,
                        struct claims *claims)
{
        uint32_t first = find_site(d, site), end = first, kept = 0;

        while (end < d->known && strcmp(d->lock->virtuals[d->sorted[end]].site, site) == 0)
                end++;
        claims->items = tl_arena_take(&d->scratch, end - first, sizeof(*claims->items));
        claims->count = 0;
        if (!claims->items)
                return false;
        for (uint32_t i = first; i < end; i++) {
                const struct tl_lock_virtual *item = &d->lock->virtuals[d->sorted[i]];

                if (item->ip.family == family && tl_virtual_contains(&d->virtual, &item->ip))
                        claims->items[claims->count++] = make_claim(d, d->sorted[i]);
        }
        if (claims->count)
                qsort(claims->items, claims->count, sizeof(*claims->items), compare_claims);
        for (uint32_t i = 0; i < claims->count; i++) {
                const struct claim *claim = &claims->items[i];
                bool is_double = kept > 0 && wg_ip_equal(&claims->items[kept - 1].ip, &claim->ip);

                if (!is_double) {
                        claims->items[kept++] = *claim;
                        continue;
                }
                d->is_reused[claim->entry] = true;
                if (!claim->is_retired)
                        d->entries[claim->machine] = TL_MODEL_NONE;
        }
        claims->count = kept;
        return true;
}

/* Walks over the addresses of the ranges, and over claims, both in ascending order. */
struct walk {
        uint32_t range, claim, retired;
        struct wg_ip next; /* in the range; family NONE: its first one */
};

/* The next address. Returns false if there is none. */
static bool step(struct walk *walk, const struct tl_prefixes *ranges, struct wg_ip *ip)
{
        struct wg_ip last;

        if (walk->range == ranges->count)
                return false;
        if (walk->next.family == WG_FAMILY_NONE)
                walk->next = ranges->items[walk->range].ip;
        *ip = walk->next;
        last = wg_prefix_last(&ranges->items[walk->range]);
        if (wg_ip_equal(ip, &last)) {
                walk->range++;
                walk->next = (struct wg_ip){0};
                return true;
        }
        for (unsigned int i = wg_ip_bits(ip) / 8; i-- > 0;)
                if (++walk->next.bytes[i] != 0)
                        break;
        return true;
}

static bool take_free(struct walk *walk, const struct tl_prefixes *ranges,
                      const struct claims *claims, struct wg_ip *ip)
{
        while (step(walk, ranges, ip)) {
                while (walk->claim < claims->count &&
                       wg_ip_compare(&claims->items[walk->claim].ip, ip) < 0)
                        walk->claim++;
                if (walk->claim == claims->count ||
                    !wg_ip_equal(&claims->items[walk->claim].ip, ip))
                        return true;
        }
        return false;
}

static bool take_retired(struct derivation *d, struct walk *walk, const struct claims *claims,
                         struct wg_ip *ip)
{
        while (walk->retired < claims->count) {
                const struct claim *claim = &claims->items[walk->retired++];

                if (!claim->is_retired)
                        continue;
                d->is_reused[claim->entry] = true;
                *ip = claim->ip;
                return true;
        }
        return false;
}

static bool add_entry(struct derivation *d, const char *site, const char *name,
                      const struct wg_ip *ip)
{
        struct tl_lock *lock = d->lock;
        struct tl_lock_virtual *items = tl_arena_grow(&lock->arena, lock->virtuals,
                                                      lock->virtual_count, &lock->virtual_capacity,
                                                      sizeof(*items));
        char *site_copy = tl_arena_copy(&lock->arena, site, strlen(site));
        char *name_copy = tl_arena_copy(&lock->arena, name, strlen(name));

        if (items)
                lock->virtuals = items;
        if (!items || !site_copy || !name_copy)
                return false;
        items[lock->virtual_count++] = (struct tl_lock_virtual){
                .site = site_copy, .name = name_copy, .ip = *ip};
        d->changes++;
        return true;
}

static bool fill_in(struct derivation *d, const char *site, const struct claims *claims)
{
        struct walk walk = {0};
        struct wg_ip ip;

        for (uint32_t i = 0; i < d->machines.count; i++) {
                if (!d->virtual.is_wanted[i])
                        continue;
                if (d->entries[i] != TL_MODEL_NONE) {
                        d->is_kept[d->entries[i]] = true;
                        continue;
                }
                if (!take_free(&walk, &d->virtual.ranges, claims, &ip) &&
                    !take_retired(d, &walk, claims, &ip))
                        continue;
                if (!add_entry(d, site, d->machines.items[i].name, &ip))
                        return false;
        }
        return true;
}

static bool derive_site(struct derivation *d, uint32_t site, uint8_t family)
{
        const char *name = d->network->sites[site].name.text;
        struct claims claims;

        if (!tl_virtual_list(&d->virtual, d->network, site, family, &d->machines, &d->scratch))
                return false;
        if (!d->virtual.ranges.count)
                return true;
        for (uint32_t i = 0; i < d->machines.count; i++)
                d->entries[i] = TL_MODEL_NONE;
        return list_claims(d, family, name, &claims) && fill_in(d, name, &claims);
}

/* ---- the lock ---- */

/* Retires the entries that have no machine, and drops those whose addresses others have. */
static void settle(struct derivation *d)
{
        struct tl_lock *lock = d->lock;
        uint32_t kept = 0;

        for (uint32_t i = 0; i < lock->virtual_count; i++) {
                struct tl_lock_virtual entry = lock->virtuals[i];

                if (i < d->known) {
                        bool is_retired = !d->is_kept[i];

                        d->changes += d->is_reused[i] || is_retired != entry.is_retired;
                        entry.is_retired = is_retired;
                        if (d->is_reused[i])
                                continue;
                }
                lock->virtuals[kept++] = entry;
        }
        lock->virtual_count = kept;
}

static bool derive_all(struct derivation *d)
{
        if (!tl_machines_list(&d->machines, d->network, d->lock, &d->scratch) || !sort_entries(d))
                return false;
        d->entries = tl_arena_take(&d->scratch, d->machines.count, sizeof(*d->entries));
        d->virtual.is_wanted = tl_arena_take(&d->scratch, d->machines.count,
                                             sizeof(*d->virtual.is_wanted));
        if (!d->entries || !d->virtual.is_wanted)
                return false;
        for (uint32_t i = 0; i < d->network->site_count; i++)
                if (!derive_site(d, i, WG_FAMILY_IPV4) || !derive_site(d, i, WG_FAMILY_IPV6))
                        return false;
        settle(d);
        return true;
}

bool tl_virtual_derive(struct tl_lock *lock, const struct tl_network *network, uint32_t *changes)
{
        struct derivation d = {.lock = lock, .network = network, .known = lock->virtual_count};
        bool has_ranges = false, is_good;

        for (uint32_t i = 0; i < network->site_count; i++)
                has_ranges |= tl_virtual_has_ranges(&network->sites[i]);
        if (!has_ranges && !d.known)
                return true;
        is_good = derive_all(&d);
        tl_arena_done(&d.scratch);
        *changes += d.changes;
        return is_good;
}
