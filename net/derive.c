/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * Each family has a pool of tunnel addresses, numbered by their offsets in it. All values that are
 * taken, or were once, are claims. Claims are sorted once; after that, one pass over them finds as
 * many free addresses as are needed. Mapped prefixes are found in the same way, once for each
 * length of prefix. */
#include "net/derive.h"

#include <stdlib.h>
#include <string.h>

#include "conf/address.h"
#include "net/prefixes.h"
#include "net/recorded.h"
#include "net/roster.h"
#include "net/virtual.h"

/* ---- what all steps share ---- */

struct derivation {
        struct tl_arena arena; /* scratch */
        struct tl_lock *lock;
        const struct tl_network *network;
        struct tl_findings *findings;
        uint32_t changes;

        struct tl_node *nodes;
        uint32_t node_count;
        uint32_t *entries; /* of each node: index of its item in lock->addresses */
};

static bool report_no_memory(struct derivation *d)
{
        tl_findings_error(d->findings, d->network->name.at, NULL, "out of memory");
        return false;
}

/* ---- the ULA ---- */

static void derive_ula(struct derivation *d, const uint8_t random[5])
{
        struct wg_prefix *ula = &d->lock->ula;

        if (ula->ip.family != WG_FAMILY_NONE ||
            d->network->pool6.prefix.ip.family != WG_FAMILY_NONE)
                return;
        *ula = (struct wg_prefix){.ip = {.family = WG_FAMILY_IPV6, .bytes = {0xfd}}, .cidr = 48};
        memcpy(ula->ip.bytes + 1, random, 5);
        d->changes++;
}

struct wg_prefix tl_derive_pool6(const struct tl_network *network, const struct tl_lock *lock)
{
        struct wg_prefix pool = network->pool6.prefix;

        if (pool.ip.family != WG_FAMILY_NONE)
                return pool;
        pool = lock->ula;
        if (pool.ip.family != WG_FAMILY_NONE)
                pool.cidr = 64;
        return pool;
}

/* ---- whose values are they ---- */

static bool add_address_entry(struct derivation *d, const char *name)
{
        struct tl_lock *lock = d->lock;
        struct tl_lock_address *items = tl_arena_grow(&lock->arena, lock->addresses,
                                                      lock->address_count, &lock->address_capacity,
                                                      sizeof(*items));
        char *copy = tl_arena_copy(&lock->arena, name, strlen(name));

        if (items)
                lock->addresses = items;
        if (!items || !copy)
                return false;
        lock->addresses[lock->address_count++] = (struct tl_lock_address){.name = copy};
        return true;
}

/* Finds the entry of each node, or adds one. Retires entries that have no node, and all but one
 * of several with one name, as a merge of two lock files can leave them. */
static bool match_addresses(struct derivation *d)
{
        uint32_t known = d->lock->address_count;
        struct tl_recorded recorded;
        bool *has_node = tl_arena_take(&d->arena, known, sizeof(*has_node));

        d->entries = tl_arena_take(&d->arena, d->node_count, sizeof(*d->entries));
        if (!has_node || !d->entries || !tl_recorded_init(&recorded, d->lock, &d->arena))
                return false;
        for (uint32_t i = 0; i < d->node_count; i++) {
                const struct tl_lock_address *entry = tl_recorded_address(&recorded,
                                                                          d->nodes[i].name);

                d->entries[i] = entry ? (uint32_t)(entry - d->lock->addresses) : TL_MODEL_NONE;
                if (entry)
                        has_node[d->entries[i]] = true;
        }
        for (uint32_t i = 0; i < known; i++) {
                if (d->lock->addresses[i].is_retired == !has_node[i])
                        continue;
                d->lock->addresses[i].is_retired = !has_node[i];
                d->changes++;
        }
        for (uint32_t i = 0; i < d->node_count; i++) {
                if (d->entries[i] != TL_MODEL_NONE)
                        continue;
                d->entries[i] = d->lock->address_count;
                if (!add_address_entry(d, d->nodes[i].name))
                        return false;
        }
        return true;
}

/* ---- tunnel addresses of one family ---- */

/* Offsets of the addresses of a LAN. */
struct span {
        uint64_t first, last;
};

