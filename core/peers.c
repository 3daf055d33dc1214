/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/peers.h"

#include "base/bits.h"
#include "base/mem.h"

#define BUCKETS_MIN 16

static size_t bucket_of(const struct wg_engine *engine, const uint8_t public_key[WG_KEY_LEN])
{
        return (size_t)wg_siphash(engine->bucket_key, public_key, WG_KEY_LEN) &
               (engine->bucket_count - 1);
}

static void free_buckets(struct wg_engine *engine, struct wg_peer **buckets, size_t count)
{
        if (buckets)
                engine->env->free(engine->env->ctx, buckets, count * sizeof(*buckets));
}

/* Makes room for `peers` peers in the hash table: one bucket for each. */
static bool grow_buckets(struct wg_engine *engine, size_t peers)
{
        size_t old_count = engine->bucket_count;
        struct wg_peer **old = engine->buckets, **buckets;
        size_t count = old_count ? old_count : BUCKETS_MIN;

        while (count < peers)
                count *= 2;
        if (count == old_count)
                return true;
        buckets = engine->env->alloc(engine->env->ctx, count * sizeof(*buckets));
        if (!buckets)
                return false;
        engine->buckets = buckets;
        engine->bucket_count = count;
        for (size_t i = 0; i < old_count; i++)
                for (struct wg_peer *peer = old[i], *next; peer; peer = next) {
                        size_t b = bucket_of(engine, peer->public_key);

                        next = peer->next_in_bucket;
                        peer->next_in_bucket = buckets[b];
                        buckets[b] = peer;
                }
        free_buckets(engine, old, old_count);
        return true;
}

static void free_peer(struct wg_engine *engine, struct wg_peer *peer)
{
        wg_wipe(peer, sizeof(*peer));
        engine->env->free(engine->env->ctx, peer, sizeof(*peer));
}

size_t wg_peers_unreserve(struct wg_engine *engine, size_t most)
{
        size_t freed = 0;

        for (; engine->spare && freed < most; freed++) {
                struct wg_peer *peer = engine->spare;

                engine->spare = peer->next_in_bucket;
                engine->env->free(engine->env->ctx, peer, sizeof(*peer));
        }
        engine->spares -= freed;
        return freed;
}

static bool add_spares(struct wg_engine *engine, size_t peers)
{
        for (size_t i = 0; i < peers; i++) {
                struct wg_peer *peer = engine->env->alloc(engine->env->ctx, sizeof(*peer));

                if (!peer) {
                        wg_peers_unreserve(engine, i);
                        return false;
                }
                peer->next_in_bucket = engine->spare;
                engine->spare = peer;
                engine->spares++;
        }
        return true;
}

bool wg_peers_reserve(struct wg_engine *engine, size_t peers)
{
        size_t room = engine->peer_count + engine->spares + peers;

        return grow_buckets(engine, room) && wg_heap_reserve(&engine->due, room) &&
               add_spares(engine, peers);
}

struct wg_peer *wg_peers_find(const struct wg_engine *engine, const uint8_t public_key[WG_KEY_LEN])
{
        struct wg_peer *peer = NULL;

        if (engine->bucket_count)
                peer = engine->buckets[bucket_of(engine, public_key)];
        while (peer && memcmp(peer->public_key, public_key, WG_KEY_LEN) != 0)
                peer = peer->next_in_bucket;
        return peer;
}

struct wg_peer *wg_peers_add(struct wg_engine *engine, const uint8_t public_key[WG_KEY_LEN])
{
        struct wg_peer *peer = engine->spare;
        size_t b;

        WG_ASSERT(peer);
        engine->spare = peer->next_in_bucket;
        engine->spares--;
        peer->engine = engine;
        memcpy(peer->public_key, public_key, WG_KEY_LEN);
        peer->serial = ++engine->peers_made;
        /* The peer may know us from before its removal, or before a restart. */
        peer->stamped_ns = engine->stamped_ns;
        peer->handshake.entry.peer = peer;
        peer->handshake.entry.kind = WG_INDEX_HANDSHAKE;
        wg_allowed_owner_init(&peer->allowed, peer);
        b = bucket_of(engine, public_key);
        peer->next_in_bucket = engine->buckets[b];
        engine->buckets[b] = peer;
        wg_list_append(&engine->peers, &peer->in_order);
        engine->peer_count++;
        return peer;
}

void wg_peer_free_unused(struct wg_peer *peer)
{
        if (peer->is_released && !peer->keypairs && !wg_waiting_has_some(&peer->waiting) &&
            !wg_note_is_queued(&peer->notes))
                free_peer(peer->engine, peer);
}

static void release(struct wg_retired *retired)
{
        struct wg_peer *peer = WG_CONTAINER_OF(retired, struct wg_peer, retired);

        peer->is_released = true;
        wg_peer_free_unused(peer);
}

static void leave_bucket(struct wg_engine *engine, struct wg_peer *peer)
{
        struct wg_peer **link = &engine->buckets[bucket_of(engine, peer->public_key)];

        while (*link != peer)
                link = &(*link)->next_in_bucket;
        *link = peer->next_in_bucket;
}

void wg_peers_remove(struct wg_engine *engine, struct wg_peer *peer)
{
        leave_bucket(engine, peer);
        wg_list_remove(&peer->in_order);
        wg_list_append(&engine->leaving, &peer->in_order);
}

void wg_peers_move_last(struct wg_engine *engine, struct wg_peer *peer)
{
        wg_list_remove(&peer->in_order);
        wg_list_append(&engine->peers, &peer->in_order);
        peer->serial = ++engine->peers_made;
}

void wg_peers_retire(struct wg_engine *engine, struct wg_peer *peer)
{
        peer->is_removed = true;
        wg_list_remove(&peer->in_order);
        engine->peer_count--;
        peer->retired.release = release;
        engine->env->retire(engine->env->ctx, &peer->retired);
}

void wg_peer_let_pass(struct wg_peer *peer, uint32_t packets)
{
        wg_waiting_remove(&peer->waiting, packets);
        wg_peer_free_unused(peer);
}

uint32_t wg_peer_drop_staged(struct wg_peer *peer, enum wg_verdict verdict)
{
        struct wg_engine *engine = peer->engine;
        uint32_t dropped = wg_staged_purge(&engine->staged_pool, &peer->staged);

        wg_worker_count_many(&engine->worker, verdict, dropped);
        wg_waiting_remove(&peer->waiting, dropped);
        return dropped;
}

void wg_peers_init(struct wg_engine *engine)
{
        engine->env->random(engine->env->ctx, engine->bucket_key, sizeof(engine->bucket_key));
        wg_list_init(&engine->peers);
        wg_list_init(&engine->leaving);
}

void wg_peers_done(struct wg_engine *engine)
{
        wg_peers_unreserve(engine, SIZE_MAX);
        free_buckets(engine, engine->buckets, engine->bucket_count);
}
