/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * parties.h - all machines of two versions of a network, matched by name and sorted into classes:
 * machines of one class reach the same, and are reached by the same, in both versions.
 *
 * A machine is a node, a host with a name, the machine at the address of a service, or any device
 * without a name on a LAN. It depends on three things what one of them reaches: the rules that name
 * it as a source; what rules allow with it as the destination; and how its packets travel, which is
 * a matter of its hub, its site's gateway, keys and address families.
 * Threads: one owner at a time. */
#ifndef NET_PARTIES_H
#define NET_PARTIES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "conf/arena.h"
#include "net/intern.h"
#include "net/plans.h"
#include "net/walk.h"

enum { TL_BEFORE, TL_AFTER, TL_VERSIONS };

/* A machine in one version. */
struct tl_party_version {
        bool is_present;             /* otherwise the rest is 0 */
        struct tl_walk_end ip4, ip6; /* ip.family NONE: no address of this family */
        uint32_t travel;             /* number in `travels` */
        uint32_t source;             /* 1 + index of its class in the policy; 0: no rule names it */
        uint32_t target;             /* number in `targets` */
};

struct tl_party {
        const char *key;  /* unique, sorted: its name, or that of its site, a space and a number */
        const char *name; /* as shown */
        struct tl_party_version versions[TL_VERSIONS];
        uint32_t class;
};

struct tl_parties {
        struct tl_arena arena;
        struct tl_plans *plans[TL_VERSIONS];
        struct tl_party *items; /* sorted by key */
        uint32_t count, capacity;
        uint32_t class_count;
        uint32_t *members;        /* party indices, sorted by class, then key */
        uint32_t *first_members;  /* per class + 1: index into members */
        struct tl_intern travels; /* what decides how packets travel */
        struct tl_intern targets; /* who may open what, see tl_party_grant() */
};

/* What one item of a number in `targets` says: a subject of the policy may open these ports. */
struct tl_party_grant {
        uint32_t subject; /* its index in the policy */
        uint8_t protocol; /* 0: any, and then any port */
        uint16_t first, last;
};

struct tl_party_grant tl_party_grant(uint64_t item);

/* Lists, matches and sorts the machines. Returns false if there is no memory. The caller releases
 * *parties either way. */
bool tl_parties_make(struct tl_parties *parties, struct tl_plans *before,
                     struct tl_plans *after) WG_MUST_USE;

/* Frees everything. Accepts zeroed memory. */
void tl_parties_done(struct tl_parties *parties);

/* The index of the party with that key; TL_MODEL_NONE: there is none. */
uint32_t tl_parties_find(const struct tl_parties *parties, const char *key);

/* Whether two machines need no tunnel between them: they are at one site, or the same. */
bool tl_parties_share_site(const struct tl_party *a, const struct tl_party *b) WG_MUST_USE;

/* The key of the devices without a name on a LAN: the site's name, and the LAN's number there. */
#define TL_PARTY_KEY_SIZE 96
void tl_party_lan_key(char key[TL_PARTY_KEY_SIZE], const struct tl_model *model, uint32_t lan);

#endif
