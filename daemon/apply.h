/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * apply.h - configuration changes, each applied completely or not at all.
 *
 * Everything that can fail comes first: looking up zones, reserving memory, opening sockets. The
 * rest cannot fail. A change of many thousand peers takes a while, but packets, timers, handshakes
 * and other clients do not wait for it: it is applied in slices of less than a millisecond, between
 * rounds of the engine. Workers see the old allowed IPs until all is done. Changes are applied in
 * order of arrival.
 * Threads: the engine's. */
#ifndef DAEMON_APPLY_H
#define DAEMON_APPLY_H

#include <stdbool.h>

#include "base/enum.h"
#include "base/list.h"
#include "conf/change.h"
#include "daemon/events.h"
#include "daemon/peers.h"
#include "daemon/sockets.h"
#include "io/route.h"

struct tl_apply;

/* The phases of a change. */
#define TL_APPLY_PHASES(X) \
        X(TL_APPLY_RESERVE, 0, reserve, "finds out what it needs, and reserves memory") \
        X(TL_APPLY_DEVICE, 1, device, "sets key, mark and port; the last phase that can fail") \
        X(TL_APPLY_PEERS, 2, peers, "makes, changes and removes peers") \
        X(TL_APPLY_SWEEP, 3, sweep, "removes the peers that it replaces") \
        X(TL_APPLY_COMMIT, 4, commit, "shows workers the new allowed IPs") \
        X(TL_APPLY_TRIM, 5, trim, "gives back memory that is not needed") \
        X(TL_APPLY_OVER, 6, over, "is done, or has failed")
WG_ENUM_DECLARE(tl_apply_phase, TL_APPLY_PHASES)

/* Changes under way. The first one is being applied. */
struct tl_apply_queue {
        struct wg_list list;

        /* Constant: the objects that they change. */
        struct wg_engine *engine;
        struct tl_sockets *sockets;
        struct tl_routes *routes; /* looks up names of links */
        struct tl_peers *peers;
        struct tl_events *events; /* gets an event for each change applied; NULL: none */
};

/* All arguments are borrowed until done(). */
void tl_apply_init(struct tl_apply_queue *queue, struct wg_engine *engine,
                   struct tl_sockets *sockets, struct tl_routes *routes, struct tl_peers *peers);

/* Drops all changes under way without calling done(). Call it before the engine ends. */
void tl_apply_done(struct tl_apply_queue *queue);

/* Takes over a change and queues it behind earlier ones. When it is complete, tl_apply_work() calls
 * done(ctx, error); until then the change is invisible or half done. `error`: 0; -EADDRINUSE,
 * -EACCES or another error of bind(2); -EPERM: the mark may not be set; -ENODEV: the zone of an
 * endpoint is no interface here; -ENOMEM. After an error nothing has changed. Returns NULL, and
 * takes nothing over, if there is no memory. */
struct tl_apply *tl_apply_begin(struct tl_apply_queue *queue, struct tl_change *change,
                                void (*done)(void *ctx, int error), void *ctx) WG_MUST_USE;

/* Ensures that done() will not be called. The change is still applied. */
void tl_apply_forget(struct tl_apply *apply);

/* Works on changes for one slice of time. Returns whether there is more to do. */
bool tl_apply_work(struct tl_apply_queue *queue);

/* Whether changes are under way. */
bool tl_apply_is_busy(const struct tl_apply_queue *queue) WG_MUST_USE;

/* Takes over a change and applies it at once. No other may be under way. Returns 0 or -errno, as
 * tl_apply_begin() reports it. */
int tl_apply(struct tl_apply_queue *queue, struct tl_change *change) WG_MUST_USE;

#endif
