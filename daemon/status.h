/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * status.h - tells whoever asks on the status socket how a running device is doing.
 *
 * All that is told is kept anyway, or kept as things happen: an answer takes the same few microseconds
 * whether there is one peer or a million, and while nobody asks nothing is done.
 * Threads: the engine's. */
#ifndef DAEMON_STATUS_H
#define DAEMON_STATUS_H

#include "io/server.h"

/* The ctx of its clients is a struct tl_device. */
extern const struct tl_server_protocol tl_status_protocol;

#endif
