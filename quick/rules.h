/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * rules.h - the policy routing rules of a default route: recognises ours, and finds the place for
 * new ones.
 *
 * An interface with a default route has a number N, which is its mark and its table, and three
 * rules for each family, in this order:
 *
 *      fwmark N goto M                                  WireGuard's own packets skip all tunnels
 *      not fwmark N table main suppress_prefixlength 0  main applies, but not its default route
 *      not fwmark N table N                             everything else goes into the tunnel
 *
 * M is the rule that looks up main. Our rules come as close before it as possible, so that rules of
 * other programs apply first, such as those of another VPN for its addresses. Among tunnels with
 * default routes, wg-quick(8)'s and ours, the newest comes first.
 *
 * All three carry a protocol number of our own. It and N identify them even if the process that
 * added them and its journal are gone.
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
        /* Used by no other program, according to rt_protos of iproute2 and FRR. */
        TL_RULES_PROTOCOL = 108,
        TL_RULES_FIRST = 51820, /* the first number tried, as in wg-quick */
        /* How long to wait for other commands that change rules. A process that holds the lock of
         * the network namespace for longer is not one of ours, so we continue without it. */
        TL_RULES_LOCK_TIMEOUT_MS = 5000,
};

/* Unless the user chose N, a mark that equals N under this mask counts as the mark of a tunnel: the
 * numbers that wg-quick and we choose differ only in the lowest byte. */
#define TL_RULES_MASK_TEXT "/0xffffff00"

/* The priorities of the three rules, and of the rule that looks up main. */
struct tl_rules_place {
        uint32_t skip, better, tunnel, main;
};

/* Whether the rule is one of our three. Its mark is then N. */
bool tl_rules_is_ours(const struct tl_rule *rule) WG_MUST_USE;

/* Whether any rule, including ours, uses this number as a mark or a table. */
bool tl_rules_use(const struct tl_rule *rules, size_t count, uint32_t number) WG_MUST_USE;

/* The place for new rules among the rules of a family, which are in the order in which they apply.
 * Add the new rules in order, since they may get the same priority. */
struct tl_rules_place tl_rules_place(const struct tl_rule *rules, size_t count) WG_MUST_USE;

#endif
