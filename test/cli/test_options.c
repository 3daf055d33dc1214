/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "cli/options.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "test/lib/cmocka.h"

static const struct tl_command COMMANDS[] = {
        {.name = "check",
         .arguments = "[NETWORK]",
         .takes = TL_CLI_TAKES(TL_CLI_JSON) | TL_CLI_TAKES(TL_CLI_LOCKED),
         .most_words = 1},
        {.name = "apply",
         .arguments = "[NETWORK]",
         .takes = TL_CLI_TAKES(TL_CLI_CONFIRM) | TL_CLI_TAKES(TL_CLI_WAIT),
         .most_words = 1},
        {.name = "shell",
         .arguments = "WORD...",
         .least_words = 1,
         .most_words = 5,
         .is_bare = true},
        {.name = "complete", .arguments = "WORD", .is_hidden = true},
        {.name = NULL},
};

enum { WORDS_MAX = 8 };

/* Reads a command line, whose words are separated by blanks. The words stay in `text`. */
static enum tl_reading read_line(const char *line, char text[128], char *words[WORDS_MAX + 1],
                                 struct tl_call *call)
{
        const struct tl_command *command;
        int count = 0;

        strcpy(text, line);
        for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
                words[count++] = word;
        words[count] = NULL;
        command = tl_command_find(COMMANDS, words[0]);
        assert_non_null(command);
        return tl_options_read(COMMANDS, command, count, words, call);
}

static void test_lines(void **state)
{
        static const struct {
                const char *line;
                enum tl_reading reading;
                const char *network; /* the first word; NULL: none */
                int words;
        } cases[] = {
                {"check", TL_READING_DONE, NULL, 0},
                {"check acme", TL_READING_DONE, "acme", 1},
                {"check --json acme", TL_READING_DONE, "acme", 1},
                {"check acme --json --locked", TL_READING_DONE, "acme", 1},
                {"check -- --json", TL_READING_DONE, "--json", 1},
                {"check --help", TL_READING_HELP, NULL, 0},
                {"check -h", TL_READING_HELP, NULL, 0},
                {"check acme other", TL_READING_WRONG, NULL, 0},
                {"check --jsn", TL_READING_WRONG, NULL, 0},
                {"check -x", TL_READING_WRONG, NULL, 0},
                {"check --json=yes", TL_READING_WRONG, NULL, 0},
                {"check --confirm 5m", TL_READING_WRONG, NULL, 0}, /* it is another command's */
                {"apply --confirm 5m acme", TL_READING_DONE, "acme", 1},
                {"apply --confirm=5m", TL_READING_DONE, NULL, 0},
                {"apply --confirm", TL_READING_WRONG, NULL, 0},
                {"apply --wait", TL_READING_DONE, NULL, 0}, /* hidden, but valid */
                {"shell", TL_READING_WRONG, NULL, 0},
                {"shell ls --json -l", TL_READING_DONE, "ls", 3},
                {"shell -- -l", TL_READING_DONE, "-l", 1},
                {"shell -l", TL_READING_WRONG, NULL, 0},
                {"complete x", TL_READING_WRONG, NULL, 0},
        };

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                char text[128], *words[WORDS_MAX + 1];
                const char *network;
                struct tl_call call;

                if (read_line(cases[i].line, text, words, &call) != cases[i].reading)
                        fail_msg("case %zu", i);
                if (cases[i].reading != TL_READING_DONE)
                        continue;
                network = tl_call_network(&call);
                if (call.word_count != cases[i].words || !network != !cases[i].network ||
                    (network && strcmp(network, cases[i].network) != 0))
                        fail_msg("case %zu: %d words, the first is %s", i, call.word_count,
                                 network ? network : "none");
        }
}

/* What a wrong command line is told. */
static void read_wrong(const char *line, char message[256])
{
        char text[128], *words[WORDS_MAX + 1];
        int saved = dup(STDERR_FILENO);
        FILE *log = tmpfile();
        struct tl_call call;

        assert_non_null(log);
        fflush(stderr);
        dup2(fileno(log), STDERR_FILENO);
        assert_int_equal(read_line(line, text, words, &call), TL_READING_WRONG);
        fflush(stderr);
        dup2(saved, STDERR_FILENO);
        close(saved);
        rewind(log);
        message[fread(message, 1, 255, log)] = '\0';
        fclose(log);
}

static void test_messages(void **state)
{
        static const struct {
                const char *line, *part;
        } cases[] = {
                {"check acme -x1 other", "unknown option `-x'"},
                {"check -x", "unknown option `-x'"},
                {"check --jsn", "unknown option `--jsn': did you mean --json?"},
                {"check --json=yes", "--json takes no value"},
                {"apply --confirm", "--confirm needs a value"},
        };
        char message[256];

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                read_wrong(cases[i].line, message);
                if (!strstr(message, cases[i].part))
                        fail_msg("case %zu: %s", i, message);
        }
}

static void test_values(void **state)
{
        char text[128], *words[WORDS_MAX + 1];
        struct tl_call call;

        (void)state;
        assert_int_equal(read_line("apply --confirm 5m x", text, words, &call), TL_READING_DONE);
        assert_string_equal(call.options[TL_CLI_CONFIRM], "5m");
        assert_false(tl_call_has(&call, TL_CLI_JSON));
        assert_ptr_equal(call.command, &COMMANDS[1]);
        assert_int_equal(read_line("check --json", text, words, &call), TL_READING_DONE);
        assert_true(tl_call_has(&call, TL_CLI_JSON));
        assert_false(tl_call_has(&call, TL_CLI_LOCKED));
}

static void test_durations(void **state)
{
        static const struct {
                const char *text;
                uint32_t seconds; /* 0: refused */
        } cases[] = {
                {"1s", 1},
                {"60s", 60},
                {"5m", 300},
                {"1h", 3600},
                {"24h", 86400},
                {"86400s", 86400},
                {"1440m", 86400},
                {"", 0},
                {"s", 0},
                {"5", 0},
                {"0s", 0},
                {"86401s", 0},
                {"1441m", 0},
                {"25h", 0},
                {"-5m", 0},
                {"5 m", 0},
                {"5M", 0},
                {"5mm", 0},
                {"5d", 0},
                {"1.5m", 0},
                {"99999999999s", 0},
                {"0x5s", 0},
                {"five minutes", 0},
        };

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                uint32_t seconds = 0;

                if (tl_duration_parse(cases[i].text, &seconds) != (cases[i].seconds != 0) ||
                    seconds != cases[i].seconds)
                        fail_msg("case %zu: %u", i, seconds);
        }
}

static void test_names(void **state)
{
        (void)state;
        assert_ptr_equal(tl_command_find(COMMANDS, "complete"), &COMMANDS[3]);
        assert_null(tl_command_find(COMMANDS, "chec"));
        assert_null(tl_command_find(COMMANDS, ""));
        assert_ptr_equal(tl_command_suggest(COMMANDS, "chekc"), &COMMANDS[0]);
        assert_null(tl_command_suggest(COMMANDS, "completes")); /* it is hidden */
        assert_null(tl_command_suggest(COMMANDS, "nothing"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_lines),  cmocka_unit_test(test_messages),
                cmocka_unit_test(test_values), cmocka_unit_test(test_durations),
                cmocka_unit_test(test_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
