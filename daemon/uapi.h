/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * uapi.h - serves the control socket: WireGuard's cross-platform interface, which configures a
 * running device.
 * Threads: the engine's. */
#ifndef DAEMON_UAPI_H
#define DAEMON_UAPI_H

#include "io/server.h"

/* The ctx of its clients is a struct tl_device. */
extern const struct tl_server_protocol tl_uapi_protocol;

#endif
