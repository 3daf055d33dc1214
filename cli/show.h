/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * show.h - `tieline show'.
 * Threads: the process has only one. */
#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include "cli/command.h"

int tl_cli_show(const struct tl_call *call);

#endif
