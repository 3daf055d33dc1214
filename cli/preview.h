/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * preview.h - what applying the file of a network would do on this machine: changes of its state,
 * reachability gained and lost, live connections that are cut.
 * Threads: the process has only one. */
#ifndef CLI_PREVIEW_H
#define CLI_PREVIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "cli/json.h"
#include "net/reach.h"
#include "node/diff.h"
#include "node/flows.h"
#include "node/machine.h"
#include "node/pending.h"

/* Zeroed memory is an empty one. */
struct tl_preview {
        struct tl_machine machine;
        struct tl_diff diff;
        bool has_good; /* a file was applied before; reach compares with it */
        struct tl_reach_list reach;
        struct tl_live_flows flows;
        int flows_error; /* 0; or why they cannot be read, as -errno */
        struct tl_pending pending;
};

/* Reads file, lock and key, and finds this machine's entry. Prints nothing but what makes that
 * impossible; findings are in preview->machine. Returns 0, or an exit status. The caller calls
 * tl_preview_done() either way. */
int tl_preview_open(struct tl_preview *preview, const char *network) WG_MUST_USE;

/* Makes the plan, and compares it with what is running. Prints and returns the same. */
int tl_preview_make(struct tl_preview *preview) WG_MUST_USE;

/* Asks the LANs of this machine what a preview that is made cannot know (node/lanprobe.h). Prints
 * and returns the same. */
int tl_preview_probe(struct tl_preview *preview) WG_MUST_USE;

/* Whether applying changes anything on this machine. */
bool tl_preview_is_pending(const struct tl_preview *preview) WG_MUST_USE;

/* Prints the findings of file and lock on standard error. */
void tl_preview_print_findings(struct tl_preview *preview);

/* Prints the preview as text. */
void tl_preview_print(struct tl_preview *preview);

/* The findings of file and lock, as an array. NULL: no memory. */
json_t *tl_preview_findings_json(struct tl_preview *preview) WG_MUST_USE;

/* An object with all of it, including findings. NULL: no memory. */
json_t *tl_preview_json(struct tl_preview *preview) WG_MUST_USE;

/* Wipes and frees everything. Accepts zeroed memory. */
void tl_preview_done(struct tl_preview *preview);

#endif
