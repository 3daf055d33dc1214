/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * apply.h - changes of configuration, each carried out whole or not at all.
 *
 * First all that can fail: zones are looked up, memory is taken, sockets are opened. Then all that
 * cannot. A change of many thousand peers takes a while, and packets, timers, handshakes and other
 * clients do not wait for it: it is carried out in slices of less than a millisecond, between rounds of
 * the engine. Workers see the allowed IPs of before until all is done. Changes follow each other in the
 * order in which they came.
 * Threads: the engine's. */
#ifndef DAEMON_APPLY_H
#define DAEMON_APPLY_H

#include <stdbool.h>

#include "base/enum.h"
#include "base/list.h"
#include "conf/change.h"
#include "daemon/peers.h"
#include "daemon/sockets.h"
#include "io/route.h"

struct tl_apply;

/* What a change is at. */
#define TL_APPLY_PHASES(X) \
        X(TL_APPLY_RESERVE, 0, reserve, "finds out what it needs, and takes the memory for it") \
        X(TL_APPLY_DEVICE, 1, device, "sets key, mark and port; the last that can fail") \
        X(TL_APPLY_PEERS, 2, peers, "makes, changes and removes peers") \
        X(TL_APPLY_SWEEP, 3, sweep, "removes those that it replaces") \
        X(TL_APPLY_COMMIT, 4, commit, "shows workers the new allowed IPs") \
        X(TL_APPLY_TRIM, 5, trim, "gives back memory that is not needed, or not any more") \
        X(TL_APPLY_OVER, 6, over, "is done, or has failed")
WG_ENUM_DECLARE(tl_apply_phase, TL_APPLY_PHASES)

/* Changes on their way, the first of which is being carried out. */
struct tl_apply_queue {
        struct wg_list list;

        /* Constant: what they change. */
        struct wg_engine *engine;
        struct tl_sockets *sockets;
        struct tl_routes *routes; /* which knows the names of links */
        struct tl_peers *peers;
};

/* All arguments are borrowed until done(). */
void tl_apply_init(struct tl_apply_queue *queue, struct wg_engine *engine,
                   struct tl_sockets *sockets, struct tl_routes *routes, struct tl_peers *peers);

/* Forgets all changes on their way, without telling anybody, before the engine ends. */
void tl_apply_done(struct tl_apply_queue *queue);

/* Takes over a change and carries it out after those that came before it. Then done(ctx, error) is
 * called; until it is, by tl_apply_work(), the change has not begun to be visible or is in the middle
 * of it. `error`: 0; -EADDRINUSE, -EACCES or what else keeps a port from being bound; -EPERM: no mark
 * may be set; -ENODEV: the zone of an endpoint is no interface here; -ENOMEM; with all of these nothing
 * was changed. Returns NULL, and takes nothing over, where there is no memory for that. */
struct tl_apply *tl_apply_begin(struct tl_apply_queue *queue, struct tl_change *change,
                                void (*done)(void *ctx, int error), void *ctx) WG_MUST_USE;

/* Nobody wants to be told any more. The change is carried out all the same. */
void tl_apply_forget(struct tl_apply *apply);

/* Carries out one slice, or all changes that are smaller. Returns whether there is more. */
bool tl_apply_work(struct tl_apply_queue *queue);

/* Whether there are changes on their way. */
bool tl_apply_is_busy(const struct tl_apply_queue *queue) WG_MUST_USE;

/* Takes over a change and carries it out at once. There must be none on its way. Returns 0 or -errno,
 * as tl_apply_begin() tells. */
int tl_apply(struct tl_apply_queue *queue, struct tl_change *change) WG_MUST_USE;

#endif
