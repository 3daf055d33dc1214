/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * prefix.h - ranges of IP addresses with a common prefix.
 *
 * Functions ignore the host bits (those after the first `cidr`) of their arguments. Prefixes of
 * different families have no address in common.
 *
 * Threads: pure functions of their arguments. */
#ifndef BASE_PREFIX_H
#define BASE_PREFIX_H

#include "base/bits.h"
#include "base/bytes.h"
#include "base/ip.h"

/* Masked: the host bits are zero. */
struct wg_prefix {
        struct wg_ip ip;
        uint8_t cidr; /* 0..32 or 0..128 */
};

/* ---- addresses as words ---- */

/* An address as two words, first bit highest. IPv4 fills the upper half of the first word; the rest
 * is zero. */
static inline void wg_ip_load_bits(uint64_t bits[2], uint8_t family, const uint8_t *address)
{
        if (family == WG_FAMILY_IPV4) {
                bits[0] = (uint64_t)wg_be32_load(address) << 32;
                bits[1] = 0;
        } else {
                bits[0] = wg_be64_load(address);
                bits[1] = wg_be64_load(address + 8);
        }
}

static inline void wg_ip_store_bits(struct wg_ip *ip, uint8_t family, const uint64_t bits[2])
{
        ip->family = family;
        wg_be64_store(ip->bytes, bits[0]);
        wg_be64_store(ip->bytes + 8, bits[1]);
}

/* The number of equal leading bits, 0 to 128. */
static inline unsigned int wg_ip_common_bits(const uint64_t a[2], const uint64_t b[2])
{
        if (a[0] != b[0])
                return 64 - wg_bits_last64(a[0] ^ b[0]);
        return 128 - wg_bits_last64(a[1] ^ b[1]);
}

/* Zeroes all bits but the first `cidr`. */
static inline void wg_ip_mask_bits(uint64_t bits[2], unsigned int cidr)
{
        bits[0] = wg_bits_keep_first64(bits[0], WG_MIN(cidr, 64));
        bits[1] = wg_bits_keep_first64(bits[1], cidr - WG_MIN(cidr, 64));
}

/* ---- prefixes ---- */

/* Zeroes the host bits. */
void wg_prefix_mask(struct wg_prefix *prefix);

/* The last address of a prefix; the first is prefix->ip once it is masked. */
struct wg_ip wg_prefix_last(const struct wg_prefix *prefix) WG_MUST_USE;

/* Whether an address lies in a prefix. */
bool wg_prefix_contains(const struct wg_prefix *prefix, const struct wg_ip *ip) WG_MUST_USE;

/* Whether all addresses of `inner` lie in `outer`. */
bool wg_prefix_covers(const struct wg_prefix *outer, const struct wg_prefix *inner) WG_MUST_USE;

/* Whether any address lies in both; if so, one of them covers the other. */
bool wg_prefix_overlaps(const struct wg_prefix *a, const struct wg_prefix *b) WG_MUST_USE;

/* The length of the longest prefix that covers both, which are of one family. */
uint8_t wg_prefix_common(const struct wg_prefix *a, const struct wg_prefix *b) WG_MUST_USE;

/* The prefix length of a netmask; -1 if it has set bits after clear ones. */
int wg_prefix_netmask_len(const struct wg_ip *mask) WG_MUST_USE;

#endif
