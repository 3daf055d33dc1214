/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * routerprobe.h - finds out what the router of a LAN does with packets for prefixes that it should
 * route to this machine.
 *
 * The machine sends packets to itself through the router: from its address in the LAN to one in
 * each prefix. What comes back shows that the router has the route, and lets packets pass that it
 * takes for part of a connection that it has not seen begin. What does not come back is sent again,
 * up to six times, and judged only if packets that must come back, or answers to ARP or neighbour
 * discovery, mostly do: loss on the way is no verdict. It takes 0.05 to 1.8 seconds.
 *
 * The kernel discards IPv4 packets with a source address of its own, so they get no further; with
 * net.ipv4.conf.all.log_martians it logs them. IPv6 packets die after a few hops.
 * Threads: one owner. Source: RFC 826, RFC 4861. */
#ifndef NODE_ROUTERPROBE_H
#define NODE_ROUTERPROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/enum.h"
#include "base/ip.h"
#include "io/echo.h"
#include "node/probelink.h"

enum { TL_ROUTERPROBE_TARGETS_MAX = 4096 };

#define TL_ROUTERPROBE_VERDICTS(X) \
        X(TL_ROUTERPROBE_UNKNOWN, 0, unknown, "too many packets were lost") \
        X(TL_ROUTERPROBE_YES, 1, yes, "packets come back") \
        X(TL_ROUTERPROBE_NO, 2, no, "packets do not come back")
WG_ENUM_DECLARE(tl_routerprobe_verdict, TL_ROUTERPROBE_VERDICTS)

struct tl_routerprobe_count {
        uint32_t sent, back;
};

/* A prefix, by an address in it. */
struct tl_routerprobe_target {
        struct wg_ip ip;
        struct tl_routerprobe_count packets; /* datagrams sent; of any kind back */
        bool is_redirected; /* the router told this machine to send packets elsewhere */
        bool is_rewritten;  /* a packet came back with another source address */
};

/* What the caller sets. */
struct tl_routerprobe_task {
        const struct tl_probe_link *ask;       /* for ARP, or neighbour discovery */
        const struct tl_probe_link *echo;      /* for the packets */
        struct wg_ip own, router;              /* addresses in the LAN, of one family */
        bool is_firewall_of_interest;          /* send TCP segments too */
        bool is_redirect_of_interest;          /* give the router time to send one */
        uint16_t port;                         /* where packets go; from the three ports after it */
        uint64_t tag;                          /* random */
        struct tl_routerprobe_target *targets; /* at most TL_ROUTERPROBE_TARGETS_MAX */
        uint32_t count;
};

struct tl_routerprobe {
        struct tl_routerprobe_task task;
        bool has_router; /* it has answered; router_mac is set */
        uint8_t router_mac[TL_PROBE_MAC_LEN];
        struct tl_routerprobe_count questions;
        uint32_t reference; /* the target that segments are sent to */
        bool is_reference_sure;
        struct tl_routerprobe_count segments[WG_ENUM_COUNT(tl_echo_kind)]; /* and datagrams there */
        uint32_t round, next; /* the target that comes next */
        uint64_t begun_ns;    /* the round */
        uint64_t due_ns;
        int error; /* 0, or -errno: packets could not be sent */
};

/* Starts. */
void tl_routerprobe_begin(struct tl_routerprobe *p, const struct tl_routerprobe_task *task,
                          uint64_t now_ns);

/* Sends what is due. Call it also after packets were heard. Returns when to call it again;
 * TL_PROBE_NEVER: it is done. */
uint64_t tl_routerprobe_work(struct tl_routerprobe *p, uint64_t now_ns) WG_MUST_USE;

/* Take a packet that came in on the link `ask`, or `echo`. */
void tl_routerprobe_hear_answer(struct tl_routerprobe *p, const uint8_t from[TL_PROBE_MAC_LEN],
                                const uint8_t *packet, size_t len);
void tl_routerprobe_hear_echo(struct tl_routerprobe *p, const uint8_t from[TL_PROBE_MAC_LEN],
                              const uint8_t *packet, size_t len);

/* Once it is done, and the router has answered: whether the router has the route to a target, and
 * whether it lets pass what belongs to connections that it has not seen begin. */
enum tl_routerprobe_verdict tl_routerprobe_has_route(const struct tl_routerprobe *p,
                                                     uint32_t target) WG_MUST_USE;
enum tl_routerprobe_verdict tl_routerprobe_passes_half(const struct tl_routerprobe *p) WG_MUST_USE;

#endif
