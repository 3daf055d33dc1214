/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * filter_iptables.h - reads what iptables-save(8) and ip6tables-save(8) print.
 * Source: iptables-extensions(8). Threads: one owner at a time. */
#ifndef HOST_FILTER_IPTABLES_H
#define HOST_FILTER_IPTABLES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "host/filter.h"

/* Adds the chains of all tables but nat, as those of a family (WG_FAMILY_*). `program` is the
 * command that changes them, such as "iptables-legacy". A table replaces one of the same name that
 * nft(8) shows: iptables-nft keeps its tables there, and only iptables can read its extensions.
 * Returns false if memory runs out. Lines that cannot be read count as rules that may do
 * anything. */
bool tl_filter_read_iptables(struct tl_filter *filter, const char *text, uint8_t family,
                             const char *program) WG_MUST_USE;

#endif
