/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "test/lib/requests.h"

#include "test/lib/cmocka.h"
#include "test/lib/env.h"
#include "test/lib/with_crypto.h"

/* Random requests in random order, against the naive model. fuzz/fuzz_requests.c runs the same
 * scripts. */
static void test_random_requests(void **state)
{
        static uint8_t script[4096];
        struct test_env choices;
        unsigned long answered = 0;

        (void)state;
        test_env_init(&choices, test_seed("requests"));
        for (int i = 0; i < 1000; i++) {
                size_t len = 1 + test_env_below(&choices, sizeof(script));

                test_env_fill(&choices, script, len);
                answered += requests_run(script, len);
        }
        print_message("%lu requests\n", answered);
        assert_true(answered > 10000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_random_requests),
        };

        return cmocka_run_group_tests_name("requests", tests, test_crypto_up, test_crypto_down);
}
