/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * fdpass.h - messages with descriptors between two processes of ours.
 *
 * Both sides know the length of each message; any other length is an error. Messages are never
 * split.
 * Threads: an end has one owner. Source: unix(7), SCM_RIGHTS. */
#ifndef IO_FDPASS_H
#define IO_FDPASS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

enum { TL_FDPASS_MAX = 128 }; /* descriptors per message; the kernel allows 253 */

/* Makes two connected ends, both closed by exec. Returns 0 or -errno. */
int tl_fdpass_pair(int ends[2]) WG_MUST_USE;

/* Sends a message and copies of `count` descriptors, which remain the caller's. Blocks while the
 * other end does not read. Returns 0; -EPIPE: the other end is closed; or another -errno. */
int tl_fdpass_send(int end, const void *message, size_t len, const int *fds,
                   unsigned int count) WG_MUST_USE;

/* Waits for a message of exactly len bytes. Its descriptors (closed by exec) go to fds and are the
 * caller's to close; unused elements of fds are -1. Returns the number of descriptors; -ECONNRESET:
 * the other end is closed; -EBADMSG: the length differs; -EMFILE: this process has no room for the
 * descriptors; or another -errno. On error no descriptor stays open. */
int tl_fdpass_receive(int end, void *message, size_t len, int fds[TL_FDPASS_MAX]) WG_MUST_USE;

/* Whether tl_fdpass_receive() would return at once, with a message or an error. */
bool tl_fdpass_is_waiting(int end) WG_MUST_USE;

/* Closes all descriptors that are not -1. */
void tl_fdpass_close(const int fds[TL_FDPASS_MAX]);

#endif
