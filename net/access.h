/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * access.h - the part of a policy that one node enforces, as a packet filter needs it: disjoint
 * spans of sources, each with its class; and the destinations that each subject of a class may open
 * connections to.
 *
 * It depends on what the rules mean, not on how they are written: neighbouring spans and ports are
 * joined, and the order of rules makes no difference. Only grants depend on the words.
 * Threads: one owner at a time; constant once made. */
#ifndef NET_ACCESS_H
#define NET_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "conf/arena.h"
#include "net/grants.h"
#include "net/policy.h"
#include "net/prefixes.h"

/* A subject of the policy that may do something here. */
struct tl_access_subject {
        const char *name;                 /* borrowed from the network */
        struct tl_policy_target *targets; /* sorted; of one protocol, no two overlap; `rule` and
                                           * `outer` are 0 */
        uint32_t count;
        const struct tl_grants_subject *grants; /* borrowed; NULL: none */
};

struct tl_access_class {
        const uint32_t *subjects; /* indices, sorted; at least one */
        uint32_t count;
};

struct tl_access_span {
        struct wg_ip first, last;
        uint32_t class; /* index */
};

struct tl_access {
        struct tl_arena arena;
        const struct tl_grants *grants;     /* borrowed; NULL: none */
        struct tl_access_subject *subjects; /* sorted by name */
        uint32_t subject_count;
        struct tl_access_class *classes; /* in the order in which spans need them */
        uint32_t class_count;
        struct tl_access_span *spans; /* sorted; sources that may do nothing are in none */
        uint32_t span_count, span_capacity;
};

/* Makes the part of a policy, which is not open, for destinations in `scope`: disjoint prefixes.
 * The policy lacks what the grants allow, which must be in the scope; NULL: it is complete. Returns
 * false if there is no memory. The caller releases *access either way. */
bool tl_access_make(struct tl_access *access, const struct tl_policy *policy,
                    const struct tl_grants *grants, const struct tl_prefixes *scope) WG_MUST_USE;

/* Frees everything. Accepts zeroed memory. */
void tl_access_done(struct tl_access *access);

#endif
