/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * path.h - a peer's endpoint. Every thread reads it; a thread that opens a packet may change it.
 *
 * There are two copies, one of them current. A writer takes env->lock(), fills the other copy and
 * makes it current. A reader takes no lock and never waits for a writer; it retries if the other
 * copy became current meanwhile. The words are atomics, so no reader sees half a store.
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
        /* Rises with each write. Its last bit says which copy is current. */
        _Atomic uint32_t version;
        _Atomic uint64_t copies[2][WG_PATH_WORDS];
};

/* Reads the endpoint as it was at one moment. */
void wg_path_read(const struct wg_path *path, struct wg_endpoint *endpoint);

/* Replaces the endpoint. Writing the same endpoint again costs a read, but no lock and no store. */
void wg_path_write(struct wg_path *path, const struct wg_env *env,
                   const struct wg_endpoint *endpoint);

/* Clears the source (our address that the peer last reached) if it still equals that of `seen`, or
 * in any case if `seen` is NULL. */
void wg_path_unpin(struct wg_path *path, const struct wg_env *env, const struct wg_endpoint *seen);

#endif
