/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_view.c - lab/view.h: the matrix in terminals of several widths. */
#include "lab/view.h"

#include "test/lib/cmocka.h"
#include "test/lib/memfile.h"

#define LEGEND "\n  + works, with its own address\n"

static const struct {
        uint32_t width;
        const char *text;
} views[] = {
        {80, "\nPings\n"
             "  from \\ to  alpha  beta   gamma  \n"
             "  alpha             + 1.50 + 1.50 \n"
             "  beta       + 1.50        + 1.50 \n"
             "  gamma      + 1.50 + 1.50        \n" LEGEND
             "    numbers are round-trip times in milliseconds\n"},
        {31, "\nPings\n"
             "  from \\ to  alpha beta  gamma \n"
             "  alpha            +     +     \n"
             "  beta       +           +     \n"
             "  gamma      +     +           \n" LEGEND},
        {26, "\nPings\n"
             "  from \\ to      1  2  3  \n"
             "    1 alpha         +  +  \n"
             "    2 beta       +     +  \n"
             "    3 gamma      +  +     \n" LEGEND},
        {24, "\nPings\n"
             "  from \\ to      1  2  \n"
             "    1 alpha         +  \n"
             "    2 beta       +     \n"
             "    3 gamma      +  +  \n"
             "\n"
             "  from \\ to      3  \n"
             "    1 alpha      +  \n"
             "    2 beta       +  \n"
             "    3 gamma         \n" LEGEND},
        {22, "\nPings\n"
             "  from \\ to      1  \n"
             "    1 alpha         \n"
             "    2 beta       +  \n"
             "    3 gamma      +  \n"
             "\n"
             "  from \\ to      2  \n"
             "    1 alpha      +  \n"
             "    2 beta          \n"
             "    3 gamma      +  \n"
             "\n"
             "  from \\ to      3  \n"
             "    1 alpha      +  \n"
             "    2 beta       +  \n"
             "    3 gamma         \n" LEGEND},
};

static void test_widths(void **state)
{
        const struct tl_lab_machine machines[] = {
                {.name = "alpha"}, {.name = "beta"}, {.name = "gamma"}};
        const struct tl_lab_machine *ends[] = {&machines[0], &machines[1], &machines[2]};
        struct tl_probe reached = {.outcome = TL_PROBE_ANSWER, .rtt_us = 1500};
        struct tl_matrix_cell ipv4[9] = {{.probe = NULL}}, ipv6[9] = {{.probe = NULL}};
        const struct tl_matrix matrix = {.count = 3, .ends = ends, .cells = {ipv4, ipv6}};
        const struct tl_topology topology = {.machine_count = 0};
        char text[1024];

        (void)state;
        for (size_t i = 0; i < 9; i++)
                if (i / 3 != i % 3)
                        ipv4[i] = (struct tl_matrix_cell){
                                .probe = &reached, .is_predicted = true, .way = TL_MATRIX_NATIVE};
        for (size_t i = 0; i < WG_ARRAY_SIZE(views); i++) {
                FILE *out = test_memfile(text, sizeof(text));
                const struct tl_view view = {.out = out, .width = views[i].width};

                tl_view_matrix(&view, &matrix, &topology);
                fclose(out);
                assert_string_equal(text, views[i].text);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_widths),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
