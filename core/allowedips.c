/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * A path-compressed binary trie for each family. A node stands for a prefix; of its two children,
 * one is the longest prefix that covers everything below it whose next bit is 0, the other the same
 * for 1. A node either has an owner or is glue, which only separates its two children. So n
 * prefixes need fewer than 2n nodes, and adding one needs at most two.
 *
 *                     10.0.0.0/8 A
 *                    /            \
 *         10.1.0.0/16 B       10.192.0.0/10 (glue)
 *                              /              \
 *                      10.200.0.0/16 B    10.224.0.7/32 C
 *
 * A reader walks down from the root while nodes cover the address, and remembers the last owner.
 * Meanwhile the engine changes the trie in these steps, each of which is a single store:
 *
 *     own        node->owner = owner       a prefix is added to glue, or moves
 *     disown     node->owner = NULL        a prefix becomes glue
 *     splice in  *slot = new node          its child is what the slot held, if anything
 *     splice out *slot = the only child    removes glue with fewer than two children
 *
 * Nodes. A walk never follows freed memory, and passes every node that covers its address and is in
 * the trie during the whole walk:
 * - A node's prefix never changes while a reader may hold it, and each step down checks the address
 *   and lengthens the prefix. So a reader passes only nodes that cover the address, shortest first,
 *   and the walk ends.
 * - Splicing in or out only adds or removes glue between a slot and what is below it: everything
 *   that could be reached through the slot before can be reached after. A new prefix is glue until
 *   it is owned, and a removed prefix becomes glue before it is spliced out.
 * - A spliced-out node keeps its child pointers. A reader still on it continues to the child that
 *   it had. That child may have been spliced out too; then the same holds for it. So the reader
 *   reaches everything that was below the node at that time, except what has been removed since. It
 *   misses only prefixes added since, which the claim does not cover.
 * - Spliced-out nodes are retired, so they are freed after the last reader has left them. The
 *   engine retires the peers.
 *
 * Owners. Each node has the owner that readers see and the owner that the engine wants. commit()
 * makes the first equal to the second, for a whole set of changes, in this order:
 *
 *     1. nodes that have a wanted owner, longest prefixes first
 *     2. nodes that lose their owner, shortest first; a counter rises before each length, and a
 *        reader that sees it change walks again
 *
 * Claim: let `old` be the longest owned prefix of an address before a commit, and `new` after it.
 * Every reader finds the owner of `old`, then that of `new`, and no other, at any moment.
 * - At any one moment. If `new` is at least as long as `old`, no prefix longer than `new` has an
 *   owner, before or after. The address changes hands when `new` is owned in 1; everything else
 *   happens to shorter prefixes. If `new` is shorter, it is owned in 1 while `old` still hides it.
 *   In 2 all prefixes between the two are disowned before `old`, and the address changes hands when
 *   `old` is.
 * - During a walk, which takes time. A reader looks at the shortest prefix first. The steps of 1
 *   run in the opposite order: a reader that sees one of them later sees all steps before it, which
 *   were on longer prefixes. So it has seen the owners as of one moment. The steps of 2 run in the
 *   reader's order: it could see a prefix that is about to be disowned, then miss a longer one that
 *   was disowned after it; but the counter rose between those two steps. Steps on prefixes of one
 *   length never touch the same address.
 *
 * Stores that publish are releases, and readers load with acquire. Only the engine writes, so its
 * own loads are relaxed. */
#include "core/allowedips.h"

#include "base/mem.h"

struct wg_allowed_node {
        /* Const while readers may hold the node. */
        uint64_t bits[2]; /* wg_ip_load_bits() of the prefix, masked */
        uint8_t cidr;
        uint8_t family;

        bool is_changed; /* engine: in a list of uncommitted nodes */

        /* Engine writes, all read. */
        _Atomic(struct wg_allowed_node *) child[2];
        _Atomic(struct wg_allowed_owner *) owner; /* NULL: glue */

        /* Engine. */
        struct wg_allowed_owner *wanted; /* the owner from the next commit on */
        union {
                struct {                                /* in the trie */
                        struct wg_list of_owner;        /* in the list of `wanted` */
                        struct wg_allowed_node *parent; /* a spare node: the next one */
                        struct wg_allowed_node *next_changed;
                };
                struct { /* no longer in the trie */
                        struct wg_retired retired;
                        const struct wg_env *env;
                };
        };
};

static bool covers(const struct wg_allowed_node *node, const uint64_t bits[2])
{
        return wg_ip_common_bits(node->bits, bits) >= node->cidr;
}

/* Returns which child of a node of length `cidr` covers these bits. Meaningless for a node of full
 * length, which has no children. */
