/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * peers.h - walks the peers of a device in several steps. Peers may be added and removed between
 * the steps.
 *
 * A cursor keeps the serial and key of the last peer, which cannot dangle. Its pointer is used only
 * while the configuration has not changed.
 * Threads: the engine's. */
#ifndef DAEMON_PEERS_H
#define DAEMON_PEERS_H

#include "core/peer.h"

/* The peers of a device, as cursors see them. */
struct tl_peers {
        const struct wg_engine *engine;
        uint64_t generation; /* changes with every change of the configuration */
};

/* Zeroed memory is before the first peer. */
struct tl_peer_cursor {
        uint64_t serial; /* of the last peer; 0: none yet */
        uint8_t public_key[WG_KEY_LEN];
        uint64_t generation; /* of the configuration when `peer` was looked up */
        struct wg_peer *peer;
};

/* Moves the cursor to the next peer in order of creation, and returns it, or NULL. */
struct wg_peer *tl_peer_cursor_next(struct tl_peer_cursor *cursor, const struct tl_peers *peers);

/* The peer at the cursor, or NULL if it was removed meanwhile. */
struct wg_peer *tl_peer_cursor_get(struct tl_peer_cursor *cursor, const struct tl_peers *peers);

#endif
