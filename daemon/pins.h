/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * pins.h - keeps the source addresses of replies in step with routing.
 *
 * Replies to a peer have as their source the address that the peer last reached, as long as the
 * route to the peer leaves by the link that its packets came in by. When the kernel announces a
 * routing change, we query the route to each peer that the change may affect. If there is no route
 * at all, the pin stays, since the route may come back. The sender drops a pinned address that it
 * cannot send from.
 *
 * Events are handled in batches. They wait in the kernel for 10 ms after the first one, and
 * after a pass over the peers for 32 times the processor time that it took (50 ms to 2 s). So
 * flapping routes cost at most 3% of a processor, however many peers there are, unless more than
 * about 10,000 endpoints flap. The latest change is always examined.
 * Source: the behaviour of the kernel's implementation, which looks up the route of every
 * packet.
 * Threads: the engine's. */
#ifndef DAEMON_PINS_H
#define DAEMON_PINS_H

#include "daemon/peers.h"
#include "daemon/sockets.h"
#include "io/loop.h"
#include "io/route.h"

enum { TL_PIN_ANSWERS = 64 };

/* The kernel's answer about one flow. Peers behind one NAT share it. */
struct tl_pin_answer {
        struct wg_endpoint flow;
        uint64_t pass; /* the pass that asked; 0: none */
        bool is_kept;
};

struct tl_pins {
        struct tl_loop *loop;
        const struct tl_sockets *sockets; /* their mark and port */
        const struct tl_peers *peers;
        struct tl_routes routes;
        struct tl_route_sender sender;
        struct tl_watch watch; /* removed while a pass is due or under way */
        uint64_t due_ns;       /* when to begin or continue; TL_LOOP_NEVER: there was no event */
        uint64_t rest_ns;      /* no pass begins before this time */

        /* The pass. */
        struct tl_route_changes changes;
        struct tl_peer_cursor cursor;
        uint64_t spent_ns; /* processor time */
        unsigned int heard;
        unsigned int repeats;
        bool is_examining; /* all events of the pass have been read */
        bool has_dropped;  /* this pass dropped a pin */
        struct tl_pin_answer answers[TL_PIN_ANSWERS];

        /* For the status. */
        uint64_t passes, events, questions, dropped;
};

/* Starts to listen for routing changes. Queries routes as the user that opens the UDP sockets.
 * Returns 0 or -errno. */
int tl_pins_init(struct tl_pins *pins, struct tl_loop *loop, const struct tl_sockets *sockets,
                 const struct tl_peers *peers) WG_MUST_USE;

/* Accepts one whose init failed, or zeroed memory. */
void tl_pins_done(struct tl_pins *pins);

/* Does a part of the work that is due. Returns when to call it again; 0: at once. */
uint64_t tl_pins_work(struct tl_pins *pins, uint64_t now_ns);

#endif
