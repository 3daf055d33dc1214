/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * dump.h - asks the kernel for a list of routing objects, and receives answers of netlink.
 * Threads: any. Source: rtnetlink(7). */
#ifndef IO_DUMP_H
#define IO_DUMP_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct mnl_socket;
struct nlmsghdr;

enum { TL_DUMP_HEAD_MAX = 64 };

/* Passes each object to see(), which returns 0 or -errno. `head` is the header that comes after the
 * netlink header, of `len` bytes, at most TL_DUMP_HEAD_MAX; its first byte is the family. If the
 * list changes while the kernel writes it, begin() is called (NULL: nothing) and it starts over. A
 * family that the kernel lacks has an empty list. Returns 0 or -errno. */
int tl_dump(uint16_t type, const void *head, size_t len,
            int (*see)(const struct nlmsghdr *, void *), void (*begin)(void *ctx),
            void *ctx) WG_MUST_USE;

/* Passes the messages that answer a request to parse(), a callback of libmnl (NULL: only an error
 * code is expected), until the answer is complete or parse() ends it. sequence is the request's; 0:
 * messages with any are taken. Returns 0, or -errno of the kernel, the socket or parse(). */
int tl_dump_receive(struct mnl_socket *socket, uint32_t sequence,
                    int (*parse)(const struct nlmsghdr *, void *), void *ctx) WG_MUST_USE;

#endif
