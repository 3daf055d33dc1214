/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * commands.h - the table of subcommands.
 *
 * A new one has a row in commands.c, a file with its function, and a section in tieline(8).
 * Threads: the table is constant. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "cli/command.h"

/* Ends with a row without a name. */
extern const struct tl_command tl_commands[];

#endif
