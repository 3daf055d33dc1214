/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * facts.h - facts about this machine.
 * Threads: the process has only one. */
#ifndef HOST_FACTS_H
#define HOST_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "conf/change.h"

/* Whether IPv6 is off on an interface, or would be off if the interface were created now. */
bool tl_facts_lacks_ipv6(const char *ifname) WG_MUST_USE;

/* Whether a routing table has no route of either family. */
bool tl_facts_is_table_free(uint32_t table) WG_MUST_USE;

/* The MTU of a link; 0: unknown. */
uint32_t tl_facts_link_mtu(const char *ifname) WG_MUST_USE;

/* The largest MTU of the paths to the peers' endpoints, or of the default routes if no endpoint is
 * known; 0: unknown. Path MTU discovery finds smaller ones. */
uint32_t tl_facts_path_mtu(const struct tl_change *device) WG_MUST_USE;

/* Whether strict reverse-path filtering (rp_filter 1) is on for a link other than this
 * interface. */
bool tl_facts_filters_strictly(const char *ifname) WG_MUST_USE;

#endif
