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
struct nlattr;
struct nlmsghdr;
struct wg_ip;

enum { TL_DUMP_HEAD_MAX = 64 };

/* What a dump lists, in an array that the owner frees. Set the size; the rest begins as zero. */
struct tl_dump_list {
        void *items;
        size_t size; /* of an item */
        size_t count, capacity;
};

/* Appends a copy of an item. Returns 0 or -ENOMEM. */
int tl_dump_append(struct tl_dump_list *list, const void *item) WG_MUST_USE;

/* The value of an attribute with 32 bits; 0: it has another size. */
uint32_t tl_dump_number(const struct nlattr *attribute) WG_MUST_USE;

/* Writes the address of an attribute, unless it is not one of that family (WG_FAMILY_*). */
void tl_dump_ip(const struct nlattr *attribute, uint8_t family, struct wg_ip *ip);

/* The family that the kernel has for WG_FAMILY_IPV4 or IPV6, and back; WG_FAMILY_NONE: another. */
uint8_t tl_dump_to_kernel(uint8_t family) WG_MUST_USE;
uint8_t tl_dump_from_kernel(uint8_t family) WG_MUST_USE;

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
