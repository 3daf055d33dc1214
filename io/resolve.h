/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * resolve.h - the address of a host name.
 * Threads: any; waits for name servers, so never in a packet's way. */
#ifndef IO_RESOLVE_H
#define IO_RESOLVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/endpoint.h"

/* Looks a name up and writes its first address, with its scope, into *endpoint. Where name servers
 * cannot be asked for the moment it tries again that many times, waiting longer each time, from 1 to
 * 20 s. Returns NULL, or why there is no address, as a text that lives on. */
const char *tl_resolve(const char *host, int retries, struct wg_endpoint *endpoint) WG_MUST_USE;

/* Finds the UDP port of a service by its name, in /etc/services or another source that the system
 * uses. Returns false if there is none. */
bool tl_resolve_service(const char *name, uint16_t *port) WG_MUST_USE;

#endif
