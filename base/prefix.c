/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "base/prefix.h"

/* The number of equal leading bits of two addresses of one family. Bits after an IPv4 address are
 * zero in both. */
static unsigned int common_bits(const struct wg_ip *a, const struct wg_ip *b)
{
        uint64_t a_bits[2], b_bits[2];

        wg_ip_load_bits(a_bits, a->family, a->bytes);
        wg_ip_load_bits(b_bits, b->family, b->bytes);
        return wg_ip_common_bits(a_bits, b_bits);
}

void wg_prefix_mask(struct wg_prefix *prefix)
{
        uint64_t bits[2];

        wg_ip_load_bits(bits, prefix->ip.family, prefix->ip.bytes);
        wg_ip_mask_bits(bits, prefix->cidr);
        wg_ip_store_bits(&prefix->ip, prefix->ip.family, bits);
}

struct wg_ip wg_prefix_last(const struct wg_prefix *prefix)
{
        struct wg_ip last = prefix->ip;

        for (unsigned int bit = prefix->cidr; bit < wg_ip_bits(&last); bit++)
                last.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
        return last;
}

bool wg_prefix_contains(const struct wg_prefix *prefix, const struct wg_ip *ip)
{
        return prefix->ip.family == ip->family && common_bits(&prefix->ip, ip) >= prefix->cidr;
}

bool wg_prefix_covers(const struct wg_prefix *outer, const struct wg_prefix *inner)
{
        return outer->cidr <= inner->cidr && wg_prefix_contains(outer, &inner->ip);
}

bool wg_prefix_overlaps(const struct wg_prefix *a, const struct wg_prefix *b)
{
        return wg_prefix_covers(a, b) || wg_prefix_covers(b, a);
}

uint8_t wg_prefix_common(const struct wg_prefix *a, const struct wg_prefix *b)
{
        unsigned int least = WG_MIN(a->cidr, b->cidr);

        return (uint8_t)WG_MIN(least, common_bits(&a->ip, &b->ip));
}

int wg_prefix_netmask_len(const struct wg_ip *mask)
{
        uint64_t bits[2], ones[2] = {UINT64_MAX, UINT64_MAX};
        unsigned int len;

        wg_ip_load_bits(bits, mask->family, mask->bytes);
        len = wg_ip_common_bits(bits, ones);
        wg_ip_mask_bits(ones, len);
        return memcmp(bits, ones, sizeof(bits)) == 0 ? (int)len : -1;
}
