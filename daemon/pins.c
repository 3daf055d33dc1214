/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "daemon/pins.h"

#include <errno.h>
#include <unistd.h>

#include "base/bytes.h"
#include "io/clock.h"

/* Limits of one turn, so that it takes the engine a fraction of a millisecond. */
enum { EVENTS_A_TURN = 128, PEERS_A_TURN = 256, QUESTIONS_A_TURN = 32 };

/* Events that one pass handles. The next pass handles the rest. */
enum { EVENTS_A_PASS = 8192 };

/* The kernel sends several events for one change. */
#define DELAY_NS (10 * TL_NS_PER_MS)

/* A packet in flight can restore a pin that was just dropped. After a pass that dropped some, the
 * same peers are therefore checked again, a few times. */
enum { REPEATS_MAX = 3 };
#define REPEAT_NS (300 * TL_NS_PER_MS)

#define REST_FACTOR 32
#define REST_MIN_NS (50 * TL_NS_PER_MS)
#define REST_MAX_NS (2 * TL_NS_PER_S)

/* Stops watching: further events wait in the kernel until the pass begins. */
static void heard(void *ctx, uint32_t events)
{
        struct tl_pins *pins = ctx;
        uint64_t due_ns = tl_clock_boot_ns() + DELAY_NS;

        (void)events;
        tl_loop_remove(&pins->watch);
        pins->due_ns = WG_MAX(due_ns, pins->rest_ns);
}

static int listen_again(struct tl_pins *pins)
{
        return tl_loop_add(pins->loop, &pins->watch, pins->routes.fd, EPOLLIN, heard, pins);
}

int tl_pins_init(struct tl_pins *pins, struct tl_loop *loop, const struct tl_sockets *sockets,
                 const struct tl_peers *peers)
{
        int error = tl_routes_init(&pins->routes);

        pins->loop = loop;
        pins->sockets = sockets;
        pins->peers = peers;
        pins->sender.uid = geteuid();
        pins->due_ns = TL_LOOP_NEVER;
        return error ? error : listen_again(pins);
}

void tl_pins_done(struct tl_pins *pins)
{
        tl_loop_remove(&pins->watch);
        tl_routes_done(&pins->routes);
}

/* Whether replies to a peer have a pinned source that depends on routing. Packets from a link-local
 * source leave by its link, whatever the routes are. */
static bool has_pin(const struct wg_endpoint *e)
{
        return e->source.family != WG_FAMILY_NONE && e->source_ifindex && !e->scope;
}

static bool is_same_flow(const struct wg_endpoint *a, const struct wg_endpoint *b)
{
        return wg_endpoint_is_same_remote(a, b) && wg_ip_equal(&a->source, &b->source) &&
               a->source_ifindex == b->source_ifindex;
}

static struct tl_pin_answer *place_of(struct tl_pins *pins, const struct wg_endpoint *e)
{
        uint32_t mixed = wg_le32_load(e->ip.bytes) ^ wg_le32_load(e->ip.bytes + 4) ^
                         wg_le32_load(e->ip.bytes + 8) ^ wg_le32_load(e->ip.bytes + 12) ^ e->port;

        return &pins->answers[mixed * 0x9e3779b1u >> 16 & (TL_PIN_ANSWERS - 1)];
}

/* Whether the pin still holds. Asks the kernel once per pass and flow. */
static bool is_kept(struct tl_pins *pins, const struct wg_endpoint *e)
{
        struct tl_pin_answer *answer = place_of(pins, e);
        uint32_t ifindex = 0;
        int error;

        if (answer->pass == pins->passes && is_same_flow(&answer->flow, e))
                return answer->is_kept;
        error = tl_routes_ask(&pins->routes, &pins->sender, e, &ifindex);
        pins->questions++;
        *answer = (struct tl_pin_answer){
                .flow = *e,
                .pass = pins->passes,
                .is_kept = error ? error != -EINVAL : ifindex == e->source_ifindex,
        };
        return answer->is_kept;
}

static void hear(struct tl_pins *pins)
{
        unsigned int taken;

        tl_loop_remove(&pins->watch);
        pins->sender.fwmark = pins->sockets->fwmark;
        pins->sender.port = pins->sockets->listen_port;
        taken = tl_routes_heed(&pins->routes, &pins->sender, &pins->changes, EVENTS_A_TURN);
        pins->events += taken;
        pins->heard += taken;
        if (taken == EVENTS_A_TURN && pins->heard < EVENTS_A_PASS)
                return;
        pins->is_examining = true;
        pins->cursor = (struct tl_peer_cursor){.serial = 0};
        pins->passes++;
}

/* Examines some peers. Returns whether there are more. */
static bool examine(struct tl_pins *pins)
{
        uint64_t most = pins->questions + QUESTIONS_A_TURN;

        if (!pins->changes.count)
                return false;
        for (unsigned int i = 0; i < PEERS_A_TURN && pins->questions < most; i++) {
                struct wg_peer *peer = tl_peer_cursor_next(&pins->cursor, pins->peers);
                struct wg_endpoint e;

                if (!peer)
                        return false;
                wg_path_read(&peer->path, &e);
                if (!has_pin(&e) || !tl_route_changes_touch(&pins->changes, &e) ||
                    is_kept(pins, &e))
                        continue;
                wg_path_unpin(&peer->path, peer->engine->env, &e);
                pins->dropped++;
                pins->has_dropped = true;
        }
        return true;
}

/* Ends the pass. If there is no memory to watch for events, passes run from time to time. */
static void rest(struct tl_pins *pins)
{
        uint64_t now_ns = tl_clock_boot_ns();
        uint64_t rest_ns = WG_MAX(pins->spent_ns * REST_FACTOR, REST_MIN_NS);

        pins->rest_ns = now_ns + WG_MIN(rest_ns, REST_MAX_NS);
        pins->due_ns = TL_LOOP_NEVER;
        if (pins->has_dropped && pins->repeats < REPEATS_MAX) {
                pins->repeats++;
                pins->due_ns = WG_MAX(pins->rest_ns, now_ns + REPEAT_NS);
        } else {
                pins->repeats = 0;
                pins->changes.count = 0;
        }
        if (listen_again(pins))
                pins->due_ns = WG_MIN(pins->due_ns, pins->rest_ns);
        pins->heard = 0;
        pins->spent_ns = 0;
        pins->is_examining = pins->has_dropped = false;
}

uint64_t tl_pins_work(struct tl_pins *pins, uint64_t now_ns)
{
        uint64_t begun_ns;
        bool has_more = true;

        if (now_ns < pins->due_ns)
                return pins->due_ns;
        begun_ns = tl_clock_thread_ns();
        if (pins->is_examining)
                has_more = examine(pins);
        else
                hear(pins);
        pins->spent_ns += tl_clock_thread_ns() - begun_ns;
        if (!has_more)
                rest(pins);
        return has_more ? 0 : pins->due_ns;
}
