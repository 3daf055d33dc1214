/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * peers.h - walks the peers of a device in several pieces, between which they may come and go.
 *
 * The place is kept by what cannot dangle: number and key of the last peer. The pointer beside them is
 * believed only while the configuration has not changed.
 * Threads: the engine's. */
#ifndef DAEMON_PEERS_H
#define DAEMON_PEERS_H

#include "core/peer.h"

/* The peers of a device, as cursors see them. */
struct tl_peers {
        const struct wg_engine *engine;
        uint64_t generation; /* a number for each state that the configuration was in */
};

/* Zeroed memory is the place before the first peer. */
struct tl_peer_cursor {
        uint64_t serial; /* of the last peer; 0: none yet */
        uint8_t public_key[WG_KEY_LEN];
        uint64_t generation; /* of the configuration when `peer` was looked up */
        struct wg_peer *peer;
};

/* The next peer in order of creation, or NULL; the cursor moves there. */
struct wg_peer *tl_peer_cursor_next(struct tl_peer_cursor *cursor, const struct tl_peers *peers);

/* The peer the cursor is at, or NULL where that has been removed meanwhile. */
struct wg_peer *tl_peer_cursor_get(struct tl_peer_cursor *cursor, const struct tl_peers *peers);

#endif
