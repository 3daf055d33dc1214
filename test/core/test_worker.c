/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/worker.h"

#include "test/lib/cmocka.h"
#include "test/lib/pair.h"

static void test_counters(void **state)
{
        struct pair *p = *state;

        for (size_t v = 0; v < WG_VERDICT_END; v++)
                assert_int_equal(p->a.worker.counters[v], 0);
        wg_worker_count(&p->a.worker, WG_VERDICT_DATA);
        wg_worker_count(&p->a.worker, WG_VERDICT_DATA);
        wg_worker_count(&p->a.worker, WG_VERDICT_COOKIE_INVALID);
        assert_int_equal(p->a.worker.counters[WG_VERDICT_DATA], 2);
        assert_int_equal(p->a.worker.counters[WG_VERDICT_END - 1], 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pair_setup, pair_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_counters),
        };

        return cmocka_run_group_tests_name("worker", tests, test_crypto_up, test_crypto_down);
}
