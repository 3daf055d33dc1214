/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * path.h - a peer's endpoint, which every thread reads and the opener of a packet may move.
 *
 * There are three copies. A writer fills an unused one and makes it current; a reader retries if
 * another became current meanwhile. Nobody waits for a writer that was preempted half way, which
 * may be a thread of lower priority. The words are atomics, so no reader sees half a store.
 * Threads: any. */
#ifndef CORE_PATH_H
#define CORE_PATH_H

#include "base/endpoint.h"
#include "base/std.h"

#define WG_PATH_WORDS 6
#define WG_PATH_COPIES 3

/* Zeroed memory is valid: no endpoint. */
struct wg_path {
        _Atomic uint64_t state; /* which copy is current, and more: see path.c */
        _Atomic uint64_t copies[WG_PATH_COPIES][WG_PATH_WORDS];
};

/* The endpoint as it was at one moment. */
void wg_path_read(struct wg_path *path, struct wg_endpoint *endpoint);

/* Replaces it. The same endpoint again costs a read and no store. */
void wg_path_write(struct wg_path *path, const struct wg_endpoint *endpoint);

/* Forgets from which of our addresses the peer is answered, if that is still the one in `seen`;
 * a NULL `seen` forgets any. */
void wg_path_unpin(struct wg_path *path, const struct wg_endpoint *seen);

#endif
