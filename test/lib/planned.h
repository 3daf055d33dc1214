/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * planned.h - a network of test/lib/office.h with its policy and the plans of its nodes. */
#ifndef TEST_LIB_PLANNED_H
#define TEST_LIB_PLANNED_H

#include "net/plans.h"
#include "net/policy.h"
#include "test/lib/office.h"

/* Must not move. */
struct test_planned {
        struct test_office office;
        struct tl_policy policy;
        struct tl_plans plans;
};

/* Makes all of it from a text without mistakes; conflicts between prefixes are not looked for. */
void test_planned_init(struct test_planned *planned, const char *yaml);

void test_planned_done(struct test_planned *planned);

#endif
