/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * hooks.h - runs the commands that a file has for PreUp, PostUp, PreDown and PostDown.
 * Threads: the process has only one. */
#ifndef QUICK_HOOKS_H
#define QUICK_HOOKS_H

#include <stdbool.h>

#include "base/attr.h"
#include "conf/wgquick.h"
#include "quick/file.h"

/* Runs the commands of a hook until one fails or a signal asks us to end. Returns whether all
 * succeeded. */
bool tl_hooks_run(const struct tl_quick_file *file, enum tl_wgquick_hook hook) WG_MUST_USE;

/* Runs all commands of a hook, even if some fail. Returns whether all succeeded. */
bool tl_hooks_run_all(const struct tl_quick_file *file, enum tl_wgquick_hook hook) WG_MUST_USE;

#endif
