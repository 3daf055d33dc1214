/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * inner.h - the packets that travel inside: each carries a number of its own, and all of its bytes
 * follow from what is known of it, so whoever gets it can tell whether it is whole.
 * Threads: pure functions of their arguments. */
#ifndef SIM_INNER_H
#define SIM_INNER_H

#include "base/attr.h"
#include "base/endpoint.h"

/* The shortest packets that hold a number. */
#define SIM_INNER_MIN4 36u
#define SIM_INNER_MIN6 56u

struct sim_inner {
        uint64_t serial;
        struct wg_ip source, destination; /* of one family */
        uint32_t len;                     /* all in all; at least SIM_INNER_MIN* */
        uint8_t tos;
};

/* Writes all `len` bytes of a packet. */
void sim_inner_write(const struct sim_inner *inner, uint8_t *out);

/* Whether len bytes hold any of those packets, or a part of one. */
bool sim_inner_occurs(const uint8_t *bytes, size_t len) WG_MUST_USE;

/* Finds the number in a packet of that length. Returns false when it is none of ours. */
bool sim_inner_read(const uint8_t *packet, uint32_t len, uint64_t *serial) WG_MUST_USE;

/* The type of service in the header of a packet. */
uint8_t sim_inner_tos(const uint8_t *packet);

/* The length that the header of a packet says, of which `len` bytes are there; 0: it is not IP, or says
 * what cannot be. */
uint32_t sim_inner_len(const uint8_t *packet, uint32_t len);

/* The addresses in the header of a packet. Returns false when it is not IP, or too short. */
bool sim_inner_source(const uint8_t *packet, uint32_t len, struct wg_ip *ip) WG_MUST_USE;
bool sim_inner_destination(const uint8_t *packet, uint32_t len, struct wg_ip *ip) WG_MUST_USE;

#endif
