/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * link.h - configures the interface of a running tielined over its configuration socket, and finds
 * out whether and where the daemon runs.
 *
 * Keys are sent this way only, never on command lines or in files. If the daemon neither reads nor
 * answers for TL_LINK_TIMEOUT_S seconds, a call fails with -ETIMEDOUT.
 * Threads: any. */
#ifndef CLIENT_LINK_H
#define CLIENT_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "conf/change.h"

enum { TL_LINK_TIMEOUT_S = 10 };

/* Whether a daemon listens for that interface. */
bool tl_link_is_served(const char *ifname) WG_MUST_USE;

/* Whether a daemon listens and does not end within that time: one that was just killed still
 * accepts connections. */
bool tl_link_stays_served(const char *ifname, unsigned int timeout_ms) WG_MUST_USE;

/* Whether the daemon runs in another network namespace. False if that cannot be found out. */
bool tl_link_is_elsewhere(const char *ifname) WG_MUST_USE;

/* Whether the daemon is tielined or its helper, by the name of its process. False if that cannot be
 * found out. */
bool tl_link_is_of_tielined(const char *ifname) WG_MUST_USE;

/* The mark of outer packets; 0: none, or no answer within a second. */
uint32_t tl_link_find_mark(const char *ifname) WG_MUST_USE;

/* Ends the daemon by removing its socket, and thereby the link, whatever the link's name and
 * namespace are now. Waits until the daemon has ended. Returns 0; -ETIMEDOUT; or another -errno. */
int tl_link_end(const char *ifname, unsigned int timeout_ms) WG_MUST_USE;

/* Makes an idle connection to the daemon, which ends with the daemon. Returns a descriptor, the
 * caller's to close, or -errno. */
int tl_link_connect(const char *ifname) WG_MUST_USE;

/* Calls see() for each peer of the interface. Reads the daemon's reply in pieces, and does not keep
 * the secrets in it. Returns 0 or -errno. */
int tl_link_each_peer(const char *ifname,
                      void (*see)(void *ctx, const uint8_t public_key[TL_CONF_KEY_LEN],
                                  bool has_endpoint),
                      void *ctx) WG_MUST_USE;

/* Applies a change. Returns 0 or -errno, from the daemon or the connection. */
int tl_link_set(const char *ifname, const struct tl_change *change) WG_MUST_USE;

/* Sets the mark of outer packets. Returns the same. */
int tl_link_set_mark(const char *ifname, uint32_t mark) WG_MUST_USE;

/* Reads the configuration into a change that was initialised and is empty. Returns the same. */
int tl_link_get(const char *ifname, struct tl_change *configuration) WG_MUST_USE;

#endif
