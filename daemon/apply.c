/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "daemon/apply.h"

#include <errno.h>
#include <stdlib.h>

#include "core/configure.h"
#include "core/peers.h"
#include "daemon/env.h"
#include "io/clock.h"

WG_ENUM_DEFINE(tl_apply_phase, TL_APPLY_PHASES)

/* The effects of an entry on a peer. */
#define FATES(X) \
        X(FATE_NOTHING, 0, nothing, "nothing changes") \
        X(FATE_CHANGE, 1, change, "the peer is changed") \
        X(FATE_RENEW, 2, renew, "the peer stays, with the defaults of a new one") \
        X(FATE_REMOVE, 3, remove, "the peer is removed") \
        X(FATE_REPLACE, 4, replace, "the peer is replaced by a new one") \
        X(FATE_MAKE, 5, make, "the peer is made")
WG_ENUM_DECLARE(tl_apply_fate, FATES)
WG_ENUM_DEFINE(tl_apply_fate, FATES)

/* The clock is read after this many steps. A step is a prefix or a peer. It takes a microsecond
 * or less, except for an endpoint with a zone, which the system looks up. */
enum { STEPS = 64 };

#define SLICE_NS (TL_NS_PER_MS / 2)

struct tl_apply {
        struct wg_list node;
        struct tl_apply_queue *queue;
        struct tl_change change;
        void (*done)(void *ctx, int error); /* NULL: not wanted */
        void *ctx;
        int error;
        bool is_empty; /* changes nothing, only waits for its turn */

        /* Progress. */
        enum tl_apply_phase phase;
        uint32_t next_peer, next_ip; /* of the change, in this phase */
        struct wg_peer *half_done;   /* the peer of entry next_peer; still lacks allowed IPs */
        bool strips;                 /* its old allowed IPs must go first */

        bool may_remove;              /* an entry examined so far removes a peer */
        struct wg_identity *identity; /* made, but not in use yet */
        uint64_t last_old;            /* greatest serial of the old peers to remove; 0: none */
};

static const struct tl_change_peer *this_peer(const struct tl_apply *apply)
{
        return tl_change_peer_at(&apply->change, apply->next_peer);
}

static void enter(struct tl_apply *apply, enum tl_apply_phase phase)
{
        apply->phase = phase;
        apply->next_peer = apply->next_ip = 0;
}

/* Fails the change and frees what it reserved. */
static void give_up(struct tl_apply *apply, int error)
{
        apply->error = error;
        wg_identity_free(apply->identity);
        apply->identity = NULL;
        enter(apply, TL_APPLY_TRIM);
}

/* ---- phases that can fail ---- */

static int resolve_zone(struct tl_apply *apply, struct tl_change_peer *peer)
{
        if (!peer->has_endpoint || !peer->zone[0])
                return 0;
        return tl_routes_find_link(apply->queue->routes, peer->zone, &peer->endpoint.scope);
}

/* If all peers are replaced, a peer that is listed again with the same preshared key stays. */
static bool goes_on(const struct wg_peer *peer, const struct tl_change_peer *wanted)
{
        if (!wanted->has_preshared_key)
                return wg_is_zero(peer->preshared_key, WG_KEY_LEN);
        return wg_equal(peer->preshared_key, wanted->preshared_key, WG_KEY_LEN);
}

/* Returns what an entry of a change does to the peer with its key (NULL: no such peer). The peer is
 * old if the change replaces all peers and has not listed it yet. Only MAKE and REPLACE take
 * reserved memory. */
static enum tl_apply_fate find_fate(const struct tl_change_peer *wanted, const struct wg_peer *peer,
                                    bool is_old)
{
        if (wanted->remove)
                return peer ? FATE_REMOVE : FATE_NOTHING;
        /* An old peer counts as gone, so there is nothing to update. */
        if (wanted->update_only && (!peer || is_old))
                return FATE_NOTHING;
        if (!peer)
                return FATE_MAKE;
        if (!is_old)
                return FATE_CHANGE;
        return goes_on(peer, wanted) ? FATE_RENEW : FATE_REPLACE;
}

