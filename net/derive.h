/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * derive.h - derives what a network file leaves open: addresses, mapped prefixes, virtual addresses
 * and the ULA.
 *
 * A name that the lock has keeps its values, whatever is reordered or added. A fixed address in
 * the file wins over the lock. A removed name's values are retired, and reused only when nothing
 * else is left. Hubs get the lowest addresses, then sites, then devices, each at its first run. No
 * node gets an address in the prefix of a LAN.
 * Threads: pure functions of their arguments. */
#ifndef NET_DERIVE_H
#define NET_DERIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "conf/findings.h"
#include "conf/lock.h"
#include "conf/network.h"

/* The pool of IPv6 tunnel addresses: the file's, or else the first /64 of the lock's ULA. Family
 * NONE: there is none yet. */
struct wg_prefix tl_derive_pool6(const struct tl_network *network,
                                 const struct tl_lock *lock) WG_MUST_USE;

/* Adds missing values to the lock, and retires those of names that are gone. `random` makes the
 * ULA's 40 bits (RFC 4193, 3.2.2) if it has none yet. Sets *changes to the number of values added,
 * retired or changed. Returns false with a finding if a pool is exhausted, or memory is; the lock
 * is then marked as incomplete. */
bool tl_derive(struct tl_lock *lock, const struct tl_network *network, const uint8_t random[5],
               uint32_t *changes, struct tl_findings *findings) WG_MUST_USE;

#endif