static unsigned int side(const uint64_t bits[2], unsigned int cidr)
{
        return (cidr & 64 ? bits[1] : bits[0]) >> (63 - cidr % 64) & 1;
}

static unsigned int root_of(uint8_t family)
{
        return family == WG_FAMILY_IPV6;
}

/* These load what the engine itself wrote. */
static struct wg_allowed_node *own_node(const _Atomic(struct wg_allowed_node *) *slot)
{
        return atomic_load_explicit(slot, memory_order_relaxed);
}

static struct wg_allowed_owner *own_owner(const struct wg_allowed_node *node)
{
        return atomic_load_explicit(&node->owner, memory_order_relaxed);
}

static void set_node(_Atomic(struct wg_allowed_node *) *slot, struct wg_allowed_node *node)
{
        atomic_store_explicit(slot, node, memory_order_release);
}

static void set_owner(struct wg_allowed_node *node, struct wg_allowed_owner *owner)
{
        atomic_store_explicit(&node->owner, owner, memory_order_release);
}

/* Returns the slot that points to a node with these bits: in `parent`, or the root. */
static _Atomic(struct wg_allowed_node *) *
slot_of(struct wg_allowedips *a, struct wg_allowed_node *parent, const struct wg_allowed_node *node)
{
        if (!parent)
                return &a->root[root_of(node->family)];
        return &parent->child[side(node->bits, parent->cidr)];
}

static void push_spare(struct wg_allowedips *a, struct wg_allowed_node *node)
{
        node->parent = a->spare;
        a->spare = node;
        a->spares++;
}

static struct wg_allowed_node *pop_spare(struct wg_allowedips *a)
{
        struct wg_allowed_node *node = a->spare;

        WG_ASSERT(node);
        a->spare = node->parent;
        a->spares--;
        return node;
}

static size_t trim_spares(struct wg_allowedips *a, size_t left, size_t most)
{
        size_t freed = 0;

        for (; a->spares > left && freed < most; freed++)
                a->env->free(a->env->ctx, pop_spare(a), sizeof(struct wg_allowed_node));
        return freed;
}

static struct wg_allowed_node *make_node(struct wg_allowedips *a, uint8_t family,
                                         const uint64_t bits[2], unsigned int cidr)
{
        struct wg_allowed_node *node = pop_spare(a);

        node->family = family;
        node->cidr = (uint8_t)cidr;
        node->bits[0] = bits[0];
        node->bits[1] = bits[1];
        wg_ip_mask_bits(node->bits, cidr);
        return node;
}

static void release_node(struct wg_retired *retired)
{
        struct wg_allowed_node *node = WG_CONTAINER_OF(retired, struct wg_allowed_node, retired);

        node->env->free(node->env->ctx, node, sizeof(*node));
}

static void retire_node(struct wg_allowedips *a, struct wg_allowed_node *node)
{
        node->env = a->env;
        node->retired.release = release_node;
        a->env->retire(a->env->ctx, &node->retired);
}

/* Returns the longest node that covers a prefix, which may be its own node; NULL: none. */
static struct wg_allowed_node *cover_of(const struct wg_allowedips *a, uint8_t family,
                                        const uint64_t bits[2], unsigned int cidr)
{
        struct wg_allowed_node *cover = NULL, *node = own_node(&a->root[root_of(family)]);

        while (node && node->cidr <= cidr && covers(node, bits)) {
                cover = node;
                node = own_node(&node->child[side(bits, node->cidr)]);
        }
        return cover;
}

/* Makes a node the child of another. Neither has to be in the trie yet. */
static void hang(struct wg_allowed_node *parent, struct wg_allowed_node *child)
{
        child->parent = parent;
        set_node(&parent->child[side(child->bits, parent->cidr)], child);
}

/* Splices a new node in below its longest cover. The child that is there now goes below the node,
 * or, if the node does not cover it, next to the node below new glue. */
static void splice_in(struct wg_allowedips *a, struct wg_allowed_node *cover,
                      struct wg_allowed_node *node)
{
        _Atomic(struct wg_allowed_node *) *slot = slot_of(a, cover, node);
        struct wg_allowed_node *below = own_node(slot), *top = node;

        if (below) {
                unsigned int common = wg_ip_common_bits(below->bits, node->bits);

                if (common < node->cidr) {
                        top = make_node(a, node->family, node->bits, common);
                        hang(top, node);
                }
                hang(top, below);
        }
        top->parent = cover;
        set_node(slot, top);
}

