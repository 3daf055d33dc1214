/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * fdpass.h - messages between two processes of ours that carry descriptors.
 *
 * A message has the length that both sides know for it; any other length is an error, never a part
 * of one. Threads: an end has one owner. Source: unix(7), SCM_RIGHTS. */
#ifndef IO_FDPASS_H
#define IO_FDPASS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

enum { TL_FDPASS_MAX = 128 }; /* descriptors of one message; the system takes 253 */

/* Two connected ends, both closed by exec. Returns 0 or -errno. */
int tl_fdpass_pair(int ends[2]) WG_MUST_USE;

/* Sends a message and copies of `count` descriptors, which stay the caller's. Blocks while the other
 * end does not read. Returns 0; -EPIPE: the other end is gone; or another -errno. */
int tl_fdpass_send(int end, const void *message, size_t len, const int *fds,
                   unsigned int count) WG_MUST_USE;

/* Waits for a message of exactly len bytes. Its descriptors (closed by exec) come into fds and are the
 * caller's to close; what fds does not get is -1. Returns how many there are; -ECONNRESET: the other
 * end is gone; -EBADMSG: it was another length, or held more; or another -errno. Nothing is left
 * open at an error. */
int tl_fdpass_receive(int end, void *message, size_t len, int fds[TL_FDPASS_MAX]) WG_MUST_USE;

/* Whether receiving would return at once, with a message or an error. */
bool tl_fdpass_is_waiting(int end) WG_MUST_USE;

/* Closes those of the descriptors that are not -1. */
void tl_fdpass_close(const int fds[TL_FDPASS_MAX]);

#endif
