/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * policy.h - who may connect to what, with names resolved to prefixes.
 *
 * Without a policy, everything is allowed. With one, a connection is allowed if any rule allows
 * it; replies and ICMP errors of allowed connections always pass. A site means its LANs and its
 * node; a person, all their devices; a group, its people; a service, its host with its ports.
 * Addresses are those in the tunnel: a LAN, and a machine on it, has one in the prefix of the LAN,
 * unless that is not unique, and one in the mapped prefix.
 *
 * Each source prefix has a class: the subjects that it belongs to, such as a person, a group and
 * "people". Lookups are binary searches, one in each subject, so they hardly depend on the number
 * of rules. What is stored grows with the number of rules, not with that of classes.
 * Threads: pure functions of their arguments; constant once built. */
#ifndef NET_POLICY_H
#define NET_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/prefix.h"
#include "conf/arena.h"
#include "conf/findings.h"
#include "net/model.h"
#include "net/nest.h"

/* One direction of a connection, from the side that opens it. */
struct tl_policy_query {
        struct wg_ip from, to;
        uint8_t protocol; /* of WG_PROTOCOL_*; ICMPv6 is asked as ICMP */
        uint16_t port;    /* of the destination; 0 without ports */
};

/* A destination that a rule allows. */
struct tl_policy_target {
        struct wg_prefix prefix;
        uint8_t protocol;     /* WG_PROTOCOL_TCP, _UDP, _ICMP; 0: any, and then any port */
        uint16_t first, last; /* ports; with ICMP and any protocol 0 and 65535 */
        uint32_t rule;        /* index in the file */
        uint32_t outer; /* index of the last target whose prefix is the closest one around this
                               * one; TL_NEST_NONE: none */
};

/* A word that rules have in `from`, with what these rules allow. No two of its targets with the
 * same protocol have a connection in common, and none lies within a target of any protocol. */
struct tl_policy_subject {
        const char *name;
        struct tl_policy_target *targets; /* sorted by prefix, protocol, first port */
        uint32_t count;
};

/* Sources that are members of the same subjects: what any of these may do, they may. */
struct tl_policy_class {
        const uint32_t *subjects; /* indices, sorted */
        uint32_t count;
};

struct tl_policy {
        bool is_open; /* there is no policy: everything is allowed */
        struct tl_arena arena;
        struct tl_nest_item *sources; /* the longest prefix decides; id: index of its class */
        uint32_t source_count;
        struct tl_policy_subject *subjects; /* sorted by name */
        uint32_t subject_count;
        struct tl_policy_class *classes;
        uint32_t class_count;
};

/* Compiles the policy of a model. Returns false with a finding if memory runs out. The caller
 * releases *policy either way. */
bool tl_policy_build(struct tl_policy *policy, const struct tl_model *model,
                     struct tl_findings *findings) WG_MUST_USE;

/* The same without what rules allow to words that stand for many machines (net/grants.h), and
 * without a finding. */
bool tl_policy_build_rest(struct tl_policy *policy, const struct tl_model *model) WG_MUST_USE;

void tl_policy_done(struct tl_policy *policy);

/* Compares two targets as qsort(3) wants it: by prefix, protocol, first port, rule. */
int tl_policy_compare_targets(const void *a, const void *b) WG_MUST_USE;

/* The class of a source address; NULL: no rule names it. */
const struct tl_policy_class *tl_policy_class(const struct tl_policy *policy,
                                              const struct wg_ip *from) WG_MUST_USE;

/* Whether a class has a subject, which is given by its index. */
bool tl_policy_is_member(const struct tl_policy_class *class, uint32_t subject) WG_MUST_USE;

/* Whether a connection is allowed. If so, *rule is the index of a rule that allows it
 * (TL_MODEL_NONE without a policy); NULL: not wanted. */
bool tl_policy_allows(const struct tl_policy *policy, const struct tl_policy_query *query,
                      uint32_t *rule) WG_MUST_USE;

#endif