/* Splices out a node that has become useless, and then possibly its parent, which has lost a child.
 * The parent's other child takes the parent's place, so this ends there. Nodes that a commit must
 * still visit stay. */
static void splice_out(struct wg_allowedips *a, struct wg_allowed_node *node)
{
        while (node && !own_owner(node) && !node->is_changed) {
                struct wg_allowed_node *parent = node->parent, *only = own_node(&node->child[0]);

                if (only && own_node(&node->child[1]))
                        return;
                if (!only)
                        only = own_node(&node->child[1]);
                if (only)
                        only->parent = parent;
                set_node(slot_of(a, parent, node), only);
                retire_node(a, node);
                node = parent;
        }
}

/* ---- the engine's view ---- */

static void push_changed(struct wg_allowed_node **list, struct wg_allowed_node *node)
{
        node->next_changed = list[node->cidr];
        list[node->cidr] = node;
}

static struct wg_allowed_node *pop_changed(struct wg_allowed_node **list, unsigned int cidr)
{
        struct wg_allowed_node *node = list[cidr];

        list[cidr] = node->next_changed;
        return node;
}

/* Gives a node another owner (NULL: none) in the engine's view. */
static void want(struct wg_allowedips *a, struct wg_allowed_node *node,
                 struct wg_allowed_owner *owner)
{
        if (node->wanted) {
                wg_list_remove(&node->of_owner);
                node->wanted->count--;
                node->wanted->changes++;
        }
        if (owner) {
                wg_list_append(&owner->prefixes, &node->of_owner);
                owner->count++;
                owner->changes++;
        }
        node->wanted = owner;
        if (node->is_changed)
                return;
        node->is_changed = true;
        push_changed(a->changed, node);
        a->uncommitted++;
}

/* Returns the node of exactly this prefix, or NULL. */
static struct wg_allowed_node *node_of(const struct wg_allowedips *a,
                                       const struct wg_prefix *prefix)
{
        struct wg_allowed_node *node;
        uint64_t bits[2];

        wg_ip_load_bits(bits, prefix->ip.family, prefix->ip.bytes);
        node = cover_of(a, prefix->ip.family, bits, prefix->cidr);
        return node && node->cidr == prefix->cidr ? node : NULL;
}

/* ---- the readers' view ---- */

/* Shows readers the wanted owner of a node that the caller took out of its list. */
static void settle(struct wg_allowedips *a, struct wg_allowed_node *node)
{
        node->is_changed = false;
        a->uncommitted--;
        if (own_owner(node) != node->wanted)
                set_owner(node, node->wanted);
        if (!node->wanted)
                splice_out(a, node);
}

/* Settles nodes with a wanted owner, the longest first. The others move to the lists of
 * `withdrawn`. */
static size_t give(struct wg_allowedips *a, size_t most)
{
        size_t steps = 0;

        for (unsigned int cidr = WG_ALLOWED_LENGTHS; cidr-- > 0;)
                for (; a->changed[cidr] && steps < most; steps++) {
                        struct wg_allowed_node *node = pop_changed(a->changed, cidr);

                        if (node->wanted)
                                settle(a, node);
                        else
                                push_changed(a->withdrawn, node);
                }
        return steps;
}

/* Settles nodes without a wanted owner, the shortest first. */
static size_t withdraw(struct wg_allowedips *a, size_t most)
{
        size_t steps = 0;

        for (unsigned int cidr = 0; cidr < WG_ALLOWED_LENGTHS && steps < most; cidr++) {
                if (!a->withdrawn[cidr])
                        continue;
                /* After all shorter prefixes, and before any of this length. */
                atomic_store_explicit(&a->withdrawals, a->withdrawals + 1, memory_order_release);
                for (; a->withdrawn[cidr] && steps < most; steps++)
                        settle(a, pop_changed(a->withdrawn, cidr));
        }
        return steps;
}

void wg_allowedips_init(struct wg_allowedips *a, const struct wg_env *env)
{
        memset(a, 0, sizeof(*a));
        a->env = env;
}

void wg_allowedips_done(struct wg_allowedips *a)
{
        WG_ASSERT(!own_node(&a->root[0]) && !own_node(&a->root[1]) && !a->uncommitted);
        wg_allowedips_unreserve(a, SIZE_MAX);
}

void wg_allowed_owner_init(struct wg_allowed_owner *owner, struct wg_peer *peer)
{
        owner->peer = peer;
        wg_list_init(&owner->prefixes);
        owner->count = owner->changes = 0;
}

