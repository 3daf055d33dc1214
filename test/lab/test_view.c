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
        char text[1024];

        (void)state;
        for (size_t i = 0; i < 9; i++)
                if (i / 3 != i % 3)
                        ipv4[i] = (struct tl_matrix_cell){
                                .probe = &reached, .is_predicted = true, .ways = TL_MATRIX_NATIVE};
        for (size_t i = 0; i < WG_ARRAY_SIZE(views); i++) {
                FILE *out = test_memfile(text, sizeof(text));
                const struct tl_view view = {.out = out, .width = views[i].width};

                tl_view_matrix(&view, &matrix);
                fclose(out);
                assert_string_equal(text, views[i].text);
        }
}

/* A cell has a mark for everything that happens to packets; all cells get room for them. */
static void test_marks(void **state)
{
        static const char WIDE[] =
                "\nPings\n"
                "  from \\ to  e        d        \n"
                "  e                   mr 1.50  \n"
                "  d          vm~ 150           \n"
                "\n"
                "  v works; an address of the source's LAN stands for the destination\n"
                "  m works; one end knows the other by its mapped address\n"
                "  r works; through the destination's router, which sees both directions\n"
                "  ~ works; the destination sees the address of its site's node\n"
                "    numbers are round-trip times in milliseconds\n";
        const struct tl_lab_machine machines[] = {{.name = "e/laptop", .short_name = "e"},
                                                  {.name = "d"}};
        const struct tl_lab_machine *ends[] = {&machines[0], &machines[1]};
        struct tl_probe reached = {.outcome = TL_PROBE_ANSWER, .rtt_us = 1500};
        struct tl_probe slow = {.outcome = TL_PROBE_ANSWER, .rtt_us = 150000};
        struct tl_matrix_cell ipv4[4] = {
                {.probe = NULL},
                {.probe = &reached,
                 .is_predicted = true,
                 .ways = TL_MATRIX_MAPPED | TL_MATRIX_VIA_GATEWAY},
                {.probe = &slow,
                 .is_predicted = true,
                 .ways = TL_MATRIX_VIRTUAL | TL_MATRIX_MAPPED | TL_MATRIX_SNAT},
                {.probe = NULL}};
        struct tl_matrix_cell ipv6[4] = {{.probe = NULL}};
        const struct tl_matrix matrix = {.count = 2, .ends = ends, .cells = {ipv4, ipv6}};
        char text[1024];
        FILE *out = test_memfile(text, sizeof(text));
        const struct tl_view view = {.out = out, .width = 80};

        (void)state;
        tl_view_matrix(&view, &matrix);
        fclose(out);
        assert_string_equal(text, WIDE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_widths),
                cmocka_unit_test(test_marks),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
