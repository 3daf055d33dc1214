/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "cli/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "conf/similar.h"
#include "conf/text.h"
#include "io/fail.h"

#define ROW(constant, name, argument, text) [constant] = {#name, argument, text},
const struct tl_option tl_options[TL_CLI_OPTION_COUNT] = {TL_CLI_OPTIONS(ROW)};

bool tl_option_is_shown(const struct tl_command *command, int option)
{
        return (command->takes & TL_CLI_TAKES(option)) && tl_options[option].text;
}

enum { LETTERS = 256 }; /* values of options without a letter begin here */

/* Makes getopt's table of a command: its own options, and --help. */
static void make_table(const struct tl_command *command,
                       struct option table[TL_CLI_OPTION_COUNT + 2])
{
        struct option *row = table;

        for (int option = 0; option < TL_CLI_OPTION_COUNT; option++) {
                if (command->takes & TL_CLI_TAKES(option))
                        *row++ = (struct option){tl_options[option].name,
                                                 tl_options[option].argument ? required_argument
                                                                             : no_argument,
                                                 NULL, LETTERS + option};
        }
        *row++ = (struct option){"help", no_argument, NULL, 'h'};
        *row = (struct option){0};
}

/* `word` is as given, with its dashes and perhaps a value. */
static enum tl_reading refuse(const struct option *table, const char *word)
{
        const char *name = word + strspn(word, "-");
        size_t len = strcspn(name, "=");
        struct tl_similar best = {0};

        for (; table->name; table++) {
                if (strlen(table->name) == len && strncmp(table->name, name, len) == 0) {
                        tl_fail_usage("--%s takes no value", table->name);
                        return TL_READING_WRONG;
                }
                tl_similar_consider(&best, name, len, table->name);
        }
        if (best.name)
                tl_fail_usage("unknown option `%s': did you mean --%s?", word, best.name);
        else
                tl_fail_usage("unknown option `%s'", word);
        return TL_READING_WRONG;
}

/* Refuses what getopt_long(3) has just read. It stays at a word until it has read all letters. */
static enum tl_reading refuse_last(const struct option *table, char **argv)
{
        const char letter[] = {'-', (char)optopt, '\0'};

        return refuse(table, optopt > 0 && optopt < LETTERS ? letter : argv[optind - 1]);
}

static enum tl_reading check_words(const struct tl_call *call)
{
        const struct tl_command *command = call->command;
        int len = (int)strcspn(command->arguments, "\n"); /* the first form is enough */

        if (call->word_count < command->least_words) {
                tl_fail_usage("missing argument: %.*s", len, command->arguments);
                return TL_READING_WRONG;
        }
        if (call->word_count > command->most_words) {
                tl_fail_usage("unexpected argument `%s'%s%.*s", call->words[command->most_words],
                              command->most_words ? ": it takes " : "",
                              command->most_words ? len : 0, command->arguments);
                return TL_READING_WRONG;
        }
        return TL_READING_DONE;
}

/* The number of words after `--'. */
static int count_last(int argc, char **argv)
{
        for (int i = 1; i < argc; i++)
                if (strcmp(argv[i], "--") == 0)
                        return argc - 1 - i;
        return 0;
}

/* In "b -> d", the arrow is no option. As "-" it is a word. */
static void shorten_arrows(int argc, char **argv)
{
        for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
                if (strcmp(argv[i], "->") == 0)
                        argv[i][1] = '\0';
}

static bool add_in(struct tl_call *call, const char *argument)
{
        if (call->in_count == TL_CLI_INS)
                return tl_fail_usage("--in is given more than %d times", TL_CLI_INS);
        call->ins[call->in_count++] = argument;
        return true;
}

enum tl_reading tl_options_read(const struct tl_command *all, const struct tl_command *command,
                                int argc, char **argv, struct tl_call *call)
{
        struct option table[TL_CLI_OPTION_COUNT + 2];
        int option;

        *call = (struct tl_call){
                .command = command, .all = all, .last_words = count_last(argc, argv)};
        if (!command->is_bare)
                shorten_arrows(argc, argv);
        make_table(command, table);
        opterr = 0;
        optind = 0; /* starts anew, in this order of words */
        while ((option = getopt_long(argc, argv, command->is_bare ? "+:h" : ":h", table, NULL)) !=
               -1) {
                if (option == 'h')
                        return TL_READING_HELP;
                if (option == ':') {
                        tl_fail_usage("%s needs a value: %s", argv[optind - 1],
                                      tl_options[optopt - LETTERS].argument);
                        return TL_READING_WRONG;
                }
                if (option < LETTERS)
                        return refuse_last(table, argv);
                call->options[option - LETTERS] = optarg ? optarg : "";
                if (option - LETTERS == TL_CLI_IN && !add_in(call, optarg))
                        return TL_READING_WRONG;
        }
        call->words = argv + optind;
        call->word_count = argc - optind;
        return check_words(call);
}

bool tl_duration_parse(const char *text, uint32_t *seconds)
{
        static const struct {
                char letter;
                uint32_t seconds;
        } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}};
        size_t len = strlen(text);
        uint32_t count;

        if (len < 2)
                return false;
        for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
                if (text[len - 1] != units[i].letter)
                        continue;
                if (!tl_text_to_number((struct tl_text){text, len - 1},
                                       TL_DURATION_MAX_S / units[i].seconds, &count) ||
                    count == 0)
                        return false;
                *seconds = count * units[i].seconds;
                return true;
        }
        return false;
}
