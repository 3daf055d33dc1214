/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * pins.h - keeps the addresses that peers are answered from in step with routing.
 *
 * A peer is answered from the address it last reached, as long as the way to it still leaves by the
 * link it came in by. After any change of routes, rules, addresses or links that is asked again for
 * each peer, some at a time.
 * Source: the behaviour of the kernel's implementation, which asks with every packet.
 * Threads: the engine's. */
#ifndef DAEMON_PINS_H
#define DAEMON_PINS_H

#include "daemon/peers.h"
#include "io/loop.h"
#include "io/route.h"

struct tl_pins {
        struct tl_device *device;
        struct tl_routes routes;
        struct tl_watch watch;
        struct tl_peer_cursor cursor;
        bool is_due; /* some peers are still to be asked about */
};

/* Starts to listen. Returns 0 or -errno. */
int tl_pins_init(struct tl_pins *pins, struct tl_device *device) WG_MUST_USE;

/* Takes one whose init failed, or zeroed memory. */
void tl_pins_done(struct tl_pins *pins);

/* Asks about some peers. Returns whether there are more. */
bool tl_pins_work(struct tl_pins *pins);

#endif
