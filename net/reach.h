/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * reach.h - who gains and who loses what, between two versions of a network.
 *
 * Machines that the same rules name, and whose packets travel alike, reach the same. They are
 * compared once, so that a network of 10,000 people takes little more than one of ten. Machines of
 * the two versions are matched by name.
 * Threads: pure functions of their arguments. */
#ifndef NET_REACH_H
#define NET_REACH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/enum.h"
#include "conf/arena.h"
#include "conf/findings.h"
#include "net/plans.h"

#define TL_REACH_CHANGES(X) \
        X(TL_REACH_LOSES, 0, loses, "loses") \
        X(TL_REACH_GAINS, 1, gains, "gains")
WG_ENUM_DECLARE(tl_reach_change, TL_REACH_CHANGES)

/* One line: "developers (12 people) lose beijing: 443/tcp". */
struct tl_reach_line {
        enum tl_reach_change change;
        const char *who;  /* "developers (12 people)", "f", "b, d and 3 others" */
        bool is_plural;   /* of `who`: lose instead of loses */
        const char *whom; /* "beijing", "e", "everything" */
        const char *what; /* "443/tcp, ping"; NULL: whatever they can carry */
        const char *why;  /* what breaks it now, or broke it before; NULL: the policy, or
                           * machines that came or went */
};

struct tl_reach_list {
        struct tl_arena arena;
        struct tl_reach_line *lines; /* losses first */
        uint32_t count, capacity;
};

/* Compares what is reachable before and after. Returns false with a finding if memory runs out. The
 * caller releases *list either way. */
bool tl_reach_compare(struct tl_reach_list *list, struct tl_plans *before, struct tl_plans *after,
                      struct tl_findings *findings) WG_MUST_USE;

/* One line for people, without a newline: "developers (12 people) lose beijing: 443/tcp". Returns
 * the length; `out` is terminated and may be cut, as with snprintf(3). */
size_t tl_reach_format(const struct tl_reach_line *line, char *out, size_t size);

/* Frees everything. Accepts zeroed memory. */
void tl_reach_done(struct tl_reach_list *list);

#endif
