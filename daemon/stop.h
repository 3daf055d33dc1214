/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * stop.h - whether the daemon is ending, and why.
 * Threads: the engine's. */
#ifndef DAEMON_STOP_H
#define DAEMON_STOP_H

#include "io/log.h"

struct tl_stop {
        struct tl_log *log;
        bool is_stopping;
        int error; /* -errno that ends the daemon; 0: an ordinary end */
};

/* Ends the daemon after the current round. The first reason is logged. */
void tl_stop(struct tl_stop *stop, const char *why);

#endif
