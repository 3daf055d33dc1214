/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * claims.h - the prefixes of a network, for finding what they are in conflict with.
 *
 * Only for net/conflicts and net/conflicts_local.
 * Threads: pure functions of their arguments. */
#ifndef NET_CLAIMS_H
#define NET_CLAIMS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "conf/address.h"
#include "conf/arena.h"
#include "conf/findings.h"
#include "net/conflicts.h"
#include "net/model.h"
#include "net/nest.h"

enum tl_claim_kind { TL_CLAIM_LAN, TL_CLAIM_POOL, TL_CLAIM_MAPPED };

struct tl_claim {
        enum tl_claim_kind kind;
        struct wg_prefix prefix;
        struct tl_place at;
        const char *site;         /* of a LAN */
        const struct tl_lan *lan; /* of a LAN */
};

struct tl_claims {
        struct tl_claim *items; /* LANs, then pools */
        uint32_t lan_count, count;
        struct tl_nest_item *nest; /* without claims to all addresses; `id` is the index */
        uint32_t nest_count;
};

enum { TL_CLAIM_TEXT_SIZE = TL_ADDRESS_PREFIX_SIZE + TL_NETWORK_WORD_MAX + 64 };

/* Lists the LANs by their own prefixes, and the pools. Returns false if there is no memory. */
bool tl_claims_list(struct tl_claims *claims, const struct tl_model *model,
                    struct tl_arena *arena) WG_MUST_USE;

/* Lists what a machine at a site, or at none (TL_MODEL_NONE), routes into the tunnel: the LANs that
 * have their own prefix there, and the pools. */
bool tl_claims_list_routed(struct tl_claims *claims, const struct tl_model *model, uint32_t site,
                           struct tl_arena *arena) WG_MUST_USE;

/* A claim that overlaps a prefix: a pool, or else a LAN. NULL: none does. */
const struct tl_claim *tl_claims_find(const struct tl_claims *claims,
                                      const struct wg_prefix *prefix);

/* "LAN 192.168.1.0/24 of site "s"" */
void tl_claims_describe(char text[TL_CLAIM_TEXT_SIZE], const struct tl_claim *claim);

/* What a prefix is reserved for, so that nobody can use it for a LAN; NULL: nothing. */
const char *tl_claims_reserved(const struct wg_prefix *prefix);

/* Whether all of a prefix is reserved. */
bool tl_claims_is_all_reserved(const struct wg_prefix *prefix);

/* Adds an error with two places, the later one first, and the way out of its class. A place outside
 * the file has line 0. */
void tl_claims_report(struct tl_findings *findings, enum tl_conflict conflict, struct tl_place a,
                      struct tl_place b, const char *message);

/* Adds a warning of the same form: of an overlap that mapped prefixes solve. */
void tl_claims_warn(struct tl_findings *findings, struct tl_place a, struct tl_place b,
                    const char *message);

/* Adds an error if the endpoint of a node lies in a claim. `ip` is in the file, or what its name
 * resolves to. */
void tl_claims_check_endpoint(const struct tl_claims *claims, const struct tl_node *node,
                              const struct wg_ip *ip, struct tl_findings *findings);

#endif
