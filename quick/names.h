/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * names.h - the endpoints of a file that are names: of hosts, or of links at a link-local address.
 *
 * A name that has no address at the moment must not keep the other peers down. Its peer goes without an
 * endpoint for now, and await.h has the name asked again.
 * Threads: the only one of the process that calls these; name servers are asked by another, so that
 * one that stays silent does not hold the caller up. */
#ifndef QUICK_NAMES_H
#define QUICK_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "conf/device.h"

/* A name without an address, and whose endpoint it is. */
struct tl_name {
        uint8_t public_key[TL_CONF_KEY_LEN];
        char *host; /* what getaddrinfo(3) takes; owned */
        uint16_t port;
};

struct tl_names {
        struct tl_name *items;
        uint32_t count, capacity;
};

/* Looks up all names among the endpoints of a change, and writes their addresses into it. Peers whose
 * names have none, or of whom no name server has spoken within some seconds, lose their endpoint; they
 * are told on standard error, and appended to *names. Each name is asked for once, or, where the
 * environment has a number in WG_ENDPOINT_RESOLUTION_RETRIES, as often again as that, however long it
 * takes. Returns false without memory. The caller releases *names in any case. */
bool tl_names_find(struct tl_conf_device *change, const char *path,
                   struct tl_names *names) WG_MUST_USE;

/* Appends a copy. Returns false, and changes nothing, without memory. */
bool tl_names_add(struct tl_names *names, const uint8_t public_key[TL_CONF_KEY_LEN],
                  const char *host, uint16_t port) WG_MUST_USE;

/* Removes one; the last takes its place. */
void tl_names_remove(struct tl_names *names, uint32_t i);

/* Releases. Takes one that is all zeros. */
void tl_names_done(struct tl_names *names);

#endif