/* Whether the entry may make a peer. find_fate() is called twice for each entry: here, before
 * anything is done, and by begin_peer(), once the entries before it have been applied. The second
 * call must not return MAKE or REPLACE unless the first did, since the first reserves memory. It
 * does not: a peer found here is also found there, and its preshared key does not change while it
 * is old. Only an entry that removes peers could remove it in between, and after such an entry,
 * every entry counts as making a peer. An entry that replaces the peer leaves one that is not old.
 * (A new private key removes the peer whose key is now our own, which is never made again.) */
static bool may_make(struct tl_apply *apply, const struct tl_change_peer *wanted)
{
        const struct wg_peer *peer = wg_peers_find(apply->queue->engine, wanted->public_key);
        enum tl_apply_fate fate;

        apply->may_remove |= wanted->remove;
        fate = find_fate(wanted, apply->may_remove ? NULL : peer, apply->change.replace_peers);
        return fate == FATE_MAKE || fate == FATE_REPLACE;
}

static bool is_unknown(struct tl_apply *apply, const struct tl_change_allowed_ip *ip)
{
        return !ip->remove && !wg_allowedips_is_known(&apply->queue->engine->allowed, &ip->prefix);
}

/* Examines an entry's allowed IPs, then its peer. Reserves the memory they need. */
static void reserve(struct tl_apply *apply, size_t most)
{
        struct tl_change *change = &apply->change;
        size_t peers = 0, prefixes = 0;
        int error = 0;

        for (; most && apply->next_peer < change->peer_count && !error; most--) {
                struct tl_change_peer *peer = tl_change_peer_at(change, apply->next_peer);

                if (apply->next_ip < peer->allowed_ip_count) {
                        prefixes += is_unknown(
                                apply, tl_change_peer_allowed_ip(change, peer, apply->next_ip++));
                        continue;
                }
                error = resolve_zone(apply, peer);
                peers += may_make(apply, peer);
                apply->next_peer++;
                apply->next_ip = 0;
        }
        if (!error && !wg_engine_reserve(apply->queue->engine, peers, prefixes))
                error = -ENOMEM;
        if (error)
                give_up(apply, error);
        else if (apply->next_peer == change->peer_count)
                enter(apply, TL_APPLY_DEVICE);
}

/* Sets mark and port. If setting the port fails, restores the mark. */
static int change_sockets(struct tl_sockets *sockets, const struct tl_change *change)
{
        uint32_t mark_before = sockets->fwmark;
        int error = 0;

        if (change->has_fwmark)
                error = tl_sockets_set_fwmark(sockets, change->fwmark);
        if (error || !change->has_listen_port)
                return error;
        error = tl_sockets_set_port(sockets, change->listen_port);
        if (error)
                (void)!tl_sockets_set_fwmark(sockets, mark_before);
        return error;
}

static int make_identity(struct tl_apply *apply)
{
        const struct tl_change *change = &apply->change;

        if (!change->has_private_key || wg_is_zero(change->private_key, TL_CONF_KEY_LEN))
                return 0;
        apply->identity = wg_identity_new(apply->queue->engine->env, change->private_key);
        return apply->identity ? 0 : -ENOMEM;
}

static void change_device(struct tl_apply *apply)
{
        struct wg_engine *engine = apply->queue->engine;
        int error = make_identity(apply);

        if (!error)
                error = change_sockets(apply->queue->sockets, &apply->change);
        if (error) {
                give_up(apply, error);
                return;
        }
        if (apply->change.has_private_key)
                wg_engine_set_identity(engine, apply->identity, tl_env_now());
        apply->identity = NULL;
        apply->last_old = apply->change.replace_peers ? engine->peers_made : 0;
        enter(apply, TL_APPLY_PEERS);
}

/* ---- phases that cannot fail ---- */

static bool is_self(const struct wg_engine *engine, const uint8_t public_key[TL_CONF_KEY_LEN])
{
        const struct wg_identity *identity = atomic_load(&engine->identity);

        return identity &&
               memcmp(wg_x25519_key_public(identity->key), public_key, TL_CONF_KEY_LEN) == 0;
}

