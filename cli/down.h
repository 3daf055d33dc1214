/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * down.h - `tieline down'.
 * Threads: the process has only one. */
#ifndef CLI_DOWN_H
#define CLI_DOWN_H

#include "cli/command.h"

int tl_cli_down(const struct tl_call *call);

#endif
