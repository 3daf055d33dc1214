/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/configure.h"

#include "base/mem.h"
#include "core/handshake.h"
#include "core/peers.h"
#include "core/session.h"
#include "core/timers.h"

bool wg_engine_reserve(struct wg_engine *engine, size_t peers, size_t prefixes)
{
        if (!wg_peers_reserve(engine, peers))
                return false;
        if (wg_allowedips_reserve(&engine->allowed, prefixes))
                return true;
        wg_peers_unreserve(engine, peers);
        return false;
}

size_t wg_engine_unreserve(struct wg_engine *engine, size_t most)
{
        size_t freed = wg_peers_unreserve(engine, most);

        return freed + wg_allowedips_unreserve(&engine->allowed, most - freed);
}

struct wg_peer *wg_engine_add_peer(struct wg_engine *engine, const uint8_t public_key[WG_KEY_LEN])
{
        return wg_peers_add(engine, public_key);
}

void wg_engine_remove_peer(struct wg_engine *engine, struct wg_peer *peer)
{
        wg_peers_remove(engine, peer);
        wg_engine_disallow_first(peer, SIZE_MAX);
}

void wg_engine_renew_peer(struct wg_engine *engine, struct wg_peer *peer)
{
        const struct wg_endpoint nowhere = {.ip.family = WG_FAMILY_NONE};

        wg_peers_move_last(engine, peer);
        if (!atomic_load_explicit(&peer->current, memory_order_relaxed))
                wg_path_write(&peer->path, peer->engine->env, &nowhere);
}

/* Retires a removed peer, once its prefixes have been withdrawn from workers. */
static void let_go(struct wg_engine *engine, struct wg_peer *peer)
{
        wg_peer_drop_staged(peer, WG_VERDICT_NO_PEER);
        wg_timers_cancel_all(peer);
        wg_handshake_clear(peer);
        wg_session_clear(peer);
        wg_peers_retire(engine, peer);
}

size_t wg_engine_commit(struct wg_engine *engine, size_t most)
{
        size_t steps = wg_allowedips_commit(&engine->allowed, most);

        for (; steps < most && !wg_list_is_empty(&engine->leaving); steps++)
                let_go(engine, WG_CONTAINER_OF(engine->leaving.next, struct wg_peer, in_order));
        return steps;
}

/* Also forgets when we last sent a handshake message, so that the next one need not wait. */
static void forget_sessions(struct wg_peer *peer)
{
        wg_handshake_clear(peer);
        wg_session_clear(peer);
        peer->handshake_sent_ns = 0;
}

static void stop_timers(struct wg_peer *peer)
{
        wg_timers_cancel_all(peer);
        /* All notes are obsolete, but the list may still lead to the peer. */
        wg_note_forget_times(&peer->notes, WG_NOTE_ALL_BUT_QUEUED);
}

void wg_engine_set_identity(struct wg_engine *engine, struct wg_identity *identity,
                            struct wg_now now)
{
        struct wg_identity *old = wg_engine_identity(engine);
        struct wg_peer *self;

        if (old && identity && wg_equal(old->private_key, identity->private_key, WG_KEY_LEN)) {
                wg_identity_free(identity);
                return;
        }
        if (!old && !identity)
                return;
        if (identity) {
                self = wg_peers_find(engine, wg_x25519_key_public(identity->key));
                if (self)
                        wg_engine_remove_peer(engine, self); /* retired by the next commit */
        }
        atomic_store_explicit(&engine->identity, identity, memory_order_release);
        WG_LIST_EACH(node, &engine->peers) {
                struct wg_peer *peer = WG_CONTAINER_OF(node, struct wg_peer, in_order);

                wg_wipe(peer->static_static, sizeof(peer->static_static));
                peer->has_static_static = false;
                wg_handshake_clear(peer);
                wg_timers_cancel(peer, WG_TIMER_RETRY);
                wg_session_stop_sending(peer);
                peer->handshake_sent_ns = 0;
                wg_engine_peer_changed(peer, now);
        }
        wg_identity_retire(old);
}

