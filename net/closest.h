/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * closest.h - the rules of a policy that almost allow a connection, and the smallest change that
 * makes it allowed.
 * Threads: pure functions of their arguments. */
#ifndef NET_CLOSEST_H
#define NET_CLOSEST_H

#include <stdint.h>

#include "base/attr.h"
#include "base/enum.h"
#include "net/policy.h"
#include "net/words.h"

/* In what a rule differs from the connection; closest first. */
#define TL_CLOSEST_KINDS(X) \
        X(TL_CLOSEST_PORT, 0, port, "has other ports") \
        X(TL_CLOSEST_TO, 1, to, "has other destinations") \
        X(TL_CLOSEST_FROM, 2, from, "has other sources")
WG_ENUM_DECLARE(tl_closest_kind, TL_CLOSEST_KINDS)

struct tl_closest_rule {
        enum tl_closest_kind kind;
        uint32_t rule; /* index in the file */
};

enum { TL_CLOSEST_MOST = 3 };

/* Finds the rules closest to a query that the policy denies, closest first, in the file's order.
 * Returns their number. */
uint32_t tl_closest_find(const struct tl_policy *policy, const struct tl_policy_query *query,
                         struct tl_closest_rule rules[TL_CLOSEST_MOST]) WG_MUST_USE;

/* The smallest change that allows the connection; *at is where, if it is at a line of the file.
 * NULL: there is none. */
const char *tl_closest_fix(struct tl_words *words, const struct tl_closest_rule *closest,
                           uint32_t count, struct tl_place *at);

#endif
