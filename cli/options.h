/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * options.h - reads the command line of a subcommand, and what several options have in common.
 * Threads: the process has only one. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/command.h"

struct tl_option {
        const char *name, *argument, *text;
};

/* By enum tl_cli_option. */
extern const struct tl_option tl_options[TL_CLI_OPTION_COUNT];

enum tl_reading {
        TL_READING_DONE,
        TL_READING_HELP, /* --help is given */
        TL_READING_WRONG /* a mistake, which has been reported */
};

/* Whether a command takes an option that users see. */
bool tl_option_is_shown(const struct tl_command *command, int option) WG_MUST_USE;

/* Reads the options and words of a call of a command of that table; argv[0] is ignored. May reorder
 * argv. */
enum tl_reading tl_options_read(const struct tl_command *all, const struct tl_command *command,
                                int argc, char **argv, struct tl_call *call) WG_MUST_USE;

enum { TL_DURATION_MAX_S = 86400 };

/* Reads a duration, such as 90s, 5m or 1h, from a second to a day. Returns false, and writes
 * nothing, if it is none. */
bool tl_duration_parse(const char *text, uint32_t *seconds) WG_MUST_USE;

#endif
