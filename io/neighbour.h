/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * neighbour.h - questions and claims about who has an address on a link: ARP, and its equivalent in
 * IPv6, neighbour discovery. Packets begin after the Ethernet header.
 *
 * Threads: pure functions of their arguments.
 * Source: RFC 826, RFC 5227 (ARP); RFC 4861, RFC 4862 (IPv6). */
#ifndef IO_NEIGHBOUR_H
#define IO_NEIGHBOUR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/ip.h"

enum {
        TL_NEIGHBOUR_MAC_LEN = 6,
        TL_NEIGHBOUR_SIZE = 72, /* of the longest question */
};

/* Composes the question who has `target`, and the Ethernet address to send it to. `from` is the
 * asker's address, of the same family; NONE: it has none yet, as when it looks for duplicates of an
 * address that it is about to take, which changes no neighbour table. Returns the length. */
size_t tl_neighbour_ask(uint8_t packet[TL_NEIGHBOUR_SIZE], uint8_t to[TL_NEIGHBOUR_MAC_LEN],
                        const uint8_t own[TL_NEIGHBOUR_MAC_LEN], const struct wg_ip *from,
                        const struct wg_ip *target);

struct tl_neighbour_claim {
        struct wg_ip ip;
        uint8_t mac[TL_NEIGHBOUR_MAC_LEN];
        bool is_question; /* the other machine is about to take the address */
};

/* Reads which address the sender of a packet, whose Ethernet address is `from`, claims to have.
 * Returns false if it is malformed, or claims none. */
bool tl_neighbour_read(struct tl_neighbour_claim *claim, uint8_t family,
                       const uint8_t from[TL_NEIGHBOUR_MAC_LEN], const uint8_t *packet,
                       size_t len) WG_MUST_USE;

#endif
