/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * allowedips.h - which peer an inner address belongs to: the longest prefix over all peers.
 *
 * A prefix belongs to one peer at a time; given to a second one it moves there.
 *
 * Changes are made in two steps. add() and remove() change what the engine sees: the owners' lists,
 * and what further calls find there. Readers go on with the table as it was, until commit() shows
 * them what all changes since then amount to. Each address passes from the peer it had to the peer
 * it gets in one step: one whose peer is the same before and after has it at every moment, whatever
 * prefixes came, went and moved around it; and nobody ever finds a third peer.
 *
 * Source: WireGuard paper, 2 (cryptokey routing).
 * Threads: find() is for any thread and takes no lock; all else is the engine's. A peer whose
 * prefixes were removed is retired after the commit, never freed at once: a reader may just have
 * found it. */
#ifndef CORE_ALLOWEDIPS_H
#define CORE_ALLOWEDIPS_H

#include "base/attr.h"
#include "base/list.h"
#include "base/prefix.h"
#include "base/std.h"
#include "core/env.h"

struct wg_peer;
struct wg_allowed_node;

/* The part of a peer that owns prefixes. */
struct wg_allowed_owner {
        struct wg_peer *peer;    /* const: what find() returns */
        struct wg_list prefixes; /* engine: nodes in order of insertion */
        uint32_t count;          /* engine: of them */
        uint32_t changes;        /* engine: how often the list changed, to find that out */
};

#define WG_ALLOWED_LENGTHS 129 /* of a prefix: 0 to 128 */

struct wg_allowedips {
        const struct wg_env *env;                  /* const */
        _Atomic(struct wg_allowed_node *) root[2]; /* engine writes, all read; IPv4, IPv6 */
        _Atomic uint32_t withdrawals;              /* engine writes, all read; see the source */

        /* Engine. */
        struct wg_allowed_node *spare; /* nodes for adds to come */
        size_t spares, reserved;       /* how many there are, are promised */
        /* Nodes that readers still see otherwise, by length: all; those that only lose an owner. */
        struct wg_allowed_node *changed[WG_ALLOWED_LENGTHS], *withdrawn[WG_ALLOWED_LENGTHS];
        size_t uncommitted; /* how many in both */
};

/* Makes an empty table. The env is borrowed until done(). */
void wg_allowedips_init(struct wg_allowedips *a, const struct wg_env *env);

/* Ends a table in which no owner has a prefix any more, and that is committed. Takes zeroed memory
 * too. */
void wg_allowedips_done(struct wg_allowedips *a);

/* Makes an owner without prefixes. */
void wg_allowed_owner_init(struct wg_allowed_owner *owner, struct wg_peer *peer);

/* Takes the memory that `prefixes` more calls of add() may need, beside what was reserved before.
 * Only prefixes need it that is_known() does not know. Returns false, and changes nothing, when
 * there is not so much. */
WG_MUST_USE bool wg_allowedips_reserve(struct wg_allowedips *a, size_t prefixes);

/* Gives back what was reserved and not needed, but no more than `most` pieces of memory. Returns how
 * many: fewer than most, when that was all. */
size_t wg_allowedips_unreserve(struct wg_allowedips *a, size_t most);

/* Whether add() of that prefix needs no memory; so it stays until the next commit(). */
WG_MUST_USE bool wg_allowedips_is_known(const struct wg_allowedips *a,
                                        const struct wg_prefix *prefix);

/* Gives a prefix to an owner, as the last of its list, whoever had it before. Bits after the
 * first `cidr` are ignored. Where the prefix is not known this uses up one reserved call, which
 * there must be. */
void wg_allowedips_add(struct wg_allowedips *a, struct wg_allowed_owner *owner,
                       const struct wg_prefix *prefix);

/* Removes a prefix, bits after the first `cidr` ignored, if the owner has exactly it; false: it
 * has not. */
bool wg_allowedips_remove(struct wg_allowedips *a, struct wg_allowed_owner *owner,
                          const struct wg_prefix *prefix);

/* Removes the first `most` prefixes of an owner, each in constant time. Returns how many: fewer than
 * most, when none is left. */
size_t wg_allowedips_remove_first(struct wg_allowedips *a, struct wg_allowed_owner *owner,
                                  size_t most);

/* Shows readers what was changed since the last commit, in no more than `most` steps, so that the
 * engine can do other things between. Returns how many: fewer than most, when all is shown. Changes
 * that come before that wait for their turn too. */
size_t wg_allowedips_commit(struct wg_allowedips *a, size_t most);

/* Walks the prefixes of an owner in order of insertion: start with *cursor NULL; each call that
 * returns true has filled *prefix, host bits zero. The cursor lasts until owner->changes differs. */
bool wg_allowed_next(const struct wg_allowed_owner *owner, const struct wg_list **cursor,
                     struct wg_prefix *prefix);

/* The peer whose prefix covers an address with the most bits, or NULL, as of the last commit. `family` is WG_FAMILY_IPV4
 * or WG_FAMILY_IPV6, `address` 4 or 16 bytes in network order. Any thread; the peer stays valid
 * until the thread's next quiescent moment. */
struct wg_peer *wg_allowedips_find(const struct wg_allowedips *a, uint8_t family,
                                   const uint8_t *address);

#endif
