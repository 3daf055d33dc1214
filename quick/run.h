/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * run.h - runs programs, and tells users which.
 *
 * Each is told on standard error before it runs, behind "[#]", but for questions. Programs get the
 * environment, with LC_ALL=C. SIGINT and SIGTERM end the one that runs, and are remembered, so that
 * what was begun is undone in order.
 *
 * Threads: the only one of the process. */
#ifndef QUICK_RUN_H
#define QUICK_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

/* Gets ready: signals, and the directory of this program before those in PATH. */
void tl_run_init(void);

/* Whether a signal asked us to end; until it is forgiven. */
bool tl_run_is_interrupted(void) WG_MUST_USE;
void tl_run_forgive(void);

/* Whether a program of that name is in PATH. */
bool tl_run_has(const char *program) WG_MUST_USE;

/* Runs a command, words with one blank between, with this input (NULL: none). Returns whether it ended
 * with status 0. */
bool tl_run(const char *command, const char *input) WG_MUST_USE;

/* The same without telling, for a command that was told in other words. */
bool tl_run_quietly(const char *command, const char *input) WG_MUST_USE;

/* Runs a command in silence and takes the first size - 1 bytes that it prints, terminated. Returns
 * whether it ended with status 0; the text is empty where it could not run. */
bool tl_run_ask(const char *command, char *answer, size_t size) WG_MUST_USE;

/* Prints a line of a hook and has a shell run its script. The shell reads the script from a
 * descriptor: every user of the machine can read a command line. */
bool tl_run_shell(const char *line, const char *script) WG_MUST_USE;

#endif
