/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * plan.h - `tieline plan' and `tieline apply': what changes on this machine, who gains and loses,
 * and which live connections are cut; apply then does it.
 * Threads: the process has only one. */
#ifndef CLI_PLAN_H
#define CLI_PLAN_H

#include "cli/command.h"

int tl_cli_plan(const struct tl_call *call);
int tl_cli_apply(const struct tl_call *call);

#endif
