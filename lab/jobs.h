/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * jobs.h - runs functions in the machines of a lab, many at once, and waits for them.
 *
 * SIGINT, SIGTERM and SIGHUP end what runs and are remembered, so that the caller can remove the
 * lab. They are blocked otherwise, as is SIGCHLD.
 * Threads: the process has only one; all its children belong to this module. */
#ifndef LAB_JOBS_H
#define LAB_JOBS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "lab/space.h"

/* How many jobs run at a time: those that compute, and those that mostly wait. */
enum { TL_JOBS_BUSY = 8, TL_JOBS_WAITING = 128 };

/* The children of this process. */
struct tl_jobs {
        sigset_t waited;  /* the signals that we wait for */
        sigset_t before;  /* the mask to restore */
        int interrupted;  /* the signal that asked us to end; 0: none */
        pid_t guard;      /* the process whose end is the end of the lab; 0: none yet */
        bool is_lab_gone; /* it ended */
};

/* A function to run in a machine. */
struct tl_job {
        const struct tl_holder *holder;
        enum tl_space_part part;
        int (*work)(void *ctx); /* in a child; returns the exit status */
        void *ctx;

        pid_t pid;  /* 0: not started, or over */
        int status; /* exit status; 128 + number of the signal that killed it; -1: did not run */
        int output; /* a file with its standard output and error, for tl_job_text(); -1: none */
        bool is_over;
};

/* Blocks the signals. Call tl_run_init() before. */
void tl_jobs_init(struct tl_jobs *jobs);

/* Restores the mask of signals. */
void tl_jobs_done(struct tl_jobs *jobs);

/* Runs all jobs, at most `at_once` at a time, and waits until they are over. Returns whether
 * all of them ran and returned 0. Ends them early if we are asked to end, or the lab is gone. */
bool tl_jobs_run(struct tl_jobs *jobs, struct tl_job *items, uint32_t count,
                 uint32_t at_once) WG_MUST_USE;

/* Starts one job without waiting for it; its output goes where ours goes. Returns 0 or -errno. */
int tl_jobs_start(struct tl_jobs *jobs, struct tl_job *job) WG_MUST_USE;

/* Waits up to timeout_ms for the end of a job that was started (UINT32_MAX: without limit). Returns
 * whether it is over. Returns early if we are asked to end, or the lab is gone. */
bool tl_jobs_wait(struct tl_jobs *jobs, struct tl_job *job, uint32_t timeout_ms) WG_MUST_USE;

/* Sleeps that long, or until we are asked to end, or the lab is gone. */
void tl_jobs_sleep(struct tl_jobs *jobs, uint32_t ms);

/* Whether we are asked to end, or the lab is gone. */
bool tl_jobs_must_end(const struct tl_jobs *jobs) WG_MUST_USE;

/* In a child of this process: makes signals work as in any other program. */
void tl_jobs_forget(const struct tl_jobs *jobs);

/* What a job printed, terminated, without white space at its end; NULL: nothing, or no memory. The
 * caller frees it. */
char *tl_job_text(const struct tl_job *job) WG_MUST_USE;

/* Kills a job that still runs, and closes its output. Accepts one that was never started. */
void tl_job_done(struct tl_jobs *jobs, struct tl_job *job);

#endif
