/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * explain.h - `tieline explain'.
 * Threads: the process has only one. */
#ifndef CLI_EXPLAIN_H
#define CLI_EXPLAIN_H

#include <stddef.h>

#include "base/attr.h"
#include "cli/command.h"

/* The parts of a question: "acme b -> d:443" in one word or several. */
struct tl_question {
        char network[256]; /* "": left out */
        char flow[256];    /* "b -> d:443" */
};

/* Puts the words of the command line in order. The arrow may be "->", "-", "to", or left out.
 * Returns NULL, or what is wrong. */
const char *tl_question_read(struct tl_question *question, char *const *words,
                             int count) WG_MUST_USE;

int tl_cli_explain(const struct tl_call *call);

#endif
