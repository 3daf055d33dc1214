/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * complete.h - `tieline completion' and, for its scripts, the hidden `tieline complete'.
 *
 * The scripts know nothing of the commands: they pass the words up to the cursor to
 * `tieline complete', which prints what the last one may become.
 * Threads: the process has only one. */
#ifndef CLI_COMPLETE_H
#define CLI_COMPLETE_H

#include "cli/command.h"

int tl_cli_completion(const struct tl_call *call);
int tl_cli_complete(const struct tl_call *call);

#endif
