/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * dhcp.h - asks DHCP servers what they would do, and reads their answers. An offer is not a lease:
 * the server forgets it unless the client requests it. Packets begin after the Ethernet header.
 * Threads: pure functions of their arguments. Source: RFC 2131, RFC 2132. */
#ifndef IO_DHCP_H
#define IO_DHCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/ip.h"

enum {
        TL_DHCP_MAC_LEN = 6,
        TL_DHCP_SIZE = 328, /* of a question */
};

struct tl_dhcp_question {
        uint32_t id; /* random: answers have the same */
        uint8_t client[TL_DHCP_MAC_LEN];
        struct wg_ip ip; /* of IPv4 */
};

/* Compose questions, to be sent to everybody. Return TL_DHCP_SIZE. */

/* DHCPDISCOVER: what would you lease to me? A server that may lease `ip` offers it; NONE: any. */
size_t tl_dhcp_discover(uint8_t packet[TL_DHCP_SIZE], const struct tl_dhcp_question *question);

/* DHCPINFORM: I have the address `ip`; what else should I know? A server acknowledges at once. */
size_t tl_dhcp_inform(uint8_t packet[TL_DHCP_SIZE], const struct tl_dhcp_question *question);

struct tl_dhcp_answer {
        uint32_t id;
        uint8_t client[TL_DHCP_MAC_LEN];
        struct wg_ip offered; /* NONE: it acknowledges a DHCPINFORM */
        struct wg_ip server;
};

/* Reads a DHCPOFFER or DHCPACK. Returns false if it is malformed, or something else. */
bool tl_dhcp_read(struct tl_dhcp_answer *answer, const uint8_t *packet, size_t len) WG_MUST_USE;

#endif
