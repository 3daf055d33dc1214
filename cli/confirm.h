/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * confirm.h - `tieline confirm'.
 * Threads: the process has only one. */
#ifndef CLI_CONFIRM_H
#define CLI_CONFIRM_H

#include "cli/command.h"

int tl_cli_confirm(const struct tl_call *call);

#endif
