/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * filters.h - reads the packet filters that this network namespace has now: those of nft(8), of
 * iptables-nft and of iptables-legacy, in both families.
 *
 * Nothing changes: iptables-legacy is only asked about tables that exist, since it would create
 * others.
 * Threads: the process has only one. */
#ifndef HOST_FILTERS_H
#define HOST_FILTERS_H

#include <stdbool.h>

#include "base/attr.h"
#include "host/filter.h"

/* Reads everything into an empty filter, except for a table of family inet (NULL: none). Returns
 * NULL, or why something could not be read; the filter has the rest. The caller releases *filter
 * either way. */
const char *tl_filters_read(struct tl_filter *filter, const char *except) WG_MUST_USE;

#endif
