/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "test/lib/planned.h"

#include "test/lib/cmocka.h"

void test_planned_init(struct test_planned *planned, const char *yaml)
{
        test_office_init(&planned->office, yaml);
        assert_true(tl_policy_build(&planned->policy, &planned->office.model,
                                    &planned->office.findings));
        assert_true(tl_plans_init(&planned->plans, &planned->office.model, &planned->policy));
}

void test_planned_done(struct test_planned *planned)
{
        tl_plans_done(&planned->plans);
        tl_policy_done(&planned->policy);
        test_office_done(&planned->office);
}
