/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * names.h - endpoints given by name: of a host, or of a link in the zone of a link-local address.
 *
 * A name that does not resolve must not keep the other peers down. Its peer has no endpoint for
 * now, and await.h retries the name.
 * Threads: one caller. Another thread asks the name servers, so that a silent one does not block
 * the caller. */
#ifndef QUICK_NAMES_H
#define QUICK_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "conf/change.h"

/* A name without an address, and the peer whose endpoint it is. */
struct tl_name {
        uint8_t public_key[TL_CONF_KEY_LEN];
        char *host; /* what getaddrinfo(3) takes; owned */
        uint16_t port;
};

struct tl_names {
        struct tl_name *items;
        uint32_t count, capacity;
};

/* Looks up all endpoint names of a change, and writes their addresses into it. A peer whose name
 * does not resolve within some seconds loses its endpoint; a warning goes to standard error, and
 * the name is appended to *names. Each name is looked up once; if WG_ENDPOINT_RESOLUTION_RETRIES in
 * the environment is a number, lookups are retried that often, however long it takes. Returns false
 * if there is no memory. The caller releases *names in any case. */
bool tl_names_find(struct tl_change *change, const char *path, struct tl_names *names) WG_MUST_USE;

/* Appends a copy. Returns false, and changes nothing, if there is no memory. */
bool tl_names_add(struct tl_names *names, const uint8_t public_key[TL_CONF_KEY_LEN],
                  const char *host, uint16_t port) WG_MUST_USE;

/* Removes one; the last takes its place. */
void tl_names_remove(struct tl_names *names, uint32_t i);

/* Releases. Takes one that is all zeros. */
void tl_names_done(struct tl_names *names);

#endif
