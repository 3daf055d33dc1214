/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "daemon/peers.h"

#include "core/peers.h"

/* The peer at the cursor, if it still exists. */
static struct wg_peer *find_here(const struct tl_peer_cursor *cursor,
                                 const struct wg_engine *engine)
{
        struct wg_peer *peer = cursor->serial ? wg_peers_find(engine, cursor->public_key) : NULL;

        return peer && peer->serial == cursor->serial ? peer : NULL;
}

/* The first peer with that serial or a later one. Peers are in order of their serials. This is
 * slow, and used only if the peer at the cursor was removed. */
static struct wg_peer *find_from(const struct wg_engine *engine, uint64_t serial)
{
        WG_LIST_EACH(node, &engine->peers) {
                struct wg_peer *peer = WG_CONTAINER_OF(node, struct wg_peer, in_order);

                if (peer->serial >= serial)
                        return peer;
        }
        return NULL;
}

static bool is_current(const struct tl_peer_cursor *cursor, const struct tl_peers *peers)
{
        return cursor->peer && cursor->generation == peers->generation;
}

static struct wg_peer *move_to(struct tl_peer_cursor *cursor, const struct tl_peers *peers,
                               struct wg_peer *peer)
{
        cursor->peer = peer;
        cursor->generation = peers->generation;
        if (peer) {
                cursor->serial = peer->serial;
                memcpy(cursor->public_key, peer->public_key, WG_KEY_LEN);
        }
        return peer;
}

static struct wg_peer *after(const struct wg_engine *engine, const struct wg_peer *peer)
{
        const struct wg_list *next = peer->in_order.next;

        return next == &engine->peers ? NULL : WG_CONTAINER_OF(next, struct wg_peer, in_order);
}

struct wg_peer *tl_peer_cursor_next(struct tl_peer_cursor *cursor, const struct tl_peers *peers)
{
        const struct wg_engine *engine = peers->engine;
        struct wg_peer *here = is_current(cursor, peers) ? cursor->peer : find_here(cursor, engine);

        return move_to(cursor, peers,
                       here ? after(engine, here) : find_from(engine, cursor->serial + 1));
}

struct wg_peer *tl_peer_cursor_get(struct tl_peer_cursor *cursor, const struct tl_peers *peers)
{
        struct wg_peer *here;

        if (is_current(cursor, peers))
                return cursor->peer;
        here = find_here(cursor, peers->engine);
        return here ? move_to(cursor, peers, here) : NULL;
}
