/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * netns.h - for tests that need a network of their own: the test process moves into a fresh network
 * namespace, so nothing it does there is seen outside. Include it after cmocka.h. */
#ifndef TEST_LIB_NETNS_H
#define TEST_LIB_NETNS_H

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Runs a command line that must succeed. */
static inline void run(const char *command)
{
        if (system(command) != 0)
                fail_msg("failed: %s", command);
}

/* Enters a new network namespace, in which only `lo` exists and is up. Skips the running test, and
 * says so, where that is not allowed. */
static inline void enter_netns(void)
{
        if (unshare(CLONE_NEWNET) < 0) {
                fprintf(stderr, "SKIPPED: needs root to make a network namespace\n");
                skip();
        }
        run("ip link set lo up");
}

#endif
