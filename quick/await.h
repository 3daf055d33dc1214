/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * await.h - the background task that retries endpoint names which did not resolve.
 *
 * The task is this program, executed anew, so it holds only public keys. It listens on an abstract
 * socket in the interface's network namespace, and ends when root connects to it. It also ends
 * after its last name, when the peers of all names are gone or have an endpoint, and with the
 * daemon. Only a peer that still has no endpoint gets one. Its messages go to syslog.
 * Threads: tl_await_run() makes one; the others are called by the only one of the process. */
#ifndef QUICK_AWAIT_H
#define QUICK_AWAIT_H

#include <stdbool.h>

#include "base/attr.h"
#include "quick/names.h"

/* Starts the task for these names, after ending one that already runs. Returns 0 or -errno. */
int tl_await_start(const char *ifname, const struct tl_names *names) WG_MUST_USE;

/* Ends the task of that interface, if there is one, and waits until it is gone. */
void tl_await_stop(const char *ifname);

/* Runs the task, with the descriptors that tl_await_start() left it. Returns the exit status. */
int tl_await_run(const char *ifname);

#endif
