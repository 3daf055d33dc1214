/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * netns.h - for tests that need a network of their own: the test process enters a new network
 * namespace, so nothing it does there is visible outside. Include it after cmocka.h. */
#ifndef TEST_LIB_NETNS_H
#define TEST_LIB_NETNS_H

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Runs a shell command, which must succeed. */
static inline void run(const char *command)
{
        if (system(command) != 0)
                fail_msg("failed: %s", command);
}

/* Enters a new network namespace, in which only `lo` exists and is up. Skips the running test, with
 * a message, if that is not permitted. */
static inline void enter_netns(void)
{
        if (unshare(CLONE_NEWNET) < 0) {
                fprintf(stderr, "SKIPPED: needs root to make a network namespace\n");
                skip();
        }
        run("ip link set lo up");
}

#endif
