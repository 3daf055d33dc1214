/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * checksum.h - the checksums of base/checksum.h over whole payloads, with the widest registers of
 * this processor, and a copy that also computes the sum.
 * Threads: pure functions of their arguments. */
#ifndef IO_CHECKSUM_H
#define IO_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* Like wg_checksum_add(). */
uint64_t tl_checksum_add(uint64_t sum, const uint8_t *data, size_t len);

/* The same, but also copies the bytes in the same pass; `to` and `from` must not overlap. */
uint64_t tl_checksum_copy(uint64_t sum, uint8_t *to, const uint8_t *from, size_t len);

/* An implementation. Tests try all that this processor can run: `nth` counts from 0, and NULL
 * follows the last one, which the functions above use. */
struct tl_checksum_backend {
        const char *name;
        uint64_t (*add)(uint64_t sum, const uint8_t *data, size_t len);
        uint64_t (*copy)(uint64_t sum, uint8_t *to, const uint8_t *from, size_t len);
};

const struct tl_checksum_backend *tl_checksum_nth(size_t nth);

#endif
