/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * status.h - reports the state of a running device on the status socket.
 *
 * All values are kept anyway, or counted as things happen. So a reply takes the same few
 * microseconds for one peer and for a million, and costs nothing while nobody asks.
 * Threads: the engine's. */
#ifndef DAEMON_STATUS_H
#define DAEMON_STATUS_H

#include "io/server.h"

/* The ctx of its server is a struct tl_device. */
extern const struct tl_server_protocol tl_status_protocol;

#endif
