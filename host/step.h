/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * step.h - a list of changes to this machine, each with its undo command.
 *
 * host/run.h defines commands. The undo command of a step is in the journal before the step runs,
 * so that a crash at any step leaves nothing that cannot be undone. Changes that the kernel undoes
 * along with a link, such as its addresses and routes, need no undo command.
 *
 * Threads: the process has only one. */
#ifndef HOST_STEP_H
#define HOST_STEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "host/journal.h"

enum { TL_STEP_RUN = 0 }; /* runs the step's command; other actions are the caller's own */

struct tl_step {
        uint32_t action; /* TL_STEP_RUN, or one of the caller's own actions */
        char *command;   /* owned; NULL: none */
        char *input;     /* standard input of the command; owned; NULL: none */
        char *undo;      /* a command; owned; NULL: nothing needs to be undone */
        uint32_t number; /* for the caller's actions */
};

struct tl_steps {
        struct tl_step *items;
        uint32_t count, capacity;
};

/* Appends an empty step, which is borrowed until the next call. Returns NULL if there is no
 * memory. */
struct tl_step *tl_steps_add(struct tl_steps *steps, uint32_t action);

/* Writes a command. Returns false, with *text NULL, if there is no memory. */
WG_PRINTF(2, 3) bool tl_step_write(char **text, const char *format, ...);

/* Frees all steps. Accepts zeroed memory. */
void tl_steps_done(struct tl_steps *steps);

/* Carries out the steps in order, until one fails or a signal asks us to end. `act` carries out the
 * caller's own actions (NULL: there are none). Both return false after saying what went wrong; then
 * *failed is the index of the step. */
bool tl_steps_do(const struct tl_steps *steps, struct tl_journal *journal,
                 bool (*act)(void *ctx, const struct tl_step *step), void *ctx,
                 uint32_t *failed) WG_MUST_USE;

/* Undoes the changes added to the journal since it had that size (0: all), newest change first.
 * Commands that fail are ignored, since their change may not have been made. In a journal of
 * another boot or network namespace, commands about kernel state are skipped, because objects of
 * the same name here belong to other interfaces. */
void tl_steps_undo(struct tl_journal *journal, size_t size);

#endif
