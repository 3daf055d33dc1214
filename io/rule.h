/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * rule.h - reads the policy routing rules of a network namespace, and writes one as a message.
 * Threads: any. Source: rtnetlink(7); ip-rule(8); Linux, <linux/fib_rules.h>. */
#ifndef IO_RULE_H
#define IO_RULE_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/endpoint.h"
#include "base/prefix.h"

enum { TL_RULE_TABLE_MAIN = 254 };

enum tl_rule_action {
        TL_RULE_LOOKUP, /* looks a route up in a table */
        TL_RULE_GOTO,   /* continues at the rule of another priority */
        TL_RULE_OTHER,  /* unreachable, blackhole and the like */
};

struct tl_rule {
        uint32_t priority; /* rules of one priority apply in the order in which they were added */
        enum tl_rule_action action;
        uint32_t table;      /* with LOOKUP */
        uint32_t target;     /* with GOTO: a priority */
        uint32_t mark, mask; /* matches marks that equal `mark` under `mask`; mask 0: all marks */
        uint8_t protocol;    /* the program that added the rule (rt_protos); 0: unknown */
        bool is_inverted;    /* applies if its conditions do not hold */
        bool is_selective;   /* has a condition other than the mark */
        struct wg_prefix from, to; /* conditions, among those; family NONE: any address */
        bool ignores_defaults;     /* with LOOKUP: uses no default route of the table */
        char iif[IF_NAMESIZE];     /* the link that packets come from; "": any */
        bool has_more;             /* a condition that is not in this struct */
        uint8_t family;            /* WG_FAMILY_* */
};

struct nlmsghdr;

/* Reads the rules of a family (WG_FAMILY_*), in the order in which they apply. The caller frees
 * *rules. Returns 0 or -errno. A family that the kernel lacks has no rules. */
int tl_rule_read(uint8_t family, struct tl_rule **rules, size_t *count) WG_MUST_USE;

/* Appends the body of a message that adds or removes a rule of action LOOKUP, by its priority,
 * table, protocol, from, to and iif; it has no other condition. */
void tl_rule_compose(struct nlmsghdr *message, const struct tl_rule *rule);

#endif
