/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * check.h - `tieline check'.
 * Threads: the process has only one. */
#ifndef CLI_CHECK_H
#define CLI_CHECK_H

#include "cli/command.h"

int tl_cli_check(const struct tl_call *call);

#endif
