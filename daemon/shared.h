/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * shared.h - the objects that the engine's thread and the workers share. */
#ifndef DAEMON_SHARED_H
#define DAEMON_SHARED_H

#include "core/engine.h"
#include "daemon/handover.h"
#include "daemon/jobs.h"
#include "daemon/offloads.h"
#include "daemon/reclaim.h"
#include "daemon/sockets.h"
#include "daemon/tally.h"
#include "io/log.h"
#include "io/loop.h"
#include "io/tun.h"

struct tl_shared {
        /* Constant while workers run. */
        struct tl_log *log;
        struct tl_tun tun;

        /* Any thread. */
        struct wg_engine engine;
        struct tl_sockets sockets;
        struct tl_reclaim reclaim;
        struct tl_handover handover;
        struct tl_jobs jobs;    /* of handshakes; idle workers help */
        struct tl_wake wake;    /* of the engine's loop */
        atomic_bool is_deleted; /* a worker found the TUN gone */
        struct tl_tally tally;
        struct tl_offloads offloads;
};

#endif
