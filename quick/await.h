/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * await.h - the background task that retries endpoint names which did not resolve.
 *
 * The task executes this program again, so it has no private key in its memory. It listens on an
 * abstract socket in the interface's network namespace, and ends when root connects to it, when no
 * name is left whose peer still exists without an endpoint, or when the daemon ends. It sets an
 * endpoint only if the peer has none. Messages go to syslog.
 * Threads: tl_await_run() starts one. The other functions belong to the only thread of the
 * process. */
#ifndef QUICK_AWAIT_H
#define QUICK_AWAIT_H

#include <stdbool.h>

#include "base/attr.h"
#include "client/names.h"

/* Ends a task that is running, and starts one for these names. Returns 0 or -errno. */
int tl_await_start(const char *ifname, const struct tl_names *names) WG_MUST_USE;

/* Ends the interface's task, if there is one, and waits up to 5 s until it has ended. */
void tl_await_stop(const char *ifname);

/* Runs the task, on the descriptors that tl_await_start() passes to it. Returns the exit status. */
int tl_await_run(const char *ifname);

#endif
