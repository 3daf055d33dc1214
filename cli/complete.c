/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "cli/complete.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/load.h"
#include "cli/networks.h"
#include "cli/options.h"
#include "io/fail.h"
#include "lab/disturb.h"

static const struct {
        const char *shell, *script;
} SCRIPTS[] = {
        {"bash", "_tieline() {\n"
                 "        mapfile -t COMPREPLY < <(tieline complete -- \\\n"
                 "                \"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null)\n"
                 "}\n"
                 "complete -o default -F _tieline tieline\n"},
        {"zsh", "#compdef tieline\n"
                "_tieline() {\n"
                "        local -a found\n"
                "        found=(${(f)\"$(tieline complete -- \"${(@)words[2,CURRENT]}\" "
                "2>/dev/null)\"})\n"
                "        if (( $#found )); then compadd -- $found; else _files; fi\n"
                "}\n"
                "compdef _tieline tieline\n"},
        {"fish", "function __tieline_complete\n"
                 "        set -l words (commandline -opc) (commandline -ct)\n"
                 "        set -l found (tieline complete -- $words[2..-1] 2>/dev/null)\n"
                 "        if count $found >/dev/null\n"
                 "                printf '%s\\n' $found\n"
                 "        else\n"
                 "                __fish_complete_path (commandline -ct)\n"
                 "        end\n"
                 "end\n"
                 "complete -c tieline -f -a '(__tieline_complete)'\n"},
};

enum { SCRIPT_COUNT = sizeof(SCRIPTS) / sizeof(SCRIPTS[0]) };

int tl_cli_completion(const struct tl_call *call)
{
        for (int i = 0; i < SCRIPT_COUNT; i++) {
                if (strcmp(call->words[0], SCRIPTS[i].shell) == 0) {
                        fputs(SCRIPTS[i].script, stdout);
                        return TL_CLI_YES;
                }
        }
        tl_fail_usage("unknown shell `%s': use bash, zsh or fish", call->words[0]);
        return TL_CLI_USAGE;
}

/* Prints a candidate if the word that ctx is may become it. */
static void offer(void *ctx, const char *candidate)
{
        const char *word = ctx;

        if (strncmp(word, candidate, strlen(word)) == 0)
                puts(candidate);
}

static void offer_option(char *word, const char *name)
{
        char option[32];

        snprintf(option, sizeof(option), "--%s", name);
        offer(word, option);
}

static void offer_commands(const struct tl_command *all, char *word)
{
        for (const struct tl_command *command = all; command->name; command++) {
                if (!command->is_hidden)
                        offer(word, command->name);
        }
}

static void offer_options(const struct tl_command *command, char *word)
{
        for (int option = 0; option < TL_CLI_OPTION_COUNT; option++) {
                if (tl_option_is_shown(command, option))
                        offer_option(word, tl_options[option].name);
        }
        offer_option(word, "help");
}

/* The option that the word before this one is, if it takes an argument; else the count. */
static int awaiting_argument(const char *before)
{
        for (int option = 0; option < TL_CLI_OPTION_COUNT; option++) {
                if (tl_options[option].argument && strncmp(before, "--", 2) == 0 &&
                    strcmp(before + 2, tl_options[option].name) == 0)
                        return option;
        }
        return TL_CLI_OPTION_COUNT;
}

/* The network that the first word after the command names, if it has a file; NULL: the only one. */
static const char *network_of(const struct tl_call *call)
{
        struct tl_paths paths;

        if (call->word_count > 2 && call->words[1][0] != '-' &&
            tl_paths_find(&paths, call->words[1]) && access(paths.file, F_OK) == 0)
                return call->words[1];
        return NULL;
}

/* Offers the names in the file of the network. */
static void offer_names(const struct tl_call *call, char *word)
{
        struct tl_load load;

        if (tl_load_read(&load, network_of(call)) == TL_CLI_YES) {
                for (uint32_t i = 0; i < load.model.entity_count; i++)
                        offer(word, load.model.entities[i].name);
        }
        tl_load_done(&load);
}

static void offer_argument(const struct tl_call *call, int option, char *word)
{
        char name[32];

        if (option == TL_CLI_CONFIRM) {
                offer(word, "60s");
                offer(word, "5m");
        }
        if (option == TL_CLI_DISTURB) {
                WG_ENUM_EACH(disturbance, &tl_disturbance_enum)
                        offer(word, tl_disturb_name((enum tl_disturbance)disturbance->value, name));
        }
        if (option == TL_CLI_IN)
                offer_names(call, word);
}

/* Offers the words with which further forms of a command begin, such as `list' of lab. */
static void offer_forms(const struct tl_command *command, char *word)
{
        const char *form = command->arguments;

        while ((form = strchr(form, '\n'))) {
                char name[32];

                form++;
                snprintf(name, sizeof(name), "%.*s", (int)strcspn(form, " \n"), form);
                offer(word, name);
        }
}

static void offer_words(const struct tl_call *call, const struct tl_command *command, char *word)
{
        if (command->run == tl_cli_completion) {
                for (int i = 0; i < SCRIPT_COUNT; i++)
                        offer(word, SCRIPTS[i].shell);
        } else if (strcmp(command->arguments, "[COMMAND]") == 0) {
                offer_commands(call->all, word);
        } else if (strstr(command->arguments, "NETWORK") &&
                   !(command->has_names && call->word_count > 2)) {
                (void)tl_networks_each(offer, word);
        }
        if (command->has_names)
                offer_names(call, word);
        if (call->word_count == 2)
                offer_forms(command, word);
}

int tl_cli_complete(const struct tl_call *call)
{
        const struct tl_command *command;
        char *word;
        int option;

        if (call->word_count == 0)
                return TL_CLI_YES;
        word = call->words[call->word_count - 1];
        if (call->word_count == 1) {
                if (word[0] == '-') {
                        offer_option(word, "help");
                        offer_option(word, "version");
                } else {
                        offer_commands(call->all, word);
                }
                return TL_CLI_YES;
        }
        command = tl_command_find(call->all, call->words[0]);
        if (!command)
                return TL_CLI_YES;
        option = awaiting_argument(call->words[call->word_count - 2]);
        if (option != TL_CLI_OPTION_COUNT)
                offer_argument(call, option, word);
        else if (word[0] == '-')
                offer_options(command, word);
        else
                offer_words(call, command, word);
        return TL_CLI_YES;
}
