/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * error.h - a mistake in a text, and its place.
 * Threads: plain values. */
#ifndef CONF_ERROR_H
#define CONF_ERROR_H

#include <stdint.h>

/* The message is a constant of this program and never contains input. So a key that a user put in
 * the wrong place cannot reach a log. */
struct tl_conf_error {
        int errnum;          /* positive: EINVAL, EPROTO, ENOMEM */
        uint32_t line;       /* from 1 */
        uint32_t column;     /* of the offending token, in bytes, from 1 */
        const char *message; /* one line without a full stop: the mistake, or the expected value */
};

#endif
