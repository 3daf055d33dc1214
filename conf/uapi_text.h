/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * uapi_text.h - a configuration as a whole text: a request on the configuration socket or a file
 * for wg(8); and replies from the socket.
 *
 * Texts contain keys. Their size is known in advance, so that they are written once, into memory
 * that the caller wipes.
 * Source: wireguard.com/xplatform; wg(8), "CONFIGURATION FILE FORMAT".
 * Threads: pure functions of their arguments. */
#ifndef CONF_UAPI_TEXT_H
#define CONF_UAPI_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "conf/change.h"

/* A size in bytes that is enough for either text, with its terminator. */
size_t tl_uapi_text_room(const struct tl_change *change) WG_MUST_USE;

/* Writes a `set=1` request with its blank line, terminated. Endpoints must be resolved. Returns the
 * length. */
size_t tl_uapi_text_format_request(const struct tl_change *change, char *out, size_t room);

/* Writes the lines after [Interface], and the peers, as `wg showconf` does, terminated. An endpoint
 * that has only a host name is written with that name. Returns the length. */
size_t tl_uapi_text_format_file(const struct tl_change *change, char *out, size_t room);

/* Whether the text ends like a reply: with errno=N and a blank line. */
bool tl_uapi_text_is_reply(const char *text, size_t len) WG_MUST_USE;

/* The errno of a reply, positive; EPROTO if it is not a reply. */
int tl_uapi_text_reply_errno(const char *text, size_t len) WG_MUST_USE;

/* Reads the reply to `get=1` into an initialised, empty change, without the lines that are not
 * configuration, such as byte counts. It modifies the text, which the caller wipes. Returns false
 * if the text is not such a reply or reports an error, or if there is no memory. */
bool tl_uapi_text_read_reply(char *text, size_t len, struct tl_change *change) WG_MUST_USE;

#endif
