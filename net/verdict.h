/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * verdict.h - the outcome of a walk in one sentence, with the line of the file that breaks it and
 * the smallest fix.
 * Threads: pure functions of their arguments. */
#ifndef NET_VERDICT_H
#define NET_VERDICT_H

#include "net/explain.h"
#include "net/words.h"

/* Sets cause, message, fix, place and the closest rules of an explanation. */
void tl_verdict_give(struct tl_explanation *explanation, struct tl_words *words);

#endif
