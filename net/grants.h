/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * grants.h - what rules allow to words that stand for many machines (tl_members_is_many).
 *
 * A packet filter needs the addresses of such a word only once, however many rules name it. A
 * network of 10,000 people, with 250 rules to groups of 500, would otherwise have half a million
 * entries in its filter.
 * Threads: one owner at a time; constant once made. */
#ifndef NET_GRANTS_H
#define NET_GRANTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "conf/arena.h"
#include "net/policy.h"
#include "net/portset.h"
#include "net/prefixes.h"

/* A word that rules have in `to`. */
struct tl_grants_word {
        const char *name; /* borrowed from the network */
        struct tl_prefixes prefixes;
};

/* What a subject may open to a word. */
struct tl_grant {
        uint32_t word;              /* index */
        bool is_all;                /* any protocol and port */
        struct tl_port_span *spans; /* else: sorted by protocol and port, disjoint; at least one */
        uint32_t count;
};

struct tl_grants_subject {
        struct tl_grant *items; /* sorted by word */
        uint32_t count;
};

struct tl_grants {
        struct tl_arena arena;
        struct tl_grants_word *words; /* sorted by name */
        uint32_t word_count;
        struct tl_grants_subject *subjects; /* for each subject of the policy, in its order */
};

/* Makes those of a policy of this model, which is not open. Returns false if there is no memory.
 * The caller releases *grants either way. */
bool tl_grants_make(struct tl_grants *grants, const struct tl_model *model,
                    const struct tl_policy *policy) WG_MUST_USE;

/* Frees everything. Accepts zeroed memory. */
void tl_grants_done(struct tl_grants *grants);

#endif
