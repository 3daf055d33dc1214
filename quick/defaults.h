/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * defaults.h - adds default routes, with their rules and their mark, to an interface that is up.
 * Threads: the process has only one. */
#ifndef QUICK_DEFAULTS_H
#define QUICK_DEFAULTS_H

#include <stdbool.h>

#include "base/attr.h"
#include "host/journal.h"
#include "quick/file.h"
#include "quick/plan.h"

/* Adds the default routes of a file that has any. Finds a number and a place for the rules, and
 * starts over if other programs change rules meanwhile. Returns false after saying what went
 * wrong. */
bool tl_defaults_add(const struct tl_quick_file *file, struct tl_journal *journal,
                     struct tl_plan_facts *facts) WG_MUST_USE;

#endif
