/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_matrix.c - lab/matrix.h: verdicts on pairs and expectations. */
#include "lab/matrix.h"

#include "test/lib/cmocka.h"

static const struct {
        int number;
        enum tl_probe_outcome outcome;
        bool is_predicted;
        enum tl_cause cause;
        enum tl_matrix_verdict verdict;
} verdicts[] = {
        {1, TL_PROBE_ANSWER, true, TL_CAUSE_NONE, TL_MATRIX_WORKS},
        {2, TL_PROBE_REFUSED, true, TL_CAUSE_NONE, TL_MATRIX_WORKS},
        {3, TL_PROBE_SILENCE, true, TL_CAUSE_NONE, TL_MATRIX_MISSING},
        {4, TL_PROBE_UNREACHABLE, true, TL_CAUSE_NONE, TL_MATRIX_MISSING},
        {5, TL_PROBE_ANSWER, false, TL_CAUSE_POLICY, TL_MATRIX_SURPRISE},
        {6, TL_PROBE_REFUSED, false, TL_CAUSE_GATEWAY_ROUTE, TL_MATRIX_SURPRISE},
        {7, TL_PROBE_SILENCE, false, TL_CAUSE_POLICY, TL_MATRIX_FORBIDDEN},
        {8, TL_PROBE_UNREACHABLE, false, TL_CAUSE_SERVICE_PORT, TL_MATRIX_FORBIDDEN},
        {9, TL_PROBE_SILENCE, false, TL_CAUSE_GATEWAY_ROUTE, TL_MATRIX_BROKEN},
};

static void test_verdicts(void **state)
{
        const struct tl_matrix_cell untried = {.is_predicted = true};

        (void)state;
        assert_int_equal(tl_matrix_judge(&untried), TL_MATRIX_UNTRIED);
        for (size_t i = 0; i < WG_ARRAY_SIZE(verdicts); i++) {
                struct tl_probe probe = {.outcome = verdicts[i].outcome};
                struct tl_matrix_test test = {
                        .is_tried = true,
                        .cell = {.probe = &probe,
                                 .is_predicted = verdicts[i].is_predicted,
                                 .cause = verdicts[i].cause},
                };

                if (tl_matrix_judge(&test.cell) != verdicts[i].verdict)
                        fail_msg("case %d: %s", verdicts[i].number,
                                 tl_matrix_verdict_name(tl_matrix_judge(&test.cell)));
                assert_int_equal(tl_matrix_is_met(&test), tl_probe_is_reached(&probe));
                test.is_negated = true;
                assert_int_equal(tl_matrix_is_met(&test), !tl_probe_is_reached(&probe));
                test.is_tried = false;
                assert_false(tl_matrix_is_met(&test));
        }
}

static void test_count(void **state)
{
        struct tl_probe reached = {.outcome = TL_PROBE_ANSWER}, silent = {.error = 0};
        struct tl_matrix_cell ipv4[4] = {{.probe = NULL},
                                         {.probe = &reached, .is_predicted = true},
                                         {.probe = &silent, .is_predicted = true},
                                         {.probe = NULL}};
        struct tl_matrix_cell ipv6[4] = {{.probe = NULL}};
        struct tl_matrix_test tests[2] = {
                {.is_tried = true, .cell = {.probe = &reached, .cause = TL_CAUSE_POLICY}},
                {.is_tried = true,
                 .is_negated = true,
                 .cell = {.probe = &silent, .cause = TL_CAUSE_POLICY}}};
        const struct tl_matrix matrix = {
                .count = 2, .cells = {ipv4, ipv6}, .tests = tests, .test_count = 2};
        struct tl_matrix_summary summary;

        (void)state;
        tl_matrix_count(&matrix, &summary);
        assert_int_equal(summary.pairs[TL_MATRIX_WORKS], 1);
        assert_int_equal(summary.pairs[TL_MATRIX_MISSING], 1);
        assert_int_equal(summary.pairs[TL_MATRIX_UNTRIED], 6);
        assert_int_equal(summary.tests, 2);
        assert_int_equal(summary.met, 2);
        assert_int_equal(summary.wrong, 2); /* the missing pair, and a test that surprises */
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_verdicts),
                cmocka_unit_test(test_count),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
