/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * stamp.h - keeps the latest timestamp of an initiation for the next daemon of the interface.
 *
 * Peers refuse an initiation whose timestamp is not later than the last. If the clock is set
 * back between two daemons, the second one must therefore know how far the first one got
 * (stampfile.h).
 * Threads: the engine's. */
#ifndef DAEMON_STAMP_H
#define DAEMON_STAMP_H

#include "core/engine.h"
#include "daemon/helper.h"
#include "io/log.h"

struct tl_stamp {
        /* Constant, set by the owner. */
        struct tl_log *log;
        struct tl_helper *helper;
        struct wg_engine *engine;
        const char *name; /* of the interface, for the log */

        uint64_t kept_ns; /* the latest timestamp that the file allows for */
        int keep_error;   /* why the last time could not be kept; 0: it was */
};

/* Tells the engine the latest timestamp of the previous daemon. Call it before there are peers. */
void tl_stamp_recall(struct tl_stamp *stamp);

/* Call this before initiations go out. Keeps a time one second past the latest timestamp, so that
 * handshakes with many peers write the file once a second. */
void tl_stamp_keep(struct tl_stamp *stamp);

#endif
