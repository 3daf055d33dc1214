/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * main.c - tieline: finds the subcommand and runs it. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/help.h"
#include "cli/options.h"
#include "io/fail.h"

/* Messages of a subcommand begin with both names, and refer to its own help. */
static char program[64];

static bool is_one_of(const char *word, const char *a, const char *b)
{
        return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

/* Programs for administrators, tielined among them, are not in the PATH of a normal user, which
 * su(1) keeps. */
static void complete_path(void)
{
        const char *path = getenv("PATH");
        char longer[4096];

        if (path && *path &&
            snprintf(longer, sizeof(longer), "%s:" TL_SBINDIR ":/usr/sbin:/sbin", path) <
                    (int)sizeof(longer))
                (void)setenv("PATH", longer, true);
}

static int run(const struct tl_command *command, int argc, char **argv)
{
        struct tl_call call;

        snprintf(program, sizeof(program), "tieline %s", command->name);
        program_invocation_short_name = program;
        switch (tl_options_read(tl_commands, command, argc, argv, &call)) {
        case TL_READING_DONE:
                break;
        case TL_READING_HELP:
                tl_help_print(command);
                return TL_CLI_YES;
        case TL_READING_WRONG:
                return TL_CLI_USAGE;
        }
        if (command->needs_root && geteuid() != 0) {
                tl_fail("this needs root");
                return TL_CLI_FAILED;
        }
        complete_path();
        return command->run(&call);
}

/* Output that got lost is a failure: scripts rely on it. */
static int finish(int status)
{
        if (fflush(stdout) == 0 && !ferror(stdout))
                return status;
        tl_fail("cannot write to standard output: %s", strerror(errno));
        return status == TL_CLI_USAGE ? status : TL_CLI_FAILED;
}

int main(int argc, char **argv)
{
        const struct tl_command *command;

        if (argc < 2) {
                tl_fail_usage("missing command");
                return TL_CLI_USAGE;
        }
        if (is_one_of(argv[1], "-h", "--help")) {
                tl_help_print_all(tl_commands);
                return finish(TL_CLI_YES);
        }
        if (strcmp(argv[1], "--version") == 0) {
                puts("tieline " TL_VERSION);
                return finish(TL_CLI_YES);
        }
        if (argv[1][0] == '-') {
                tl_fail_usage("unknown option `%s'", argv[1]);
                return TL_CLI_USAGE;
        }
        command = tl_command_find(tl_commands, argv[1]);
        return finish(command ? run(command, argc - 1, argv + 1)
                              : tl_help_unknown(tl_commands, argv[1]));
}
