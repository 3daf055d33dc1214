/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * lab.h - `tieline lab`: shows a network on this machine, and lists, enters and ends labs. */
#ifndef CLI_LAB_H
#define CLI_LAB_H

#include "cli/command.h"

int tl_cli_lab(const struct tl_call *call) WG_MUST_USE;

#endif
