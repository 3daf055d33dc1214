/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * uapi_text.h - a device's configuration as texts for others: requests on the configuration socket, and
 * files for wg(8); and what the socket answers, read back.
 *
 * Texts hold keys: their size is told before, so that they are written once into memory that the
 * caller wipes.
 * Source: wireguard.com/xplatform; wg(8), "CONFIGURATION FILE FORMAT".
 * Threads: pure functions of their arguments. */
#ifndef CONF_UAPI_TEXT_H
#define CONF_UAPI_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "conf/change.h"

/* At least the bytes that either text of a device takes, with its terminator. */
size_t tl_uapi_text_room(const struct tl_change *device) WG_MUST_USE;

/* Writes the change as a `set=1` request with its blank line, terminated. Endpoints must have been
 * resolved. Returns the length. */
size_t tl_uapi_text_format_request(const struct tl_change *device, char *out, size_t room);

/* Writes the lines that follow [Interface], and the peers, as `wg showconf` does, terminated.
 * Endpoints must have been resolved. Returns the length. */
size_t tl_uapi_text_format_file(const struct tl_change *device, char *out, size_t room);

/* Whether the text ends as a reply does: with errno=N and a blank line. */
bool tl_uapi_text_is_reply(const char *text, size_t len) WG_MUST_USE;

/* The errno that a reply tells, positive; EPROTO where it is none. */
int tl_uapi_text_reply_errno(const char *text, size_t len) WG_MUST_USE;

/* Reads the reply to `get=1` into a device that was initialised and is empty. Lines that say how it
 * goes, such as byte counts, are left out. It changes the text, which the caller wipes. Returns false
 * where it is no such reply, tells an error, or memory is missing. */
bool tl_uapi_text_read_reply(char *text, size_t len, struct tl_change *device) WG_MUST_USE;

#endif
