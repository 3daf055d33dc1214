/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "cli/help.h"

#include <stdio.h>

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

void tl_help_print(const struct tl_command *command)
{
        printf("Usage: tieline %s", command->name);
        for (int option = 0; option < TL_CLI_OPTION_COUNT; option++) {
                const char *argument = tl_options[option].argument;

                if (tl_option_is_shown(command, option))
                        printf(" [--%s%s%s]", tl_options[option].name, argument ? " " : "",
                               argument ? argument : "");
        }
        printf("%s%s\n\n%c%s%s\n\n%s\n", *command->arguments ? " " : "", command->arguments,
               command->text[0] - 'a' + 'A', command->text + 1,
               command->needs_root ? ". Needs root." : ".", command->details);
        for (int option = 0; option < TL_CLI_OPTION_COUNT; option++) {
                char left[32];

                if (!tl_option_is_shown(command, option))
                        continue;
                snprintf(left, sizeof(left), "--%s %s", tl_options[option].name,
                         tl_options[option].argument ? tl_options[option].argument : "");
                printf("      %-18s %s\n", left, tl_options[option].text);
        }
        puts("  -h, --help             print this help\n"
             "\n"
             "See tieline(8).");
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
