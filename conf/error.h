/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * error.h - what is wrong with a text, and where.
 * Threads: plain values. */
#ifndef CONF_ERROR_H
#define CONF_ERROR_H

#include <stdint.h>

/* A mistake in a text. The message is a constant of this program and never holds a byte of
 * the input: whatever a user puts where a key should be, or a key where something else should be,
 * it cannot reach a log this way. */
struct tl_conf_error {
        int errnum;          /* positive errno: EINVAL, EPROTO, ENOMEM */
        uint32_t line;       /* from 1 */
        uint32_t column;     /* of the offending token, in bytes, from 1 */
        const char *message; /* one line without a full stop: what is wrong or would be right */
};

#endif
