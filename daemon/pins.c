/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "daemon/pins.h"

#include "daemon/device.h"

enum { PEERS_A_TURN = 256, QUESTIONS_A_TURN = 32 };

static void changed(void *ctx, uint32_t events)
{
        struct tl_pins *pins = ctx;

        (void)events;
        if (!tl_routes_have_changed(&pins->routes))
                return;
        pins->cursor = (struct tl_peer_cursor){.serial = 0};
        pins->is_due = true;
}

int tl_pins_init(struct tl_pins *pins, struct tl_device *device)
{
        int error = tl_routes_init(&pins->routes);

        pins->device = device;
        return error ? error
                     : tl_loop_add(&device->loop, &pins->watch, pins->routes.fd, EPOLLIN, changed,
                                   pins);
}

void tl_pins_done(struct tl_pins *pins)
{
        tl_loop_remove(&pins->watch);
        tl_routes_done(&pins->routes);
}

/* Whether a peer is answered from a pinned address that routing has a say in: a link-local one goes
 * by its own link whatever the routes are. */
static bool has_pin(const struct wg_endpoint *e)
{
        return e->source.family != WG_FAMILY_NONE && e->source_ifindex && !e->scope;
}

bool tl_pins_work(struct tl_pins *pins)
{
        struct tl_device *device = pins->device;
        unsigned int questions = 0;

        for (unsigned int i = 0; pins->is_due && i < PEERS_A_TURN; i++) {
                struct wg_peer *peer = tl_peer_cursor_next(&pins->cursor, device);
                struct wg_endpoint e;
                uint32_t ifindex;

                if (!peer) {
                        pins->is_due = false;
                        break;
                }
                wg_path_read(&peer->path, &e);
                if (!has_pin(&e))
                        continue;
                if (tl_routes_ask(&pins->routes, &e, device->fwmark, &ifindex) ||
                    ifindex != e.source_ifindex)
                        wg_path_unpin(&peer->path, &e);
                if (++questions == QUESTIONS_A_TURN)
                        break;
        }
        return pins->is_due;
}
