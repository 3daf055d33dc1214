/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * inner.h - inner packets: each carries its own number, and all its bytes derive from known values,
 * so a receiver can tell whether it is intact.
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
        uint32_t len;                     /* total; at least SIM_INNER_MIN* */
        uint8_t tos;
};

/* Writes all `len` bytes of a packet. */
void sim_inner_write(const struct sim_inner *inner, uint8_t *out);

/* Whether len bytes contain any of these packets, or a part of one. */
bool sim_inner_occurs(const uint8_t *bytes, size_t len) WG_MUST_USE;

/* Reads the number from a packet of that length. Returns false if the packet is not one of ours. */
bool sim_inner_read(const uint8_t *packet, uint32_t len, uint64_t *serial) WG_MUST_USE;

/* The type of service in a packet's header. */
uint8_t sim_inner_tos(const uint8_t *packet);

/* The length in a packet's header, of which `len` bytes are present; 0 if it is not IP or the
 * length is impossible. */
uint32_t sim_inner_len(const uint8_t *packet, uint32_t len);

/* The addresses in a packet's header. Return false if it is not IP, or too short. */
bool sim_inner_source(const uint8_t *packet, uint32_t len, struct wg_ip *ip) WG_MUST_USE;
bool sim_inner_destination(const uint8_t *packet, uint32_t len, struct wg_ip *ip) WG_MUST_USE;

#endif
