/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * base64.h - keys in base64. Time and memory accesses do not depend on the key.
 * Source: RFC 4648 section 4.
 * Threads: pure functions of their arguments. */
#ifndef CONF_BASE64_H
#define CONF_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/* The length of size bytes in base64, with padding. */
#define TL_BASE64_LEN(size) (((size) + 2) / 3 * 4)

/* Reads exactly size bytes from TL_BASE64_LEN(size) digits, with padding. Returns false, and writes
 * nothing, if the text has another length, a wrong digit or wrong padding, or if its last digit has
 * bits that belong to no byte. It reads all of it in any case. */
bool tl_base64_decode(uint8_t *out, size_t size, const char *text, size_t len) WG_MUST_USE;

/* Writes TL_BASE64_LEN(size) digits, not terminated. */
void tl_base64_encode(char *out, const uint8_t *bytes, size_t size);

#endif
