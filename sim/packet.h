/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * packet.h - a packet or datagram in the simulator, and a queue of them.
 * Threads: one owner at a time. */
#ifndef SIM_PACKET_H
#define SIM_PACKET_H

#include "base/attr.h"
#include "base/endpoint.h"

struct wg_peer;

struct sim_packet {
        struct sim_packet *next;
        struct wg_endpoint from; /* of a datagram: its source, and the address it arrived at */
        struct wg_endpoint to;   /* of a datagram in flight */
        uint64_t hash;           /* of a datagram: its key in the ledger */
        uint64_t at_ns;          /* when it arrived in its queue */
        struct wg_peer *peer;    /* of an inner packet without a session: its destination */
        uint32_t len;
        uint8_t tos;
        uint8_t bytes[]; /* of an inner packet: including the room that wg_send() needs around it */
};

/* Makes a packet with `len` bytes copied from `bytes`, and that much room before and behind. */
struct sim_packet *sim_packet_new(const uint8_t *bytes, uint32_t len, uint32_t before,
                                  uint32_t behind) WG_MUST_USE;

/* First in, first out. Zeroed memory is an empty queue. */
struct sim_queue {
        struct sim_packet *first, *last;
        uint32_t count;
};

void sim_queue_put(struct sim_queue *queue, struct sim_packet *packet);

/* Removes the first packet and passes its ownership to the caller; NULL if there is none. */
struct sim_packet *sim_queue_take(struct sim_queue *queue);

/* Frees all packets in a queue. */
void sim_queue_purge(struct sim_queue *queue);

#endif
