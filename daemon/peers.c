/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "daemon/peers.h"

#include "daemon/device.h"

/* The first peer of that number or a later one; peers are in the order of their numbers. */
static struct wg_peer *find_from(const struct wg_engine *engine, uint64_t serial)
{
        WG_LIST_EACH(node, &engine->peers) {
                struct wg_peer *peer = WG_CONTAINER_OF(node, struct wg_peer, in_order);

                if (peer->serial >= serial)
                        return peer;
        }
        return NULL;
}

static bool is_current(const struct tl_peer_cursor *cursor, const struct tl_device *device)
{
        return cursor->peer && cursor->generation == device->generation;
}

static struct wg_peer *move_to(struct tl_peer_cursor *cursor, const struct tl_device *device,
                               struct wg_peer *peer)
{
        cursor->peer = peer;
        cursor->generation = device->generation;
        if (peer)
                cursor->serial = peer->serial;
        return peer;
}

struct wg_peer *tl_peer_cursor_next(struct tl_peer_cursor *cursor, const struct tl_device *device)
{
        const struct wg_list *next;

        if (!is_current(cursor, device))
                return move_to(cursor, device, find_from(&device->engine, cursor->serial + 1));
        next = cursor->peer->in_order.next;
        return move_to(cursor, device,
                       next == &device->engine.peers
                               ? NULL
                               : WG_CONTAINER_OF(next, struct wg_peer, in_order));
}

struct wg_peer *tl_peer_cursor_get(struct tl_peer_cursor *cursor, const struct tl_device *device)
{
        struct wg_peer *peer;

        if (is_current(cursor, device))
                return cursor->peer;
        peer = find_from(&device->engine, cursor->serial);
        if (!peer || peer->serial != cursor->serial)
                return NULL;
        return move_to(cursor, device, peer);
}
