/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * checksum.h - base/checksum.h over whole payloads, with the widest registers of this processor, and
 * the copy that sums as it goes.
 * Threads: pure functions of their arguments. */
#ifndef IO_CHECKSUM_H
#define IO_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* As wg_checksum_add(). */
uint64_t tl_checksum_add(uint64_t sum, const uint8_t *data, size_t len);

/* The same, and copies the bytes in the same pass; the two places do not overlap. */
uint64_t tl_checksum_copy(uint64_t sum, uint8_t *to, const uint8_t *from, size_t len);

/* One way to do it. All that this processor can run are there for tests: `nth` is counted from 0, NULL
 * comes after the last; the functions above take the last. */
struct tl_checksum_backend {
        const char *name;
        uint64_t (*add)(uint64_t sum, const uint8_t *data, size_t len);
        uint64_t (*copy)(uint64_t sum, uint8_t *to, const uint8_t *from, size_t len);
};

const struct tl_checksum_backend *tl_checksum_nth(size_t nth);

#endif
