/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * ownlan.h - where a machine is connected to a LAN of its own site, and through which router.
 * Threads: pure functions of their arguments. */
#ifndef NET_OWNLAN_H
#define NET_OWNLAN_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/prefix.h"
#include "net/local.h"
#include "net/model.h"

/* The prefix of a network of this machine, masked. */
struct wg_prefix tl_ownlan_prefix(const struct tl_local_net *net) WG_MUST_USE;

/* Whether a link leads to the machine's default gateway. */
bool tl_ownlan_is_uplink(const struct tl_local *local, const char *link) WG_MUST_USE;

/* The link that is in a LAN of the machine's own site: the one with the node's address, else the
 * uplink, else the first. NULL: none is. Borrowed from the facts. */
const char *tl_ownlan_link(const struct tl_model *model, const struct tl_lan *lan,
                           const struct tl_local *local) WG_MUST_USE;

/* The router of a LAN: as the file says, else where the machine's best default route through that
 * link leads. Family NONE: not known. `link` may be NULL: none is in the LAN. `local` may be NULL,
 * too. */
struct wg_ip tl_ownlan_router(const struct tl_lan *lan, const char *link,
                              const struct tl_local *local) WG_MUST_USE;

#endif
