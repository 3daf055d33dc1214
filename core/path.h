/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * path.h - a peer's endpoint, which every thread reads and the opener of a packet may move.
 *
 * Of two copies one is current. Writers exclude each other by env->lock(), fill the other copy and
 * make it current. Readers take no lock and never wait for a writer: they retry if another copy
 * became current meanwhile. The words are atomics, so no reader sees half a store.
 * Threads: any. */
#ifndef CORE_PATH_H
#define CORE_PATH_H

#include "base/endpoint.h"
#include "base/std.h"
#include "core/env.h"

#define WG_PATH_WORDS 6

/* Zeroed memory is valid: no endpoint. */
struct wg_path {
        _Atomic uint32_t lock; /* env->lock() */
        _Atomic uint32_t
                version; /* rises with each write; its last bit says which copy is current */
        _Atomic uint64_t copies[2][WG_PATH_WORDS];
};

/* The endpoint as it was at one moment. */
void wg_path_read(const struct wg_path *path, struct wg_endpoint *endpoint);

/* Replaces it. Writing the current endpoint costs a read, and neither a lock nor a store. */
void wg_path_write(struct wg_path *path, const struct wg_env *env,
                   const struct wg_endpoint *endpoint);

/* Forgets from which of our addresses the peer is answered, if that is still the one in `seen`;
 * a NULL `seen` forgets any. */
void wg_path_unpin(struct wg_path *path, const struct wg_env *env, const struct wg_endpoint *seen);

#endif
