/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * checksum.h - the Internet checksum as partial sums.
 *
 * A partial sum is a ones' complement sum of 16-bit words in the machine's byte order (which only
 * swaps the bytes of the result, RFC 1071 section 2). It has 64 bits, so that carries can be added
 * at the end. Partial sums start at 0 and are added with +. Functions return sums below 2^33, so
 * 2^30 of those can be added.
 *
 * Threads: pure functions of their arguments.
 * Source: RFC 1071, RFC 1624; RFC 768, RFC 8200 8.1, RFC 9293 3.1 (pseudo headers). */
#ifndef BASE_CHECKSUM_H
#define BASE_CHECKSUM_H

#include "base/bytes.h"
#include "base/ip.h"

/* Adds len bytes, below 2^32, to a sum. An odd length counts as if a zero byte followed, so only
 * the last piece of a sum may be odd. */
uint64_t wg_checksum_add(uint64_t sum, const uint8_t *data, size_t len);

/* The pseudo header of a transport over WG_FAMILY_IPV4 or _IPV6. The addresses have 4 or 16 bytes;
 * len is that of the transport header and its payload. */
uint64_t wg_checksum_pseudo(uint8_t family, const uint8_t *source, const uint8_t *destination,
                            uint8_t protocol, uint32_t len);

/* wg_checksum_pseudo() of a packet whose IP header is complete. */
static inline uint64_t wg_checksum_pseudo_of(const uint8_t *packet, uint8_t family,
                                             uint8_t protocol, uint32_t len)
{
        if (family == WG_FAMILY_IPV4)
                return wg_checksum_pseudo(family, packet + WG_IPV4_AT_SOURCE,
                                          packet + WG_IPV4_AT_DESTINATION, protocol, len);
        return wg_checksum_pseudo(family, packet + WG_IPV6_AT_SOURCE,
                                  packet + WG_IPV6_AT_DESTINATION, protocol, len);
}

/* Adds two sums of any size. */
static inline uint64_t wg_checksum_join(uint64_t a, uint64_t b)
{
        uint64_t sum = (a & UINT32_MAX) + (a >> 32) + (b & UINT32_MAX) + (b >> 32);

        return (sum & UINT32_MAX) + (sum >> 32);
}

/* Folds a sum into the value of a checksum field: its complement, in the byte order in which
 * wg_checksum_store() (or memcpy()) stores it. The sum of data with a correct checksum gives 0. */
static inline uint16_t wg_checksum_fold(uint64_t sum)
{
        sum = (sum & UINT32_MAX) + (sum >> 32);
        sum = (sum & UINT32_MAX) + (sum >> 32);
        sum = (sum & UINT16_MAX) + (sum >> 16);
        sum = (sum & UINT16_MAX) + (sum >> 16);
        return (uint16_t)~sum;
}

static inline void wg_checksum_store(uint8_t *at, uint16_t folded)
{
        memcpy(at, &folded, sizeof(folded));
}

/* The summand of a 16-bit field: of one in a packet, and of one with that value. */
static inline uint64_t wg_checksum_at(const uint8_t *at)
{
        uint16_t word;

        memcpy(&word, at, sizeof(word));
        return word;
}

static inline uint64_t wg_checksum_of(uint16_t value)
{
        uint8_t field[2];

        wg_be16_store(field, value);
        return wg_checksum_at(field);
}

/* Corrects a checksum field after a 16-bit field that it covers has changed; both values are those
 * of wg_checksum_at(). Source: RFC 1624, equation 3. */
static inline void wg_checksum_update(uint8_t *at, uint64_t before, uint64_t after)
{
        wg_checksum_store(
                at, wg_checksum_fold((uint16_t)~wg_checksum_at(at) + (uint16_t)~before + after));
}

#endif