bool wg_allowedips_reserve(struct wg_allowedips *a, size_t prefixes)
{
        const struct wg_env *env = a->env;
        size_t before = a->spares;

        if (prefixes > (SIZE_MAX - a->reserved) / sizeof(struct wg_allowed_node) / 2)
                return false;
        while (a->spares < a->reserved + 2 * prefixes) {
                struct wg_allowed_node *node = env->alloc(env->ctx, sizeof(*node));

                if (!node) {
                        trim_spares(a, before, SIZE_MAX);
                        return false;
                }
                push_spare(a, node);
        }
        a->reserved += 2 * prefixes;
        return true;
}

size_t wg_allowedips_unreserve(struct wg_allowedips *a, size_t most)
{
        a->reserved = 0;
        return trim_spares(a, 0, most);
}

bool wg_allowedips_is_known(const struct wg_allowedips *a, const struct wg_prefix *prefix)
{
        return node_of(a, prefix) != NULL;
}

/* Returns the node of a prefix; makes it if there is none. */
static struct wg_allowed_node *obtain(struct wg_allowedips *a, const struct wg_prefix *prefix)
{
        uint8_t family = prefix->ip.family;
        struct wg_allowed_node *cover, *node;
        uint64_t bits[2];

        wg_ip_load_bits(bits, family, prefix->ip.bytes);
        cover = cover_of(a, family, bits, prefix->cidr);
        if (cover && cover->cidr == prefix->cidr)
                return cover;
        WG_ASSERT(a->reserved >= 2);
        a->reserved -= 2;
        node = make_node(a, family, bits, prefix->cidr);
        splice_in(a, cover, node);
        return node;
}

void wg_allowedips_add(struct wg_allowedips *a, struct wg_allowed_owner *owner,
                       const struct wg_prefix *prefix)
{
        WG_ASSERT(prefix->cidr <= wg_ip_bits(&prefix->ip));
        want(a, obtain(a, prefix), owner);
}

bool wg_allowedips_remove(struct wg_allowedips *a, struct wg_allowed_owner *owner,
                          const struct wg_prefix *prefix)
{
        struct wg_allowed_node *node = node_of(a, prefix);

        if (!node || node->wanted != owner)
                return false;
        want(a, node, NULL);
        return true;
}

size_t wg_allowedips_remove_first(struct wg_allowedips *a, struct wg_allowed_owner *owner,
                                  size_t most)
{
        size_t removed = 0;

        for (; removed < most && owner->count; removed++)
                want(a, WG_CONTAINER_OF(owner->prefixes.next, struct wg_allowed_node, of_owner),
                     NULL);
        return removed;
}

size_t wg_allowedips_commit(struct wg_allowedips *a, size_t most)
{
        size_t steps = 0;

        if (a->uncommitted)
                steps = give(a, most);
        if (a->uncommitted && steps < most)
                steps += withdraw(a, most - steps);
        return steps;
}

bool wg_allowed_next(const struct wg_allowed_owner *owner, const struct wg_list **cursor,
                     struct wg_prefix *prefix)
{
        const struct wg_list *next = *cursor ? (*cursor)->next : owner->prefixes.next;
        const struct wg_allowed_node *node;

        if (next == &owner->prefixes)
                return false;
        node = WG_CONTAINER_OF(next, struct wg_allowed_node, of_owner);
        wg_ip_store_bits(&prefix->ip, node->family, node->bits);
        prefix->cidr = node->cidr;
        *cursor = next;
        return true;
}

static const struct wg_allowed_owner *walk(const struct wg_allowedips *a, uint8_t family,
                                           const uint64_t bits[2])
{
        const struct wg_allowed_owner *longest = NULL;
        const struct wg_allowed_node *node;

        node = atomic_load_explicit(&a->root[root_of(family)], memory_order_acquire);
        while (node && covers(node, bits)) {
                const struct wg_allowed_owner *owner = atomic_load_explicit(&node->owner,
                                                                            memory_order_acquire);

                if (owner)
                        longest = owner;
                node = atomic_load_explicit(&node->child[side(bits, node->cidr)],
                                            memory_order_acquire);
        }
        return longest;
}

/* Repeats the walk only if a commit moved on to another prefix length meanwhile, which is rare. */
struct wg_peer *wg_allowedips_find(const struct wg_allowedips *a, uint8_t family,
                                   const uint8_t *address)
{
        const struct wg_allowed_owner *longest;
        uint32_t before;
        uint64_t bits[2];

        wg_ip_load_bits(bits, family, address);
        do {
                before = atomic_load_explicit(&a->withdrawals, memory_order_acquire);
                longest = walk(a, family, bits);
        } while (atomic_load_explicit(&a->withdrawals, memory_order_acquire) != before);
        return longest ? longest->peer : NULL;
}