struct pool {
        uint8_t family;
        struct wg_prefix prefix; /* family NONE: the network has no such addresses */
        uint64_t first, last;    /* offsets of addresses that nodes may have */
        struct span *lans;       /* except those of LANs in the pool; sorted, disjoint */
        uint32_t lan_count;
        struct tl_place at;
};

static uint64_t last_offset(const struct wg_prefix *prefix)
{
        unsigned int bits = wg_ip_bits(&prefix->ip) - prefix->cidr;

        return bits >= 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
}

/* An address of the pool as a number from its start. False if it is beyond 64 bits. */
static bool number_of(const struct pool *pool, const struct wg_ip *ip, uint64_t *offset)
{
        uint64_t bits[2], base[2];

        wg_ip_load_bits(bits, pool->family, ip->bytes);
        wg_ip_load_bits(base, pool->family, pool->prefix.ip.bytes);
        if (pool->family == WG_FAMILY_IPV4)
                *offset = (bits[0] - base[0]) >> 32;
        else
                *offset = bits[1] - base[1];
        return pool->family == WG_FAMILY_IPV4 || bits[0] == base[0];
}

/* Whether a LAN lies in the pool. One that has all of it is a conflict (net/conflicts). */
static bool is_in_pool(const struct pool *pool, const struct wg_prefix *lan)
{
        return lan->ip.family == pool->family && lan->cidr > pool->prefix.cidr &&
               wg_prefix_covers(&pool->prefix, lan);
}

/* Lists the LANs in the pool: a node with an address there would not be reached from the LAN. */
static bool list_lans(struct derivation *d, struct pool *pool)
{
        struct tl_prefixes lans = {0};

        for (uint32_t i = 0; i < d->network->site_count; i++) {
                const struct tl_prefix_list *list = &d->network->sites[i].lans;

                for (uint32_t j = 0; j < list->count; j++)
                        if (is_in_pool(pool, &list->items[j].prefix) &&
                            !tl_prefixes_add(&lans, &d->arena, &list->items[j].prefix))
                                return false;
        }
        tl_prefixes_shorten(&lans);
        pool->lans = tl_arena_take(&d->arena, lans.count, sizeof(*pool->lans));
        for (uint32_t i = 0; pool->lans && i < lans.count; i++) {
                struct span *span = &pool->lans[pool->lan_count];

                if (!number_of(pool, &lans.items[i].ip, &span->first))
                        continue;
                span->last = span->first + last_offset(&lans.items[i]);
                pool->lan_count++;
        }
        return pool->lans != NULL;
}

static bool make_pool(struct derivation *d, struct pool *pool, uint8_t family,
                      const struct wg_prefix *prefix, struct tl_place at)
{
        *pool = (struct pool){.family = family, .prefix = *prefix, .at = at};
        pool->last = last_offset(prefix);
        if (pool->last < 3)
                return list_lans(d, pool);
        pool->first = 1; /* the network, or the anycast address of the subnet's routers */
        if (family == WG_FAMILY_IPV4)
                pool->last--; /* broadcast */
        return list_lans(d, pool);
}

