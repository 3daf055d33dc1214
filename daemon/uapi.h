/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * uapi.h - the clients that configure a running device, and what they want done.
 *
 * Each client has a connection of its own, on which requests follow each other. One that stalls in
 * the middle of a request, or does not read its reply, holds up nobody else: replies are made piece
 * by piece, as fast as they are read.
 * Threads: the engine's. */
#ifndef DAEMON_UAPI_H
#define DAEMON_UAPI_H

#include "conf/device.h"
#include "daemon/device.h"

struct tl_uapi;

/* NULL: no memory. */
struct tl_uapi *tl_uapi_new(struct tl_device *device);

/* Ends all connections. Takes NULL. */
void tl_uapi_free(struct tl_uapi *uapi);

/* Takes in the client that waits at the socket, if one does. Returns 0 or -errno: it waits on. */
int tl_uapi_accept(struct tl_uapi *uapi, const struct tl_unixsock *sock);

/* Applies a change, whole or not at all. Returns 0; -EADDRINUSE, -EACCES or what else keeps a port
 * from being bound; -EPERM: no mark may be set; -ENODEV: the zone of an endpoint is no interface
 * here; -ENOMEM. */
int tl_apply(struct tl_device *device, struct tl_conf_device *change) WG_MUST_USE;

#endif
