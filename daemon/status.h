/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * status.h - reports the state of a running device on the status socket.
 *
 * All values are kept anyway, or counted as events occur. So a reply takes a few microseconds
 * whether there is one peer or a million, and without requests there is no cost.
 * Threads: the engine's. */
#ifndef DAEMON_STATUS_H
#define DAEMON_STATUS_H

#include <stddef.h>

struct tl_device;

/* Writes a whole reply. Returns its length, at most size. */
size_t tl_status_tell(struct tl_device *device, char *out, size_t size);

#endif
