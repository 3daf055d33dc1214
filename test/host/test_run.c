/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "host/run.h"

#include <stdlib.h>
#include <string.h>

#include "test/lib/cmocka.h"

static const struct {
        int number;
        const char *command, *input;
        bool is_good;
} commands[] = {
        {1, "true", NULL, true},
        {2, "false", NULL, false},
        {3, "", NULL, false},
        {4, "no-such-program-anywhere", NULL, false},
        {5, "grep -q ^word$", "a\nword\n", true},
        {6, "grep -q ^word$", "words", false},
        {7, "grep -q .", "", false},
        /* No shell sees them. */
        {8, "test $HOME = *", NULL, false},
        {9, "test $HOME = $HOME", NULL, true},
};

static void test_commands(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(commands); i++)
                if (tl_run_quietly(commands[i].command, commands[i].input) != commands[i].is_good)
                        fail_msg("case %d", commands[i].number);
}

/* At most 1,024 words. */
static void test_words(void **state)
{
        char line[4096] = "true";

        (void)state;
        for (int i = 1; i < 1024; i++)
                strcat(line, " x");
        assert_true(tl_run_quietly(line, NULL));
        strcat(line, " x");
        assert_false(tl_run_quietly(line, NULL));
}

static void test_answers(void **state)
{
        char answer[8] = "before";

        (void)state;
        assert_true(tl_run_ask("echo word", answer, sizeof(answer)));
        assert_string_equal(answer, "word\n");
        assert_true(tl_run_ask("seq 100000", answer, sizeof(answer)));
        assert_string_equal(answer, "1\n2\n3\n4");
        assert_false(tl_run_ask("false", answer, sizeof(answer)));
        assert_string_equal(answer, "");
        assert_false(tl_run_ask("no-such-program-anywhere", answer, sizeof(answer)));
        assert_string_equal(answer, "");
        assert_true(tl_run_ask("printenv LC_ALL", answer, sizeof(answer)));
        assert_string_equal(answer, "C\n");
}

static void test_programs(void **state)
{
        (void)state;
        assert_true(tl_run_has("sh"));
        assert_false(tl_run_has("no-such-program-anywhere"));
}

static void test_scripts(void **state)
{
        (void)state;
        assert_true(tl_run_script("sh -e", "a='two words'; test \"$a\" = 'two words'"));
        assert_false(tl_run_script("sh -e", "false; true"));
        assert_true(tl_run_script("sh", "false; true"));
}

/* A signal ends the program that is running, and is remembered. */
static void test_interruption(void **state)
{
        (void)state;
        assert_false(tl_run_is_interrupted());
        assert_false(tl_run_script("sh", "kill -TERM $PPID; exec sleep 60"));
        assert_true(tl_run_is_interrupted());
        tl_run_forgive();
        assert_false(tl_run_is_interrupted());
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_commands), cmocka_unit_test(test_words),
                cmocka_unit_test(test_answers),  cmocka_unit_test(test_programs),
                cmocka_unit_test(test_scripts),  cmocka_unit_test(test_interruption),
        };

        tl_run_init();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
