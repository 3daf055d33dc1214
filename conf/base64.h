/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * base64.h - keys in base64, the time and memory accesses of which tell nothing of the key.
 * Source: RFC 4648 section 4.
 * Threads: pure functions of their arguments. */
#ifndef CONF_BASE64_H
#define CONF_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/* The digits, padding included, that size bytes take. */
#define TL_BASE64_LEN(size) (((size) + 2) / 3 * 4)

/* Reads exactly size bytes from TL_BASE64_LEN(size) digits, the padding among them. Returns false,
 * and writes nothing, where text is of another length, has a wrong digit or padding, or has bits in
 * its last digit that belong to no byte; it tells so only at the end. */
bool tl_base64_decode(uint8_t *out, size_t size, const char *text, size_t len) WG_MUST_USE;

/* Writes TL_BASE64_LEN(size) digits, not terminated. */
void tl_base64_encode(char *out, const uint8_t *bytes, size_t size);

#endif
