/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * load.h - reads a network on the administrator's machine: file, lock, model and policy.
 *
 * Values that the lock lacks are derived and added to it; a machine that is a node only reads the
 * lock (node/machine.h).
 * Threads: the process has only one. */
#ifndef CLI_LOAD_H
#define CLI_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "conf/findings.h"
#include "conf/lock.h"
#include "conf/network.h"
#include "io/file.h"
#include "net/model.h"
#include "net/plans.h"
#include "net/policy.h"
#include "node/paths.h"

/* Zeroed memory is an empty one. */
struct tl_load {
        struct tl_paths paths;
        struct tl_file text, lock_text; /* as they are on disk */
        struct tl_network network;
        struct tl_lock lock; /* with all values */
        struct tl_model model;
        struct tl_policy policy;
        struct tl_plans plans;
        struct tl_findings findings;      /* about the file, with all conflicts */
        struct tl_findings lock_findings; /* about the lock */
        uint32_t lock_changes;            /* how many values are not in the lock file as they are */
        bool is_good;                     /* no mistakes: everything above is valid */
};

/* Reads the network that the NETWORK argument names, and finds all mistakes and conflicts, without
 * printing them. Returns 0, even if the file has mistakes; or an exit status after saying why there
 * is nothing to look at. The caller calls tl_load_done() either way. */
int tl_load_read(struct tl_load *load, const char *network) WG_MUST_USE;

/* The same; then prints the findings, writes the lock if values were added to it, and says so. With
 * `is_locked`, fails instead of adding values. Returns 0 only if everything is good. This is for
 * commands that need a network without mistakes. */
int tl_load_open(struct tl_load *load, const char *network, bool is_locked) WG_MUST_USE;

/* Prints the findings of file and lock, and how many there are. */
void tl_load_print_findings(struct tl_load *load);

/* Writes new values to the lock file, and says so on standard error. Does nothing if there are
 * none, or the file has mistakes. With `is_locked`, new values are a failure. Returns false after
 * saying why. */
bool tl_load_write_lock(struct tl_load *load, bool is_locked) WG_MUST_USE;

/* Frees everything. Accepts zeroed memory. */
void tl_load_done(struct tl_load *load);

#endif
