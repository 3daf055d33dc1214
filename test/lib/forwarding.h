/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * forwarding.h - a machine that forwards packets between a tunnel and a LAN, as the plan of a node
 * says. Both links are TUNs, in a network namespace of the test. */
#ifndef TEST_LIB_FORWARDING_H
#define TEST_LIB_FORWARDING_H

#include "net/nodeplan.h"
#include "test/lib/raw_packet.h"

enum forwarding_link { FORWARDING_TUNNEL, FORWARDING_LAN, FORWARDING_LINKS };

/* The names of the links: "acme", which the network must be called, and "lan0". */
extern const char *const forwarding_names[FORWARDING_LINKS];

struct forwarding {
        int tun[FORWARDING_LINKS];
        uint32_t serial; /* of the connection; the test changes it */
};

/* Skips the running test if this is not permitted. */
void forwarding_open(struct forwarding *machine);
void forwarding_close(struct forwarding *machine);

/* Makes the machine what a plan says: its addresses, its routes into the tunnel, its table; and the
 * LANs of its site, if it has one. */
void forwarding_become(const struct tl_model *model, const struct tl_nodeplan *plan);

/* Sends a packet with the serial number of the machine into a link. What comes out must be
 * "LINK FROM -> TO", or the test fails; with right checksums. Returns its length. */
size_t forwarding_pass(struct forwarding *machine, const char *what, enum forwarding_link in,
                       const uint8_t *packet, size_t len, const char *wanted,
                       uint8_t out[RAW_PACKET_MOST]);

/* "LINK FROM -> TO" of a packet. Returns text. */
const char *forwarding_describe(char text[128], enum forwarding_link link, const uint8_t *packet);

#endif
