/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * lab.h - shows the network of a file on this machine: builds it, tries everything, disturbs it,
 * lets the user look around, and removes it.
 * Threads: the process has only one. */
#ifndef LAB_LAB_H
#define LAB_LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "conf/findings.h"
#include "lab/nodes.h"

/* What the user wants. */
struct tl_lab_order {
        const char *name;           /* of the lab: usually that of the network */
        const char *file;           /* its path, for messages */
        struct tl_network *network; /* without mistakes; nodes without a key get one in it */
        const struct tl_lock *lock; /* with all values */
        const char *text;           /* of the file */
        size_t len;
        const char *before;       /* a shell command for each node, before apply; NULL: none */
        const char *disturbances; /* names, with commas between them; NULL: none */
        char *const *command;     /* to run when the lab is up, with its arguments; NULL: none */
        bool has_shell;           /* a shell in place of a command */
        bool is_kept;             /* stay until a signal */
        bool is_quiet;            /* no tests: only the command, the shell, or staying */
        bool is_json;             /* results as JSON on standard output, steps on standard error */
};

/* How it ended; see the exit statuses of the command. */
#define TL_LAB_ENDS(X) \
        X(TL_LAB_AS_EXPECTED, 0, as_expected, "everything is as the file and the model say") \
        X(TL_LAB_FAILED, 1, failed, "the lab could not be built, or its command failed") \
        X(TL_LAB_USAGE, 2, usage, "there is no such disturbance") \
        X(TL_LAB_NOT_AS_EXPECTED, 3, not_as_expected, \
          "an expectation is not met, or the model errs") \
        X(TL_LAB_INTERRUPTED, 4, interrupted, "a signal asked us to end") \
        X(TL_LAB_COMMAND_SAYS, 5, command_says, "as the command said")
WG_ENUM_DECLARE(tl_lab_end, TL_LAB_ENDS)

/* Carries out an order. *status is the exit status for TL_LAB_COMMAND_SAYS and TL_LAB_INTERRUPTED.
 * Nothing of the lab is left when it returns. */
enum tl_lab_end tl_lab_run(const struct tl_lab_order *order, int *status) WG_MUST_USE;

/* Runs a command in a machine of a running lab (NULL: the only one that runs). Returns its exit
 * status, or 125 after saying why it could not be run. */
int tl_lab_exec(const char *lab, const char *machine, char *const *command) WG_MUST_USE;

#endif
