/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * uapi.h - what those who configure a running device say on the control socket, and how it is done.
 * Threads: the engine's. */
#ifndef DAEMON_UAPI_H
#define DAEMON_UAPI_H

#include "conf/device.h"
#include "daemon/clients.h"
#include "daemon/device.h"

/* The ctx of its clients is a struct tl_device. */
extern const struct tl_clients_protocol tl_uapi_protocol;

/* Applies a change, whole or not at all. Returns 0; -EADDRINUSE, -EACCES or what else keeps a port
 * from being bound; -EPERM: no mark may be set; -ENODEV: the zone of an endpoint is no interface
 * here; -ENOMEM. */
int tl_apply(struct tl_device *device, struct tl_conf_device *change) WG_MUST_USE;

#endif