void wg_engine_set_preshared_key(struct wg_peer *peer, const uint8_t key[WG_KEY_LEN])
{
        memcpy(peer->preshared_key, key, WG_KEY_LEN);
}

void wg_engine_set_endpoint(struct wg_peer *peer, const struct wg_endpoint *endpoint)
{
        struct wg_endpoint e = *endpoint;

        memset(&e.source, 0, sizeof(e.source));
        e.source_ifindex = 0;
        wg_path_write(&peer->path, peer->engine->env, &e);
}

void wg_engine_set_keepalive(struct wg_peer *peer, uint16_t seconds, struct wg_now now)
{
        bool begins = !peer->keepalive_s && seconds;

        peer->keepalive_s = seconds;
        wg_timers_cancel(peer, WG_TIMER_PERSISTENT);
        if (!seconds || !wg_engine_is_up(peer->engine))
                return;
        if (begins)
                atomic_store_explicit(&peer->notes.traversal_ns, 0, memory_order_relaxed);
        /* When it fires, it checks whether a keepalive is due by the new interval. */
        wg_timers_arm(peer, WG_TIMER_PERSISTENT, now.ns);
}

void wg_engine_allow(struct wg_peer *peer, const struct wg_prefix *prefix)
{
        wg_allowedips_add(&peer->engine->allowed, &peer->allowed, prefix);
}

void wg_engine_disallow(struct wg_peer *peer, const struct wg_prefix *prefix)
{
        wg_allowedips_remove(&peer->engine->allowed, &peer->allowed, prefix);
}

size_t wg_engine_disallow_first(struct wg_peer *peer, size_t most)
{
        return wg_allowedips_remove_first(&peer->engine->allowed, &peer->allowed, most);
}

void wg_engine_peer_changed(struct wg_peer *peer, struct wg_now now)
{
        if (wg_engine_is_up(peer->engine) && (peer->staged.count || peer->owes_keepalive))
                wg_timers_arm_by(peer, WG_TIMER_FLUSH, now.ns);
}

void wg_engine_unpin_all(struct wg_engine *engine)
{
        WG_LIST_EACH(node, &engine->peers)
                wg_path_unpin(&WG_CONTAINER_OF(node, struct wg_peer, in_order)->path, engine->env,
                              NULL);
}

void wg_engine_set_mtu(struct wg_engine *engine, uint32_t mtu)
{
        atomic_store_explicit(&engine->mtu, mtu, memory_order_relaxed);
}

/* A peer with a persistent keepalive gets one at once. */
static void start_persistent(struct wg_peer *peer, struct wg_now now)
{
        atomic_store_explicit(&peer->notes.traversal_ns, 0, memory_order_relaxed);
        if (peer->keepalive_s)
                wg_timers_arm(peer, WG_TIMER_PERSISTENT, now.ns);
}

void wg_engine_set_up(struct wg_engine *engine, bool up, struct wg_now now)
{
        if (wg_engine_is_up(engine) == up)
                return;
        atomic_store_explicit(&engine->is_up, up, memory_order_relaxed);
        while (!up && wg_hsqueue_take(&engine->handshakes, now.ns))
                wg_worker_count(&engine->worker, WG_VERDICT_DOWN);
        WG_LIST_EACH(node, &engine->peers) {
                struct wg_peer *peer = WG_CONTAINER_OF(node, struct wg_peer, in_order);

                if (up) {
                        start_persistent(peer, now);
                        continue;
                }
                wg_peer_drop_staged(peer, WG_VERDICT_DOWN);
                peer->owes_keepalive = false;
                stop_timers(peer);
                forget_sessions(peer);
        }
}

void wg_engine_suspended(struct wg_engine *engine, struct wg_now now)
{
        WG_LIST_EACH(node, &engine->peers) {
                struct wg_peer *peer = WG_CONTAINER_OF(node, struct wg_peer, in_order);

                stop_timers(peer);
                forget_sessions(peer);
                if (wg_engine_is_up(engine))
                        start_persistent(peer, now);
                wg_engine_peer_changed(peer, now);
        }
}
