/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * topology_addresses.h - chooses addresses that the file leaves open, so that they conflict with
 * nothing in it.
 *
 * Only for lab/topology_*.c. Without a free address, a finding says so, and the result is NONE.
 * Threads: one owner at a time. */
#ifndef LAB_TOPOLOGY_ADDRESSES_H
#define LAB_TOPOLOGY_ADDRESSES_H

#include <stdint.h>

#include "base/attr.h"
#include "base/prefix.h"
#include "lab/topology_builder.h"
#include "net/model.h"

/* Prepares the ranges from which is chosen: ranges that nobody announces on the real Internet.
 * Source: RFC 2544, RFC 5180 (benchmarks), RFC 6598 (between providers and customers), RFC 1918. */
void tl_addresses_init(struct tl_builder *b);

/* Notes that a prefix is in use. */
void tl_addresses_take(struct tl_builder *b, struct wg_prefix prefix);

/* Takes the next free prefix of a range. */
struct wg_prefix tl_addresses_choose(struct tl_builder *b, struct tl_range *range) WG_MUST_USE;

/* A free address of a LAN. The caller takes it by giving it to a machine or seat. */
struct wg_ip tl_addresses_choose_in_lan(struct tl_builder *b, const struct tl_lan *lan) WG_MUST_USE;

/* The address that is n times 2^(bits - cidr) after the first one of a prefix. */
struct wg_ip tl_addresses_get_nth(const struct wg_prefix *prefix, uint8_t cidr,
                                  uint64_t n) WG_MUST_USE;

/* The prefix of one address. */
struct wg_prefix tl_addresses_get_alone(struct wg_ip ip) WG_MUST_USE;

#endif
