/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * checksum.h - the Internet checksum as partial sums, and the copy that sums as it goes.
 *
 * A partial sum is a ones' complement sum of 16-bit words in the machine's byte order (which changes
 * only the order of the bytes of the result, RFC 1071 section 2), kept in 64 bits so that carries need
 * not be brought round at once. Partial sums begin at 0 and are added with +; what a function here
 * returns is below 2^33, so 2^30 of them can be added.
 *
 * Threads: pure functions of their arguments.
 * Source: RFC 1071; RFC 768, RFC 8200 8.1, RFC 9293 3.1 (pseudo headers). */
#ifndef IO_CHECKSUM_H
#define IO_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"
#include "base/bytes.h"

/* Adds len bytes, below 2^32, to a sum. An odd length counts as if a zero byte followed, so only the
 * last piece of what is summed may be odd. */
uint64_t tl_checksum_add(uint64_t sum, const uint8_t *data, size_t len);

/* The same, and copies the bytes in the same pass; the two places do not overlap. */
uint64_t tl_checksum_copy(uint64_t sum, uint8_t *to, const uint8_t *from, size_t len);

/* The pseudo header of TCP or UDP over WG_FAMILY_IPV4 or _IPV6, whose addresses are where the packet
 * has them; len is that of the transport header and what follows it. */
uint64_t tl_checksum_pseudo(uint8_t family, const uint8_t *source, const uint8_t *destination,
                            uint8_t protocol, uint32_t len);

/* Folds a sum into the 16 bits of a checksum field: its complement, in such an order that
 * tl_checksum_store() (or memcpy()) puts it there. 0 over a whole that has its checksum in it and is
 * right. */
static inline uint16_t tl_checksum_fold(uint64_t sum)
{
        sum = (sum & UINT32_MAX) + (sum >> 32);
        sum = (sum & UINT32_MAX) + (sum >> 32);
        sum = (sum & UINT16_MAX) + (sum >> 16);
        sum = (sum & UINT16_MAX) + (sum >> 16);
        return (uint16_t)~sum;
}

static inline void tl_checksum_store(uint8_t *at, uint16_t folded)
{
        memcpy(at, &folded, sizeof(folded));
}

/* What a 16-bit field contributes to a sum: as it lies in the packet, and by its value. */
static inline uint64_t tl_checksum_at(const uint8_t *at)
{
        uint16_t word;

        memcpy(&word, at, sizeof(word));
        return word;
}

static inline uint64_t tl_checksum_of(uint16_t value)
{
        uint8_t field[2];

        wg_be16_store(field, value);
        return tl_checksum_at(field);
}

/* One way to do it. All that this processor can run are there for tests: `nth` is counted from 0, NULL
 * comes after the last; the functions above take the last. */
struct tl_checksum_backend {
        const char *name;
        uint64_t (*add)(uint64_t sum, const uint8_t *data, size_t len);
        uint64_t (*copy)(uint64_t sum, uint8_t *to, const uint8_t *from, size_t len);
};

const struct tl_checksum_backend *tl_checksum_nth(size_t nth);

#endif
