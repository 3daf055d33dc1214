/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * help.h - the usage of tieline and of its subcommands, made from their table.
 * Threads: the process has only one. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "cli/command.h"

/* Print to standard output. */
void tl_help_print_all(const struct tl_command *all);
void tl_help_print(const struct tl_command *command);

/* Prints that there is no such subcommand, and the one that was probably meant. Returns the exit
 * status. */
int tl_help_unknown(const struct tl_command *all, const char *name);

int tl_cli_help(const struct tl_call *call);

#endif
