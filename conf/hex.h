/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * hex.h - keys in hexadecimal. Time and memory accesses do not depend on the key.
 * Threads: pure functions of their arguments. */
#ifndef CONF_HEX_H
#define CONF_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/* Reads exactly size bytes from 2 * size digits of either case. Returns false, and writes nothing,
 * if the text has another length or a character that is not a digit. It reads all of it in any
 * case. */
bool tl_hex_decode(uint8_t *out, size_t size, const char *text, size_t len) WG_MUST_USE;

/* Writes 2 * size lower-case digits, not terminated. */
void tl_hex_encode(char *out, const uint8_t *bytes, size_t size);

#endif
