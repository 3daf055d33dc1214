/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * pins.h - keeps the addresses that peers are answered from in step with routing.
 *
 * A peer is answered from the address it last reached, as long as the way to it still leaves by
 * the link it came in by. The kernel says when routing changes; then the kernel is asked for each
 * peer that the change may affect. Where there is no way at all the pin stays, since there may be
 * one again: a pinned address that cannot be sent from is dropped by the sender.
 *
 * Events are not looked at one by one. They wait in the kernel, for 10 ms after the first one,
 * and after a pass over the peers for 32 times the processor time that it took (50 ms to 2 s). So
 * routes that flap cost 3% of a processor or less, however many peers there are; only with more
 * than some 10,000 endpoints that all flap it is more. Whatever happened last is always examined.
 * Source: the behaviour of the kernel's implementation, which asks with every packet.
 * Threads: the engine's. */
#ifndef DAEMON_PINS_H
#define DAEMON_PINS_H

#include "daemon/peers.h"
#include "io/loop.h"
#include "io/route.h"

enum { TL_PIN_ANSWERS = 64 };

/* What the kernel said of one flow, since peers behind one NAT or in one test share it. */
struct tl_pin_answer {
        struct wg_endpoint flow;
        uint64_t pass; /* in which it was asked; 0: none */
        bool is_kept;
};

struct tl_pins {
        struct tl_device *device;
        struct tl_routes routes;
        struct tl_route_sender sender;
        struct tl_watch watch; /* not while a pass is due or under way */
        uint64_t due_ns;       /* when to begin or go on; TL_LOOP_NEVER: nothing was heard */
        uint64_t rest_ns;      /* no pass begins before that */

        /* The pass. */
        struct tl_route_changes changes;
        struct tl_peer_cursor cursor;
        uint64_t spent_ns; /* processor time */
        unsigned int heard;
        unsigned int repeats;
        bool is_examining; /* all has been heard */
        bool has_dropped;  /* a pin, in this pass */
        struct tl_pin_answer answers[TL_PIN_ANSWERS];

        /* For who looks on. */
        uint64_t passes, events, questions, dropped;
};

/* Starts to listen, as the user who opens the UDP sockets. Returns 0 or -errno. */
int tl_pins_init(struct tl_pins *pins, struct tl_device *device) WG_MUST_USE;

/* Takes one whose init failed, or zeroed memory. */
void tl_pins_done(struct tl_pins *pins);

/* Does a part of what is due. Returns when to call it again: 0, at once. */
uint64_t tl_pins_work(struct tl_pins *pins, uint64_t now_ns);

#endif