/* Returns the steps it took: fewer than most if the peer is gone. */
static size_t remove_peer(struct wg_engine *engine, struct wg_peer *peer, size_t most)
{
        size_t steps = wg_engine_disallow_first(peer, most);

        if (steps < most)
                wg_engine_remove_peer(engine, peer);
        return steps;
}

/* Changes all settings of a peer except its allowed IPs. */
static void change_settings(struct wg_peer *peer, const struct tl_change_peer *wanted, bool renews)
{
        if (wanted->has_preshared_key)
                wg_engine_set_preshared_key(peer, wanted->preshared_key);
        if (wanted->has_endpoint)
                wg_engine_set_endpoint(peer, &wanted->endpoint);
        if (wanted->has_persistent_keepalive || renews)
                wg_engine_set_keepalive(
                        peer, wanted->has_persistent_keepalive ? wanted->persistent_keepalive_s : 0,
                        tl_env_now());
}

/* Finds or makes the peer of the next entry and changes its settings. Skips an entry that has none.
 * Returns the steps it took. */
static size_t begin_peer(struct tl_apply *apply, size_t most)
{
        struct wg_engine *engine = apply->queue->engine;
        const struct tl_change_peer *wanted = this_peer(apply);
        struct wg_peer *peer = wg_peers_find(engine, wanted->public_key);
        enum tl_apply_fate fate = find_fate(wanted, peer, peer && peer->serial <= apply->last_old);
        size_t steps = 1;

        if (fate == FATE_REMOVE || fate == FATE_REPLACE) {
                steps = remove_peer(engine, peer, most);
                if (steps == most)
                        return most;
        }
        /* An entry with our own public key is ignored, so that all peers can share one list. */
        if (fate == FATE_NOTHING || fate == FATE_REMOVE ||
            (fate == FATE_MAKE && is_self(engine, wanted->public_key))) {
                apply->next_peer++;
                return steps;
        }
        if (fate == FATE_MAKE || fate == FATE_REPLACE)
                peer = wg_engine_add_peer(engine, wanted->public_key);
        if (fate == FATE_RENEW)
                wg_engine_renew_peer(engine, peer);
        change_settings(peer, wanted, fate == FATE_RENEW);
        apply->half_done = peer;
        apply->strips = wanted->replace_allowed_ips || fate == FATE_RENEW;
        return steps;
}

static size_t change_allowed_ips(struct tl_apply *apply, size_t most)
{
        const struct tl_change_peer *wanted = this_peer(apply);
        struct wg_peer *peer = apply->half_done;
        size_t steps = 0;

        if (apply->strips)
                steps = wg_engine_disallow_first(peer, most);
        if (steps == most)
                return steps;
        apply->strips = false;
        for (; steps < most && apply->next_ip < wanted->allowed_ip_count; steps++) {
                const struct tl_change_allowed_ip *ip = tl_change_peer_allowed_ip(
                        &apply->change, wanted, apply->next_ip++);

                if (ip->remove)
                        wg_engine_disallow(peer, &ip->prefix);
                else
                        wg_engine_allow(peer, &ip->prefix);
        }
        if (steps == most)
                return steps;
        wg_engine_peer_changed(peer, tl_env_now());
        apply->half_done = NULL;
        apply->next_ip = 0;
        apply->next_peer++;
        return steps;
}

static void change_peers(struct tl_apply *apply, size_t most)
{
        while (most && apply->next_peer < apply->change.peer_count)
                most -= apply->half_done ? change_allowed_ips(apply, most)
                                         : begin_peer(apply, most);
        if (apply->next_peer == apply->change.peer_count)
                enter(apply, TL_APPLY_SWEEP);
}

/* Removes the peers that were not listed again. They still precede all others. */
static void sweep(struct tl_apply *apply, size_t most)
{
        struct wg_engine *engine = apply->queue->engine;

        while (most) {
                struct wg_peer *peer = WG_CONTAINER_OF(engine->peers.next, struct wg_peer,
                                                       in_order);
                size_t steps;

                if (wg_list_is_empty(&engine->peers) || peer->serial > apply->last_old) {
                        enter(apply, TL_APPLY_COMMIT);
                        return;
                }
                steps = remove_peer(engine, peer, most);
                most -= WG_MIN(most, steps + 1);
        }
}

