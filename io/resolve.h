/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * resolve.h - resolves host names.
 * Threads: any; waits for name servers, so never call it on the packet path. */
#ifndef IO_RESOLVE_H
#define IO_RESOLVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/endpoint.h"

/* Resolves a name and writes its first address and scope to *endpoint. If name servers are
 * temporarily unavailable, tries again that many times, with pauses that grow from 1 to 20 s.
 * Returns NULL, or a static text that says why there is no address. */
const char *tl_resolve(const char *host, int retries, struct wg_endpoint *endpoint) WG_MUST_USE;

/* Finds the UDP port of a service by its name, in /etc/services or another source that the system
 * uses. Returns false if there is none. */
bool tl_resolve_service(const char *name, uint16_t *port) WG_MUST_USE;

#endif
