/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * portset.h - sets of what may be opened between two machines: protocols and ports.
 *
 * A set is a number in a collection (net/intern), so that equal sets are compared in constant time.
 * Threads: one owner at a time. */
#ifndef NET_PORTSET_H
#define NET_PORTSET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "net/intern.h"

/* Ports of one protocol, WG_PROTOCOL_ICMP, _TCP or _UDP. Pings have the port 0. */
struct tl_port_span {
        uint8_t protocol;
        uint16_t first, last;
};

/* A list of spans, in any order, which may overlap. Zeroed memory is an empty one. */
struct tl_port_spans {
        struct tl_port_span *items;
        uint32_t count, capacity;
        bool has_no_memory;
};

/* Adds a span. Sets has_no_memory if there is no memory. */
void tl_port_spans_add(struct tl_port_spans *spans, uint8_t protocol, uint16_t first,
                       uint16_t last);

/* Adds everything: pings, and all ports of TCP and UDP. */
void tl_port_spans_add_all(struct tl_port_spans *spans);

/* Frees everything. Accepts zeroed memory. */
void tl_port_spans_done(struct tl_port_spans *spans);

/* The set with exactly these ports, which may sort and join the spans. 0: the empty set. */
uint32_t tl_portset_make(struct tl_intern *sets, struct tl_port_spans *spans);

/* Replaces the spans by those of a set: sorted by protocol and port, without overlaps. */
void tl_portset_list(const struct tl_intern *sets, uint32_t set, struct tl_port_spans *spans);

/* The set of all ports in `a` that are not in `b`. */
uint32_t tl_portset_minus(struct tl_intern *sets, uint32_t a, uint32_t b);

#endif
