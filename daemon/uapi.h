/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * uapi.h - what those who configure a running device say on the control socket, and how it is done.
 * Threads: the engine's. */
#ifndef DAEMON_UAPI_H
#define DAEMON_UAPI_H

#include "io/server.h"

/* The ctx of its clients is a struct tl_device. */
extern const struct tl_server_protocol tl_uapi_protocol;

#endif
