/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * control.h - serves the status socket: requests for the status, and the operations of the control
 * protocol.
 * Threads: the engine's. */
#ifndef DAEMON_CONTROL_H
#define DAEMON_CONTROL_H

#include "io/server.h"

/* The ctx of its server is a struct tl_device. */
extern const struct tl_server_protocol tl_control_protocol;

#endif
