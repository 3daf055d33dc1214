/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * rules.h - the policy routing rules of a default route: how to recognise ours, and where new ones
 * go.
 *
 * An interface with a default route has a number N, which is its mark and its table, and three
 * rules for each family, in this order:
 *
 *      fwmark N goto M                                  WireGuard's own packets skip all tunnels
 *      not fwmark N table main suppress_prefixlength 0  main applies, but not its default route
 *      not fwmark N table N                             everything else goes into the tunnel
 *
 * M is the rule that looks up main. Ours come as close before it as possible, so that rules of
 * others apply first, such as those of another VPN for its addresses. Among tunnels with default
 * routes, those of wg-quick(8) and ours, the newest comes first.
 *
 * All three carry a protocol number of our own. By that and N they are recognised later, even if
 * the process that added them and its notes are gone.
 *
 * Source: ip-rule(8); wg-quick(8); Linux, net/core/fib_rules.c.
 * Threads: pure functions of their arguments. */
#ifndef QUICK_RULES_H
#define QUICK_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "io/rule.h"

enum {
        TL_RULES_PROTOCOL = 108, /* unused by others, as of rt_protos of iproute2 and FRR */
        TL_RULES_FIRST = 51820,  /* the first number tried, as in wg-quick */
        /* How long to wait for other commands that change rules. Whoever holds the lock of the
         * network namespace longer is none of ours, so we go on without it. */
        TL_RULES_LOCK_TIMEOUT_MS = 5000,
};

/* If the user did not choose N, marks that equal ours under this mask count as those of tunnels
 * too: the numbers that wg-quick and we choose differ only in the lowest byte. */
#define TL_RULES_MASK_TEXT "/0xffffff00"

/* Priorities of the three rules, and of the one that looks up main. */
struct tl_rules_place {
        uint32_t skip, better, tunnel, main;
};

/* Whether the rule is one of our three. Its number is its mark. */
bool tl_rules_is_ours(const struct tl_rule *rule) WG_MUST_USE;

/* Whether any rule, ours included, shows that this number is in use. */
bool tl_rules_use(const struct tl_rule *rules, size_t count, uint32_t number) WG_MUST_USE;

/* The place of new rules among the given ones of a family, which are in the order in which they
 * apply. Add the new rules in their order, since they may get the same priority. */
struct tl_rules_place tl_rules_place(const struct tl_rule *rules, size_t count) WG_MUST_USE;

#endif
