/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * apply.h - makes this machine what its plan says, or leaves it as it was.
 *
 * Changes are made in the order of node/diff.h. If one fails, or a signal asks us to end, those
 * already made are undone. A run that is killed leaves a state from which the next `apply` or
 * `down` reaches the planned or the original one.
 * Call tl_run_init() (host/run.h) before.
 * Threads: the process has only one. Runs of several processes wait for each other. */
#ifndef NODE_APPLY_H
#define NODE_APPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "host/journal.h"
#include "node/diff.h"
#include "node/machine.h"

/* Compares the plan of a machine (tl_machine_plan) with what is running, and changes nothing; waits
 * while another command does. Returns
 * false after saying why that is impossible. The caller releases *diff either way. */
bool tl_apply_compare(struct tl_machine *machine, struct tl_diff *diff) WG_MUST_USE;

/* Carries the plan out. With `confirm_s`, the changes, if there are any, are undone after that many
 * seconds unless they are confirmed (node/confirm.h); 0: they stay, and the file and its lock
 * become the last good ones. *diff gets the changes that were made; it is empty if there was
 * nothing to do. Prints progress on a terminal. Returns false after saying what failed, what was
 * undone and what to do. The caller releases *diff either way. */
bool tl_apply(struct tl_machine *machine, uint32_t confirm_s, struct tl_diff *diff) WG_MUST_USE;

/* The same for a caller that holds the journal, even if changes wait to be confirmed. */
bool tl_apply_held(struct tl_machine *machine, struct tl_journal *journal, uint32_t confirm_s,
                   struct tl_diff *diff) WG_MUST_USE;

#endif
