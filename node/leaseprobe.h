/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * leaseprobe.h - finds out whether the DHCP servers of a LAN hand out some addresses.
 *
 * A client that does not exist asks for an offer of each address. A server that may hand it out
 * offers it; another address, if any, shows that the server does not, or that somebody has a lease
 * for this one. Nothing is requested, so nothing is leased.
 *
 * Servers may ping an address before they offer it, one after the other: dnsmasq takes three
 * seconds for each, in which it answers no other client. So there are few questions, and the probe
 * takes up to 8.5 seconds; it ends when an address is offered. To find out at once whether there is
 * a server at all, this machine also asks for information. If no answer of any kind comes within
 * 1.5 seconds, that is the end, too.
 * Threads: one owner. Source: RFC 2131 3.1, 4.3.1. */
#ifndef NODE_LEASEPROBE_H
#define NODE_LEASEPROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/ip.h"
#include "io/dhcp.h"
#include "node/probelink.h"

enum { TL_LEASEPROBE_QUESTIONS = 2 };

struct tl_leaseprobe {
        const struct tl_probe_link *link;
        struct {
                struct tl_dhcp_question question;
                struct wg_ip offered; /* the address itself, or another one; NONE: no answer */
                struct wg_ip server;
        } items[TL_LEASEPROBE_QUESTIONS];
        uint32_t count;
        struct tl_dhcp_question information;
        bool has_server;
        uint32_t rounds;  /* of questions that were sent */
        uint32_t answers; /* seen by work */
        uint64_t due_ns, end_ns;
        int error; /* 0, or -errno: questions could not be sent */
};

/* Starts. The questions are about up to TL_LEASEPROBE_QUESTIONS IPv4 addresses; random numbers
 * identify them, and the one for information. `own` is the machine's address in the LAN; NONE: it
 * has none. */
void tl_leaseprobe_begin(struct tl_leaseprobe *p, const struct tl_probe_link *link,
                         const struct wg_ip *own, const struct wg_ip *addresses, uint32_t count,
                         const uint64_t random[TL_LEASEPROBE_QUESTIONS + 1], uint64_t now_ns);

/* Sends what is due. Call it also after packets were heard. Returns when to call it again;
 * TL_PROBE_NEVER: it is done. */
uint64_t tl_leaseprobe_work(struct tl_leaseprobe *p, uint64_t now_ns) WG_MUST_USE;

/* Takes a packet. */
void tl_leaseprobe_hear(struct tl_leaseprobe *p, const uint8_t *packet, size_t len);

/* Whether a server would hand out the address of a question. */
bool tl_leaseprobe_is_offered(const struct tl_leaseprobe *p, uint32_t i) WG_MUST_USE;

#endif
