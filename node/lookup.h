/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * lookup.h - which routing tables the kernel asks before the main one, where our routes are.
 *
 * This is about forwarded packets without a mark, as ours are. A rule that may apply to some of
 * them, such as those from one address, makes its table a place where they may be lost, but does
 * not put it before the main table for all.
 * Source: ip-rule(8); Linux, net/core/fib_rules.c. Threads: pure functions of their arguments. */
#ifndef NODE_LOOKUP_H
#define NODE_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/enum.h"
#include "io/rule.h"

/* What a rule does to packets on their way to the main table. */
#define TL_LOOKUPS(X) \
        X(TL_LOOKUP_NOTHING, 0, nothing, "it does not apply, or comes after the main table") \
        X(TL_LOOKUP_MAIN, 1, main, "looks the main table up") \
        X(TL_LOOKUP_BEFORE, 2, before, "looks up another table first") \
        X(TL_LOOKUP_PERHAPS, 3, perhaps, "takes some packets to another table") \
        X(TL_LOOKUP_STOP, 4, stop, "discards packets")
WG_ENUM_DECLARE(tl_lookup, TL_LOOKUPS)

/* Judges the rules of a family, which are in the order in which they apply: effects[i] is that of
 * rules[i]. */
void tl_lookup_judge(const struct tl_rule *rules, size_t count, enum tl_lookup effects[]);

#endif
