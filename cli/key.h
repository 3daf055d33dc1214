/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * key.h - `tieline key'.
 * Threads: the process has only one. */
#ifndef CLI_KEY_H
#define CLI_KEY_H

#include "cli/command.h"

int tl_cli_key(const struct tl_call *call);

#endif