/* The LAN that has an address; NULL: none does. */
static const struct span *find_lan(const struct pool *pool, uint64_t offset)
{
        uint32_t low = 0, high = pool->lan_count;

        while (low < high) {
                uint32_t middle = low + (high - low) / 2;

                if (pool->lans[middle].last < offset)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < pool->lan_count && pool->lans[low].first <= offset ? &pool->lans[low] : NULL;
}

/* Whether nodes may have the address with a number. */
static bool may_have(const struct pool *pool, uint64_t offset)
{
        return offset >= pool->first && offset <= pool->last && !find_lan(pool, offset);
}

/* An address as a number from the start of the pool. False if nodes may not have it. */
static bool offset_of(const struct pool *pool, const struct wg_ip *ip, uint64_t *offset)
{
        return pool->prefix.ip.family != WG_FAMILY_NONE && wg_prefix_contains(&pool->prefix, ip) &&
               number_of(pool, ip, offset) && may_have(pool, *offset);
}

static struct wg_ip address_at(const struct pool *pool, uint64_t offset)
{
        struct wg_ip ip = {0};
        uint64_t bits[2];

        wg_ip_load_bits(bits, pool->family, pool->prefix.ip.bytes);
        if (pool->family == WG_FAMILY_IPV4)
                bits[0] += offset << 32;
        else
                bits[1] += offset;
        wg_ip_store_bits(&ip, pool->family, bits);
        return ip;
}

static struct wg_ip *value_of(struct tl_lock_address *entry, uint8_t family)
{
        return family == WG_FAMILY_IPV4 ? &entry->ip4 : &entry->ip6;
}

/* The right to an address, strongest first. */
enum claim_rank { CLAIM_FIXED, CLAIM_KEPT, CLAIM_RETIRED };

struct claim {
        uint64_t offset;
        enum claim_rank rank;
        const char *name;
        uint32_t entry;
};

struct claims {
        struct claim *items;
        uint32_t count;
};

static int compare_claims(const void *left, const void *right)
{
        const struct claim *a = left, *b = right;

        if (a->offset != b->offset)
                return a->offset < b->offset ? -1 : 1;
        if (a->rank != b->rank)
                return a->rank < b->rank ? -1 : 1;
        return strcmp(a->name, b->name);
}

static void set_value(struct derivation *d, uint32_t entry, uint8_t family, const struct wg_ip *ip)
{
        struct wg_ip *value = value_of(&d->lock->addresses[entry], family);

        if (wg_ip_equal(value, ip))
                return;
        *value = *ip;
        d->changes++;
}

/* Takes an entry's value. One in use gets another, which counts as the change, if there is a pool.
 */
static void clear_value(struct derivation *d, uint32_t entry, const struct pool *pool)
{
        struct tl_lock_address *item = &d->lock->addresses[entry];
        struct wg_ip *value = value_of(item, pool->family);

        if (value->family == WG_FAMILY_NONE)
                return;
        *value = (struct wg_ip){0};
        if (item->is_retired || pool->prefix.ip.family == WG_FAMILY_NONE)
                d->changes++;
}

static const struct wg_ip *fixed_address(const struct tl_node *node, uint8_t family)
{
        const struct tl_ip_list *addresses = &node->in_file->addresses;

        for (uint32_t i = 0; i < addresses->count; i++)
                if (addresses->items[i].ip.family == family)
                        return &addresses->items[i].ip;
        return NULL;
}

/* Gives nodes their fixed addresses, and takes from others what lies outside the pool. */
static void settle_given(struct derivation *d, const struct pool *pool, bool *is_fixed)
{
        for (uint32_t i = 0; i < d->node_count; i++) {
                const struct wg_ip *fixed = fixed_address(&d->nodes[i], pool->family);
                uint32_t entry = d->entries[i];
                uint64_t offset;

                is_fixed[entry] = fixed != NULL;
                if (fixed)
                        set_value(d, entry, pool->family, fixed);
                else if (!offset_of(pool, value_of(&d->lock->addresses[entry], pool->family),
                                    &offset))
                        clear_value(d, entry, pool);
        }
}

/* Sorts what is taken, and what was. Of several kept or retired entries with one address, all but
 * the strongest lose it. */
static bool settle_claims(struct derivation *d, const struct pool *pool, const bool *is_fixed,
                          struct claims *claims)
{
        struct tl_lock *lock = d->lock;
        uint32_t kept = 0;

        claims->items = tl_arena_take(&d->arena, lock->address_count, sizeof(*claims->items));
        claims->count = 0;
        if (!claims->items)
                return false;
        for (uint32_t i = 0; i < lock->address_count; i++) {
                struct tl_lock_address *entry = &lock->addresses[i];
                struct claim claim = {.name = entry->name, .entry = i};

                if (!offset_of(pool, value_of(entry, pool->family), &claim.offset))
                        continue;
                claim.rank = entry->is_retired ? CLAIM_RETIRED
                             : is_fixed[i]     ? CLAIM_FIXED
                                               : CLAIM_KEPT;
                claims->items[claims->count++] = claim;
        }
        qsort(claims->items, claims->count, sizeof(*claims->items), compare_claims);
        for (uint32_t i = 0; i < claims->count; i++) {
                const struct claim *claim = &claims->items[i];

                if (kept > 0 && claims->items[kept - 1].offset == claim->offset) {
                        if (claim->rank != CLAIM_FIXED) /* net/conflicts reports those */
                                clear_value(d, claim->entry, pool);
                        continue;
                }
                claims->items[kept++] = *claim;
        }
        claims->count = kept;
        return true;
}

static bool is_claimed(const struct claims *claims, uint64_t offset)
{
        uint32_t low = 0, high = claims->count;

        while (low < high) {
                uint32_t middle = low + (high - low) / 2;

                if (claims->items[middle].offset < offset)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < claims->count && claims->items[low].offset == offset;
}

/* Gives nodes the IPv6 address with the number that they have in the IPv4 pool, where it is free,
 * so that people recognise it. */
static bool pair_families(struct derivation *d, const struct pool *pool4, const struct pool *pool6,
                          const bool *is_fixed, struct claims *claims)
{
        for (uint32_t i = 0; i < d->node_count; i++) {
                struct tl_lock_address *entry = &d->lock->addresses[d->entries[i]];
                uint64_t offset;
                struct wg_ip ip;

                if (entry->ip6.family != WG_FAMILY_NONE ||
                    !offset_of(pool4, &entry->ip4, &offset) || !may_have(pool6, offset) ||
                    is_claimed(claims, offset))
                        continue;
                ip = address_at(pool6, offset);
                set_value(d, d->entries[i], WG_FAMILY_IPV6, &ip);
        }
        return settle_claims(d, pool6, is_fixed, claims);
}

/* Walks over free offsets; then over retired ones, which their entries lose. */
struct walk {
        uint64_t next;
        uint32_t claim;   /* the first one at or behind `next` */
        uint32_t retired; /* the claims before this one are not retired, or reused */
        bool is_over;     /* no free offset is left */
};

/* Goes on behind an address that is taken, the last one of several. */
static void skip(struct walk *walk, const struct pool *pool, uint64_t last)
{
        walk->is_over = last >= pool->last;
        walk->next = last + 1;
}

static bool take_free(struct walk *walk, const struct pool *pool, const struct claims *claims,
                      uint64_t *offset)
{
        while (!walk->is_over) {
                const struct span *lan = find_lan(pool, walk->next);

                if (lan) {
                        skip(walk, pool, lan->last);
                        continue;
                }
                if (walk->claim == claims->count || claims->items[walk->claim].offset != walk->next)
                        break;
                walk->claim++;
                skip(walk, pool, walk->next);
        }
        if (walk->is_over)
                return false;
        *offset = walk->next;
        skip(walk, pool, walk->next);
        return true;
}

static bool take_retired(struct derivation *d, struct walk *walk, const struct pool *pool,
                         const struct claims *claims, uint64_t *offset)
{
        while (walk->retired < claims->count) {
                const struct claim *claim = &claims->items[walk->retired++];

                if (claim->rank != CLAIM_RETIRED)
                        continue;
                clear_value(d, claim->entry, pool);
                *offset = claim->offset;
                return true;
        }
        return false;
}

static bool report_exhausted(struct derivation *d, const struct pool *pool)
{
        char text[TL_ADDRESS_PREFIX_SIZE];

        tl_address_format_prefix(text, &pool->prefix);
        tl_findings_error(d->findings, pool->at, "give `addresses:` a larger prefix",
                          "%s has too few addresses for %u nodes", text, d->node_count);
        return false;
}

static bool fill_in(struct derivation *d, const struct pool *pool, const struct claims *claims)
{
        struct walk walk = {.next = pool->first};
        uint64_t offset;
        struct wg_ip ip;

        for (uint32_t i = 0; i < d->node_count; i++) {
                uint32_t entry = d->entries[i];

                if (value_of(&d->lock->addresses[entry], pool->family)->family != WG_FAMILY_NONE)
                        continue;
                if ((walk.is_over || !take_free(&walk, pool, claims, &offset)) &&
                    !take_retired(d, &walk, pool, claims, &offset))
                        return report_exhausted(d, pool);
                ip = address_at(pool, offset);
                set_value(d, entry, pool->family, &ip);
        }
        return true;
}

static bool derive_family(struct derivation *d, const struct pool *pool, const struct pool *paired)
{
        bool *is_fixed = tl_arena_take(&d->arena, d->lock->address_count, sizeof(*is_fixed));
        struct claims claims;

        if (!is_fixed)
                return report_no_memory(d);
        settle_given(d, pool, is_fixed);
        if (pool->prefix.ip.family == WG_FAMILY_NONE)
                return true;
        if (!settle_claims(d, pool, is_fixed, &claims))
                return report_no_memory(d);
        if (paired && !pair_families(d, paired, pool, is_fixed, &claims))
                return report_no_memory(d);
        return fill_in(d, pool, &claims);
}

static bool derive_addresses(struct derivation *d)
{
        struct wg_prefix prefix6 = tl_derive_pool6(d->network, d->lock);
        struct pool pool4, pool6;
        struct tl_lock *lock = d->lock;
        uint32_t kept = 0;
        bool is_ok;

        if (!tl_roster_list(d->network, &d->arena, &d->nodes, &d->node_count) ||
            !match_addresses(d) ||
            !make_pool(d, &pool4, WG_FAMILY_IPV4, &d->network->pool4.prefix,
                       d->network->pool4.at) ||
            !make_pool(d, &pool6, WG_FAMILY_IPV6, &prefix6, d->network->pool6.at))
                return report_no_memory(d);
        is_ok = derive_family(d, &pool4, NULL);
        is_ok = derive_family(d, &pool6, &pool4) && is_ok;
        for (uint32_t i = 0; i < lock->address_count; i++)
                if (lock->addresses[i].ip4.family != WG_FAMILY_NONE ||
                    lock->addresses[i].ip6.family != WG_FAMILY_NONE)
                        lock->addresses[kept++] = lock->addresses[i];
        lock->address_count = kept;
        return is_ok;
}

/* ---- mapped prefixes ---- */

/* IPv4 addresses from first to last, of an item of lock->mapped. */
struct block {
        uint64_t first, last;
        uint32_t entry;
        bool is_retired;
};

struct blocks {
        struct block *items;
        uint32_t count;
};

static struct block make_block(const struct wg_prefix *prefix, uint32_t entry, bool is_retired)
{
        uint64_t first = wg_be32_load(prefix->ip.bytes);

        return (struct block){first, first + (UINT64_C(1) << (32 - prefix->cidr)) - 1, entry,
                              is_retired};
}

static bool is_mapped_family(const struct wg_prefix *lan)
{
        return lan->ip.family == WG_FAMILY_IPV4 && lan->cidr > 0;
}

static bool add_mapped_entry(struct derivation *d, const char *site, const struct wg_prefix *lan)
{
        struct tl_lock *lock = d->lock;
        struct tl_lock_mapped *items = tl_arena_grow(&lock->arena, lock->mapped, lock->mapped_count,
                                                     &lock->mapped_capacity, sizeof(*items));
        char *copy = tl_arena_copy(&lock->arena, site, strlen(site));

        if (items)
                lock->mapped = items;
        if (!items || !copy)
                return false;
        lock->mapped[lock->mapped_count++] = (struct tl_lock_mapped){.site = copy, .lan = *lan};
        return true;
}

/* Finds the entry of each LAN, or adds one. Retires entries that have no LAN. */
static bool match_mapped(struct derivation *d)
{
        const struct tl_lock_mapped *first = d->lock->mapped; /* moves when entries are added */
        uint32_t known = d->lock->mapped_count;
        bool *has_lan = tl_arena_take(&d->arena, known, sizeof(*has_lan));
        struct tl_recorded recorded;

        if (!has_lan || !tl_recorded_init(&recorded, d->lock, &d->arena))
                return false;
        for (uint32_t i = 0; i < d->network->site_count; i++) {
                const struct tl_network_site *site = &d->network->sites[i];

                for (uint32_t j = 0; j < site->lans.count; j++) {
                        const struct wg_prefix *lan = &site->lans.items[j].prefix;
                        const struct tl_lock_mapped *entry;

                        if (!is_mapped_family(lan))
                                continue;
                        entry = tl_recorded_mapped(&recorded, site->name.text, lan);
                        if (entry)
                                has_lan[entry - first] = true;
                        else if (!add_mapped_entry(d, site->name.text, lan))
                                return false;
                }
        }
        for (uint32_t i = 0; i < known; i++) {
                if (d->lock->mapped[i].is_retired == !has_lan[i])
                        continue;
                d->lock->mapped[i].is_retired = !has_lan[i];
                d->changes++;
        }
        return true;
}

static int compare_blocks(const void *left, const void *right)
{
        const struct block *a = left, *b = right;

        if (a->first != b->first)
                return a->first < b->first ? -1 : 1;
        if (a->last != b->last)
                return a->last > b->last ? -1 : 1;
        return a->is_retired - b->is_retired;
}

/* Sorts the blocks that are taken, and with_retired those that were. */
static struct blocks sort_blocks(const struct tl_lock *lock, struct block *items, bool with_retired)
{
        struct blocks blocks = {.items = items};

        for (uint32_t i = 0; i < lock->mapped_count; i++) {
                const struct tl_lock_mapped *entry = &lock->mapped[i];

                if (entry->mapped.ip.family == WG_FAMILY_NONE ||
                    (entry->is_retired && !with_retired))
                        continue;
                blocks.items[blocks.count++] = make_block(&entry->mapped, i, entry->is_retired);
        }
        qsort(blocks.items, blocks.count, sizeof(*blocks.items), compare_blocks);
        return blocks;
}

/* Takes an entry's block. One in use gets another, which counts as the change. */
static void forget_mapped(struct derivation *d, struct tl_lock_mapped *entry)
{
        entry->mapped = (struct wg_prefix){0};
        d->changes += entry->is_retired;
}

/* Takes from entries what does not fit their LAN or the pool, or overlaps another entry's. */
static void settle_mapped(struct derivation *d, const struct wg_prefix *pool, struct block *items)
{
        struct tl_lock *lock = d->lock;
        struct blocks blocks;
        uint64_t end = 0; /* the first address after all blocks so far */

        for (uint32_t i = 0; i < lock->mapped_count; i++) {
                struct tl_lock_mapped *entry = &lock->mapped[i];

                if (entry->is_retired || entry->mapped.ip.family == WG_FAMILY_NONE)
                        continue;
                if (entry->mapped.cidr != entry->lan.cidr ||
                    !wg_prefix_covers(pool, &entry->mapped))
                        forget_mapped(d, entry);
        }
        blocks = sort_blocks(lock, items, false);
        for (uint32_t i = 0; i < blocks.count; i++) {
                if (blocks.items[i].first < end)
                        forget_mapped(d, &lock->mapped[blocks.items[i].entry]);
                end = WG_MAX(end, blocks.items[i].last + 1);
        }
}

/* Finds free blocks of one size. */
struct search {
        struct blocks taken;
        uint32_t at;   /* the first taken block that may be in the way */
        uint64_t next; /* the first address that may be free */
        uint64_t last; /* of the pool */
};

static bool find_block(struct search *search, uint8_t cidr, struct wg_prefix *found)
{
        uint64_t size = UINT64_C(1) << (32 - cidr);

        for (;;) {
                const struct block *block = &search->taken.items[search->at];

                search->next = (search->next + size - 1) & ~(size - 1);
                if (search->next + size - 1 > search->last)
                        return false;
                if (search->at == search->taken.count || block->first >= search->next + size)
                        break;
                if (block->last >= search->next)
                        search->next = block->last + 1;
                search->at++;
        }
        *found = (struct wg_prefix){.ip = {.family = WG_FAMILY_IPV4}, .cidr = cidr};
        wg_be32_store(found->ip.bytes, (uint32_t)search->next);
        search->next += size;
        return true;
}

/* Gives entries with a LAN of this length a block, while there are any. */
static void fill_length(struct derivation *d, const struct wg_prefix *pool, uint8_t cidr,
                        struct block *items, bool with_retired)
{
        struct block whole = make_block(pool, 0, false);
        struct search search = {.taken = sort_blocks(d->lock, items, with_retired),
                                .next = whole.first,
                                .last = whole.last};

        for (uint32_t i = 0; i < d->lock->mapped_count; i++) {
                struct tl_lock_mapped *entry = &d->lock->mapped[i];

                if (entry->is_retired || entry->lan.cidr != cidr ||
                    entry->mapped.ip.family != WG_FAMILY_NONE)
                        continue;
                if (!find_block(&search, cidr, &entry->mapped))
                        return;
                d->changes++;
        }
}

/* Drops retired entries whose blocks others now have, or that have none. */
static void drop_retired(struct derivation *d, struct block *items)
{
        struct tl_lock *lock = d->lock;
        struct blocks blocks = sort_blocks(lock, items, true);
        uint64_t end = 0; /* the first address after all blocks so far that are in use */
        uint32_t kept = 0;

        for (uint32_t i = 0; i < blocks.count; i++) {
                const struct block *block = &blocks.items[i];

                if (!block->is_retired)
                        end = WG_MAX(end, block->last + 1);
                else if (block->first < end)
                        forget_mapped(d, &lock->mapped[block->entry]);
        }
        end = UINT64_MAX; /* the first address of the blocks in use behind */
        for (uint32_t i = blocks.count; i-- > 0;) {
                const struct block *block = &blocks.items[i];

                if (!block->is_retired)
                        end = block->first;
                else if (block->last >= end && lock->mapped[block->entry].mapped.ip.family)
                        forget_mapped(d, &lock->mapped[block->entry]);
        }
        for (uint32_t i = 0; i < lock->mapped_count; i++)
                if (!lock->mapped[i].is_retired || lock->mapped[i].mapped.ip.family)
                        lock->mapped[kept++] = lock->mapped[i];
        lock->mapped_count = kept;
}

static struct tl_place place_of_lan(const struct tl_network *network,
                                    const struct tl_lock_mapped *entry)
{
        for (uint32_t i = 0; i < network->site_count; i++) {
                const struct tl_network_site *site = &network->sites[i];

                for (uint32_t j = 0; j < site->lans.count; j++)
                        if (strcmp(site->name.text, entry->site) == 0 &&
                            wg_ip_equal(&site->lans.items[j].prefix.ip, &entry->lan.ip))
                                return site->lans.items[j].at;
        }
        return network->mapped.at;
}

/* Reports the first LAN that got no mapped prefix. */
static bool check_mapped(struct derivation *d, const struct tl_placed_prefix *pool)
{
        char pool_text[TL_ADDRESS_PREFIX_SIZE], lan_text[TL_ADDRESS_PREFIX_SIZE];

        for (uint32_t i = 0; i < d->lock->mapped_count; i++) {
                const struct tl_lock_mapped *entry = &d->lock->mapped[i];

                if (entry->mapped.ip.family != WG_FAMILY_NONE)
                        continue;
                tl_address_format_prefix(pool_text, &pool->prefix);
                tl_address_format_prefix(lan_text, &entry->lan);
                tl_findings_add(d->findings, TL_FINDING_ERROR, place_of_lan(d->network, entry),
                                pool->at.line ? &pool->at : NULL, "give `mapped:` a larger prefix",
                                "%s has no free mapped prefix for LAN %s of site \"%s\"", pool_text,
                                lan_text, entry->site);
                return false;
        }
        return true;
}

static bool derive_mapped(struct derivation *d)
{
        const struct tl_placed_prefix *pool = &d->network->mapped;
        struct block *items;

        if (!match_mapped(d))
                return report_no_memory(d);
        items = tl_arena_take(&d->arena, d->lock->mapped_count + 1, sizeof(*items));
        if (!items)
                return report_no_memory(d);
        settle_mapped(d, &pool->prefix, items);
        /* Larger blocks first: a gap that is too small for one may still serve others. */
        for (uint8_t cidr = 1; cidr <= 32; cidr++) {
                fill_length(d, &pool->prefix, cidr, items, true);
                fill_length(d, &pool->prefix, cidr, items, false);
        }
        drop_retired(d, items);
        return check_mapped(d, pool);
}

/* ---- all of it ---- */

static bool derive_virtual(struct derivation *d)
{
        return tl_virtual_derive(d->lock, d->network, &d->changes) || report_no_memory(d);
}

bool tl_derive(struct tl_lock *lock, const struct tl_network *network, const uint8_t random[5],
               uint32_t *changes, struct tl_findings *findings)
{
        struct derivation d = {.lock = lock, .network = network, .findings = findings};
        bool is_ok;

        derive_ula(&d, random);
        is_ok = derive_addresses(&d);
        is_ok = derive_mapped(&d) && is_ok;
        is_ok = derive_virtual(&d) && is_ok;
        tl_arena_done(&d.arena);
        lock->is_incomplete = !is_ok;
        if (is_ok)
                *changes = d.changes;
        return is_ok;
}
