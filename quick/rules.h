/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * rules.h - the policy routing rules of a default route: which of those that are there are ours, and
 * where new ones go.
 *
 * An interface with a default route has a number N, which is its mark and its table, and three rules
 * for each family, in this order:
 *
 *      fwmark N goto M                                  WireGuard's own packets skip all tunnels
 *      not fwmark N table main suppress_prefixlength 0  what main knows better than by default
 *      not fwmark N table N                             all else goes into the tunnel
 *
 * M is the rule that looks up main. They come as late before it as possible, so the rules of others
 * apply first, such as those of another VPN for its addresses. Only of the tunnels of wg-quick(8) and
 * ours, which take everything, the newest comes first.
 *
 * All bear a protocol number of our own. By that and N they are found again, whatever became of the
 * process that added them and of its notes.
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
        TL_RULES_FIRST = 51820,  /* the first number that is tried, by wg-quick too */
};

/* Marks that agree under this mask with ours are those of tunnels too, where N was not chosen by the
 * user: the numbers that wg-quick and we choose differ in the lowest byte. */
#define TL_RULES_MASK_TEXT "/0xffffff00"

/* Priorities of the three rules, and of the one that looks up main. */
struct tl_rules_place {
        uint32_t skip, better, tunnel, main;
};

/* Whether the rule is one of our three. Its number is its mark. */
bool tl_rules_is_ours(const struct tl_rule *rule) WG_MUST_USE;

/* Whether some rule of others, or one of ours, says that this number is in use. */
bool tl_rules_use(const struct tl_rule *rules, size_t count, uint32_t number) WG_MUST_USE;

/* Where new rules go among those of a family that are there, in the order in which they apply. They are
 * to be added in their order: they may get the same priority. */
struct tl_rules_place tl_rules_place(const struct tl_rule *rules, size_t count) WG_MUST_USE;

#endif
