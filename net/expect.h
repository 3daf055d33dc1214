/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * expect.h - evaluates the expectations of a network file with its model.
 *
 * A name that stands for several machines (a group, a person, a site, a service) is met by all of
 * them: "developers -> d" if every device of every developer reaches d, "not guests -> d" if none
 * does.
 * Threads: pure functions of their arguments. */
#ifndef NET_EXPECT_H
#define NET_EXPECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "conf/findings.h"
#include "net/explain.h"
#include "net/plans.h"

/* The result of one line of `expect:`. */
struct tl_expect_result {
        uint32_t index; /* of the expectation in the file */
        bool is_met;
        struct tl_explanation explanation; /* of the first pair that breaks it; of the first pair,
                                            * if it is met */
};

struct tl_expect_list {
        struct tl_expect_result *items; /* one per expectation, in the file's order */
        uint32_t count;
        uint32_t unmet;
};

/* Evaluates all expectations. Returns false with findings, at their places, if one names an unknown
 * end, or memory runs out. The caller releases *list either way. */
bool tl_expect_check(struct tl_expect_list *list, struct tl_plans *plans,
                     struct tl_findings *findings) WG_MUST_USE;

/* Frees everything. Accepts zeroed memory. */
void tl_expect_done(struct tl_expect_list *list);

#endif