static void step(struct tl_apply *apply)
{
        struct wg_engine *engine = apply->queue->engine;

        switch (apply->phase) {
        case TL_APPLY_RESERVE:
                reserve(apply, STEPS);
                break;
        case TL_APPLY_DEVICE:
                change_device(apply);
                break;
        case TL_APPLY_PEERS:
                change_peers(apply, STEPS);
                break;
        case TL_APPLY_SWEEP:
                sweep(apply, STEPS);
                break;
        case TL_APPLY_COMMIT:
                if (wg_engine_commit(engine, STEPS) < STEPS)
                        enter(apply, TL_APPLY_TRIM);
                break;
        case TL_APPLY_TRIM:
                if (wg_engine_unreserve(engine, STEPS) < STEPS &&
                    tl_change_drop_peers(&apply->change, STEPS) < STEPS)
                        enter(apply, TL_APPLY_OVER);
                break;
        case TL_APPLY_OVER:
                break;
        }
        apply->queue->peers->generation++;
}

/* ---- the queue ---- */

static bool is_empty(const struct tl_change *change)
{
        return !change->peer_count && !change->has_private_key && !change->has_fwmark &&
               !change->has_listen_port && !change->replace_peers;
}

static void init(struct tl_apply *apply, struct tl_apply_queue *queue, struct tl_change *change)
{
        *apply = (struct tl_apply){.queue = queue, .change = *change, .is_empty = is_empty(change)};
        tl_change_init(change);
}

static void done(struct tl_apply *apply)
{
        wg_identity_free(apply->identity);
        tl_change_done(&apply->change);
}

int tl_apply(struct tl_apply_queue *queue, struct tl_change *change)
{
        struct tl_apply apply;

        WG_ASSERT(!tl_apply_is_busy(queue));
        init(&apply, queue, change);
        while (apply.phase != TL_APPLY_OVER)
                step(&apply);
        done(&apply);
        return apply.error;
}

struct tl_apply *tl_apply_begin(struct tl_apply_queue *queue, struct tl_change *change,
                                void (*on_done)(void *ctx, int error), void *ctx)
{
        struct tl_apply *apply = malloc(sizeof(*apply));

        if (!apply)
                return NULL;
        init(apply, queue, change);
        apply->done = on_done;
        apply->ctx = ctx;
        wg_list_append(&queue->list, &apply->node);
        return apply;
}

void tl_apply_forget(struct tl_apply *apply)
{
        apply->done = NULL;
}

static void end(struct tl_apply *apply)
{
        wg_list_remove(&apply->node);
        done(apply);
        free(apply);
}

bool tl_apply_is_busy(const struct tl_apply_queue *queue)
{
        return !wg_list_is_empty(&queue->list);
}

bool tl_apply_work(struct tl_apply_queue *queue)
{
        uint64_t end_ns;

        if (!tl_apply_is_busy(queue))
                return false;
        end_ns = tl_clock_boot_ns() + SLICE_NS;
        do {
                struct tl_apply *apply = WG_CONTAINER_OF(queue->list.next, struct tl_apply, node);

                step(apply);
                if (apply->phase != TL_APPLY_OVER)
                        continue;
                if (!apply->error && !apply->is_empty)
                        tl_events_add(queue->events, "configuration_changed",
                                      "the configuration was changed");
                if (apply->done)
                        apply->done(apply->ctx, apply->error);
                end(apply);
        } while (tl_apply_is_busy(queue) && tl_clock_boot_ns() < end_ns);
        return tl_apply_is_busy(queue);
}

void tl_apply_init(struct tl_apply_queue *queue, struct wg_engine *engine,
                   struct tl_sockets *sockets, struct tl_routes *routes, struct tl_peers *peers)
{
        *queue = (struct tl_apply_queue){
                .engine = engine, .sockets = sockets, .routes = routes, .peers = peers};
        wg_list_init(&queue->list);
}

void tl_apply_done(struct tl_apply_queue *queue)
{
        WG_LIST_EACH(node, &queue->list)
                end(WG_CONTAINER_OF(node, struct tl_apply, node));
}
