/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * filter_nft.h - reads what `nft -j list ruleset` prints.
 * Source: libnftables-json(5). Threads: one owner at a time. */
#ifndef HOST_FILTER_NFT_H
#define HOST_FILTER_NFT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "host/filter.h"

/* Adds the chains of the families ip, ip6 and inet, except those of table `except` in family inet
 * (NULL: none). Returns whether the text is such a list; if memory runs out, it is not. */
bool tl_filter_read_nft(struct tl_filter *filter, const char *text, size_t len,
                        const char *except) WG_MUST_USE;

#endif
