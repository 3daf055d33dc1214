/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * run.h - runs programs, and shows their commands to the user.
 *
 * A command is a line of words, separated by single blanks. It is split at the blanks, so no word
 * can contain one, and no shell interprets it. Each command is printed on standard error after
 * "[#]" before it runs, unless tl_run_hush() was called. Programs inherit the environment, with
 * LC_ALL=C. SIGINT, SIGTERM and SIGHUP end the program that is running and are remembered, so that
 * the caller can undo its work.
 *
 * Threads: the process has only one. */
#ifndef HOST_RUN_H
#define HOST_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

/* Handles signals from now on, and puts the directory of this program first in PATH. */
void tl_run_init(void);

/* Whether a signal has asked us to end, until tl_run_forgive() is called. */
bool tl_run_is_interrupted(void) WG_MUST_USE;
void tl_run_forgive(void);

/* Shows no commands from now on. */
void tl_run_hush(void);

/* Whether PATH has a program of that name. */
bool tl_run_has(const char *program) WG_MUST_USE;

/* Prints a line as a command that is about to run. */
void tl_run_show(const char *command);

/* Shows and runs a command, with this standard input (NULL: ours). Returns whether it exits with
 * status 0. */
bool tl_run(const char *command, const char *input) WG_MUST_USE;

/* The same without showing the command. */
bool tl_run_quietly(const char *command, const char *input) WG_MUST_USE;

/* Shows and runs a command to its end: neither a signal nor our death interrupts it. Files that we
 * have locked stay locked until then. Returns the same. */
bool tl_run_whole(const char *command) WG_MUST_USE;

/* Runs a command without showing it, discards its standard error, and stores the first size - 1
 * bytes of its standard output, terminated. Returns whether it exits with status 0; if it cannot
 * run, the answer is empty. */
bool tl_run_ask(const char *command, char *answer, size_t size) WG_MUST_USE;

/* Runs a command without showing it, with this standard input (NULL: ours), and returns all of its
 * standard output, terminated, the caller's to free. *length, if not NULL, is that of the output.
 * NULL: it does not exit with status 0, or there is no memory. */
char *tl_run_read(const char *command, const char *input, size_t *length) WG_MUST_USE;

/* The same with our standard input, and standard error is discarded. */
char *tl_run_read_quietly(const char *command) WG_MUST_USE;

/* Runs the command of an interpreter on a script, without showing it. The script is passed as an
 * open file, because other users can read command lines. */
bool tl_run_script(const char *interpreter, const char *script) WG_MUST_USE;

#endif
