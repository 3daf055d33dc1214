/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * uapi.h - serves the control socket: WireGuard's cross-platform interface, which configures a
 * running device.
 * Threads: the engine's. */
#ifndef DAEMON_UAPI_H
#define DAEMON_UAPI_H

#include "daemon/apply.h"
#include "io/log.h"
#include "io/server.h"

/* The parts of a device that clients see and change. */
struct tl_uapi {
        struct tl_log *log;
        const struct wg_engine *engine;
        const struct tl_sockets *sockets;
        const struct tl_peers *peers;
        struct tl_apply_queue *changes;
};

/* The ctx of its server is a struct tl_uapi. */
extern const struct tl_server_protocol tl_uapi_protocol;

#endif
