/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "cli/help.h"

#include <stdio.h>
#include <string.h>

#include "cli/options.h"
#include "io/fail.h"

void tl_help_print_all(const struct tl_command *all)
{
        puts("Usage: tieline COMMAND [OPTION]... [NETWORK]\n"
             "\n"
             "Joins LANs and people's devices to one network, which a file describes:\n"
             "/etc/tieline/NETWORK.yaml, see tieline.yaml(5).\n");
        for (const struct tl_command *command = all; command->name; command++) {
                if (!command->is_hidden)
                        printf("  %-10s  %s\n", command->name, command->text);
        }
        puts("\n"
             "  -h, --help     print this help, or after COMMAND, its own\n"
             "      --version  print the version\n"
             "\n"
             "See tieline(8).");
}

enum {
        COLUMNS = 80,
        OPTION_WIDTH = 18, /* of the column of options */
};

/* Whether a line has room for the options, with their arguments, and for the words. */
static bool has_short_options(const struct tl_command *command)
{
        size_t width = strlen("Usage: tieline ") + strlen(command->name) + 1 +
                       strcspn(command->arguments, "\n");

        for (int option = 0; option < TL_CLI_OPTION_COUNT; option++)
                if (tl_option_is_shown(command, option))
                        width += strlen(" [--]") + strlen(tl_options[option].name) +
                                 (tl_options[option].argument
                                          ? 1 + strlen(tl_options[option].argument)
                                          : 0);
        return width <= COLUMNS;
}

static void print_usage_options(const struct tl_command *command)
{
        if (!has_short_options(command)) {
                fputs(" [OPTION]...", stdout);
                return;
        }
        for (int option = 0; option < TL_CLI_OPTION_COUNT; option++) {
                const char *argument = tl_options[option].argument;

                if (tl_option_is_shown(command, option))
                        printf(" [--%s%s%s]", tl_options[option].name, argument ? " " : "",
                               argument ? argument : "");
        }
}

/* A line for each form of the command. */
static void print_usage(const struct tl_command *command)
{
        const char *form = command->arguments;

        printf("Usage: tieline %s", command->name);
        print_usage_options(command);
        for (;;) {
                size_t len = strcspn(form, "\n");

                printf("%s%.*s\n", len ? " " : "", (int)len, form);
                if (!form[len])
                        return;
                form += len + 1;
                printf("       tieline %s", command->name);
        }
}

void tl_help_print(const struct tl_command *command)
{
        print_usage(command);
        printf("\n%c%s%s\n\n%s\n", command->text[0] - 'a' + 'A', command->text + 1,
               command->needs_root ? ". Needs root." : ".", command->details);
        for (int option = 0; option < TL_CLI_OPTION_COUNT; option++) {
                char left[32];

                if (!tl_option_is_shown(command, option))
                        continue;
                snprintf(left, sizeof(left), "--%s %s", tl_options[option].name,
                         tl_options[option].argument ? tl_options[option].argument : "");
                if (strlen(left) > OPTION_WIDTH)
                        printf("      %s\n%*s%s\n", left, OPTION_WIDTH + 7, "",
                               tl_options[option].text);
                else
                        printf("      %-*s %s\n", OPTION_WIDTH, left, tl_options[option].text);
        }
        printf("  -h, %-*s print this help\n\nSee %s.\n", OPTION_WIDTH, "--help",
               command->page ? command->page : "tieline(8)");
}

int tl_help_unknown(const struct tl_command *all, const char *name)
{
        const struct tl_command *similar = tl_command_suggest(all, name);

        if (similar)
                tl_fail_usage("unknown command `%s': did you mean `%s'?", name, similar->name);
        else
                tl_fail_usage("unknown command `%s'", name);
        return TL_CLI_USAGE;
}

int tl_cli_help(const struct tl_call *call)
{
        const struct tl_command *command;

        if (!call->word_count) {
                tl_help_print_all(call->all);
                return TL_CLI_YES;
        }
        command = tl_command_find(call->all, call->words[0]);
        if (!command)
                return tl_help_unknown(call->all, call->words[0]);
        tl_help_print(command);
        return TL_CLI_YES;
}
