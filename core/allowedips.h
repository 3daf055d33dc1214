/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * allowedips.h - finds the peer of an inner address: the longest prefix among all peers.
 *
 * A prefix belongs to one peer at a time; giving it to another peer moves it.
 *
 * A change takes two steps. add() and remove() change the engine's view: the owners' lists, and the
 * results of further calls. Readers keep seeing the old table until commit() shows them the net
 * result of all changes. Each address passes from its old peer to its new one in a single step. An
 * address whose peer is the same before and after keeps that peer at every moment, however the
 * prefixes around it change, and no reader ever finds a third peer.
 *
 * Source: WireGuard paper, 2 (cryptokey routing).
 * Threads: any thread may call find(), which takes no lock; everything else is the engine's. A peer
 * whose prefixes were removed is retired after the commit, never freed at once, because a reader
 * may just have found it. */
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
        uint32_t count;          /* engine: the number of prefixes */
        uint32_t changes;        /* engine: rises whenever the list changes */
};

#define WG_ALLOWED_LENGTHS 129 /* a prefix has 0 to 128 bits */

struct wg_allowedips {
        const struct wg_env *env;                  /* const */
        _Atomic(struct wg_allowed_node *) root[2]; /* engine writes, all read; IPv4, IPv6 */
        _Atomic uint32_t withdrawals;              /* engine writes, all read; see the source */

        /* Engine. */
        struct wg_allowed_node *spare; /* nodes for later calls of add() */
        size_t spares, reserved;       /* spare nodes; of these, promised to callers */
        /* Nodes that readers still see in an older state, by prefix length: those that changed, and
         * those that lose their owner. */
        struct wg_allowed_node *changed[WG_ALLOWED_LENGTHS], *withdrawn[WG_ALLOWED_LENGTHS];
        size_t uncommitted; /* nodes in both */
};

/* Makes an empty table. Borrows the env until done(). */
void wg_allowedips_init(struct wg_allowedips *a, const struct wg_env *env);

/* Frees a table whose changes are all committed and in which no owner has a prefix left. Accepts
 * zeroed memory. */
void wg_allowedips_done(struct wg_allowedips *a);

/* Makes an owner without prefixes. */
void wg_allowed_owner_init(struct wg_allowed_owner *owner, struct wg_peer *peer);

/* Allocates memory for `prefixes` more calls of add(), on top of earlier reservations. A prefix
 * that is_known() reports needs none. Returns false and changes nothing if memory is short. */
WG_MUST_USE bool wg_allowedips_reserve(struct wg_allowedips *a, size_t prefixes);

/* Ends all reservations and frees at most `most` pieces of their memory. Returns how many; fewer
 * than `most` means that none is left. */
size_t wg_allowedips_unreserve(struct wg_allowedips *a, size_t most);

/* Whether add() needs no memory for this prefix. Holds until the next commit(). */
WG_MUST_USE bool wg_allowedips_is_known(const struct wg_allowedips *a,
                                        const struct wg_prefix *prefix);

/* Gives a prefix to an owner, at the end of its list, even if another owner has it. Ignores bits
 * after the first `cidr`. A prefix that is not known uses up one reserved call; the caller must
 * have reserved it. */
void wg_allowedips_add(struct wg_allowedips *a, struct wg_allowed_owner *owner,
                       const struct wg_prefix *prefix);

/* Removes a prefix from an owner. Ignores bits after the first `cidr`. Returns false if the owner
 * does not have exactly this prefix. */
bool wg_allowedips_remove(struct wg_allowedips *a, struct wg_allowed_owner *owner,
                          const struct wg_prefix *prefix);

/* Removes the first `most` prefixes of an owner, each in constant time. Returns how many; fewer
 * than `most` means that none is left. */
size_t wg_allowedips_remove_first(struct wg_allowedips *a, struct wg_allowed_owner *owner,
                                  size_t most);

/* Shows readers the changes since the last commit, in at most `most` steps, so that the engine can
 * do other work in between. Returns how many steps it took; fewer than `most` means that everything
 * is shown. Changes made until then join the same commit. */
size_t wg_allowedips_commit(struct wg_allowedips *a, size_t most);

/* Walks the prefixes of an owner in order of insertion. Start with *cursor NULL. A call that
 * returns true has filled *prefix, host bits zero. The cursor is valid until owner->changes
 * changes. */
bool wg_allowed_next(const struct wg_allowed_owner *owner, const struct wg_list **cursor,
                     struct wg_prefix *prefix);

/* Returns the peer with the longest prefix that covers an address, as of the last commit, or NULL.
 * `family` is WG_FAMILY_IPV4 or WG_FAMILY_IPV6; `address` is 4 or 16 bytes in network order. Any
 * thread. The peer stays valid until the thread's next quiescent point. */
struct wg_peer *wg_allowedips_find(const struct wg_allowedips *a, uint8_t family,
                                   const uint8_t *address);

#endif
