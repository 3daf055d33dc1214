/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * names.h - endpoints with names: of hosts, or of links, as zones of link-local addresses.
 *
 * A name that does not resolve affects only its own peer, which gets no endpoint.
 * Threads: one caller. Another thread asks the name servers, so that a silent one does not block
 * the caller. */
#ifndef CLIENT_NAMES_H
#define CLIENT_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "conf/change.h"

/* A name without an address, and its peer. */
struct tl_name {
        uint8_t public_key[TL_CONF_KEY_LEN];
        char *host; /* for getaddrinfo(3); owned */
        uint16_t port;
        const char *reason; /* why there is no address: a static text; NULL: unknown */
};

struct tl_names {
        struct tl_name *items;
        uint32_t count, capacity;
};

/* How long to look for addresses. Zeroed memory: one lookup per name, without a time limit. */
struct tl_names_patience {
        int retries;                  /* for each name, if name servers do not answer */
        unsigned int timeout_ms;      /* for all names; 0: none */
        bool (*is_interrupted)(void); /* gives up early; NULL: never */
};

/* Looks up all endpoint names of a change, and writes their addresses into it. If a name does not
 * resolve, the peer loses its endpoint in the change, and the name is appended to *names. Returns
 * false if there is no memory. The caller releases *names in any case. */
bool tl_names_find(struct tl_change *change, const struct tl_names_patience *patience,
                   struct tl_names *names) WG_MUST_USE;

/* Appends a copy. Returns false, and changes nothing, if there is no memory. */
bool tl_names_add(struct tl_names *names, const uint8_t public_key[TL_CONF_KEY_LEN],
                  const char *host, uint16_t port) WG_MUST_USE;

/* Removes one, and moves the last to its place. */
void tl_names_remove(struct tl_names *names, uint32_t i);

/* Frees all names. Accepts zeroed memory. */
void tl_names_done(struct tl_names *names);

#endif
