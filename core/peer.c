/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * How peers come, are found, and go. */
#include "core/peer.h"

#include "base/bits.h"
#include "base/mem.h"
#include "core/handshake.h"
#include "core/session.h"
#include "core/timers.h"

#define BUCKETS_MIN 16

static size_t bucket_of(const struct wg_engine *engine, const uint8_t public_key[WG_KEY_LEN])
{
        return wg_siphash(engine->bucket_key, public_key, WG_KEY_LEN) & (engine->bucket_count - 1);
}

static void free_buckets(struct wg_engine *engine, struct wg_peer **buckets, size_t count)
{
        if (buckets)
                engine->env->free(engine->env->ctx, buckets, count * sizeof(*buckets));
}

/* Makes room for so many peers in the hash table: a bucket for each. */
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

void wg_engine_unreserve(struct wg_engine *engine)
{
        while (engine->spare) {
                struct wg_peer *peer = engine->spare;

                engine->spare = peer->next_in_bucket;
                free_peer(engine, peer);
        }
        wg_allowedips_unreserve(&engine->allowed);
}

bool wg_engine_reserve(struct wg_engine *engine, size_t peers, size_t prefixes)
{
        if (!grow_buckets(engine, engine->peer_count + peers) ||
            !wg_heap_reserve(&engine->due, engine->peer_count + peers) ||
            !wg_allowedips_reserve(&engine->allowed, prefixes))
                goto fail;
        for (size_t i = 0; i < peers; i++) {
                struct wg_peer *peer = engine->env->alloc(engine->env->ctx, sizeof(*peer));

                if (!peer)
                        goto fail;
                peer->next_in_bucket = engine->spare;
                engine->spare = peer;
        }
        return true;
fail:
        wg_engine_unreserve(engine);
        return false;
}

struct wg_peer *wg_engine_find_peer(const struct wg_engine *engine,
                                    const uint8_t public_key[WG_KEY_LEN])
{
        struct wg_peer *peer = NULL;

        if (engine->bucket_count)
                peer = engine->buckets[bucket_of(engine, public_key)];
        while (peer && memcmp(peer->public_key, public_key, WG_KEY_LEN) != 0)
                peer = peer->next_in_bucket;
        return peer;
}

struct wg_peer *wg_engine_add_peer(struct wg_engine *engine, const uint8_t public_key[WG_KEY_LEN])
{
        struct wg_peer *peer = engine->spare;
        size_t b;

        WG_ASSERT(peer);
        engine->spare = peer->next_in_bucket;
        peer->engine = engine;
        memcpy(peer->public_key, public_key, WG_KEY_LEN);
        peer->serial = ++engine->peers_made;
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
        if (peer->is_released && !peer->keypairs &&
            !(atomic_load_explicit(&peer->notes, memory_order_acquire) & (uint32_t)WG_NOTE_QUEUED))
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

void wg_engine_remove_peer(struct wg_engine *engine, struct wg_peer *peer)
{
        peer->is_removed = true;
        leave_bucket(engine, peer);
        wg_list_remove(&peer->in_order);
        engine->peer_count--;
        wg_engine_disallow_all(peer);
        wg_staged_purge(&engine->staged_pool, &peer->staged);
        wg_timers_cancel_all(peer);
        wg_handshake_clear(peer);
        wg_session_clear(peer);
        peer->retired.release = release;
        engine->env->retire(engine->env->ctx, &peer->retired);
}

void wg_engine_done(struct wg_engine *engine)
{
        if (!engine->env)
                return;
        WG_LIST_EACH(node, &engine->peers)
                wg_engine_remove_peer(engine, WG_CONTAINER_OF(node, struct wg_peer, in_order));
        while (engine->to_do || atomic_load_explicit(&engine->noted, memory_order_relaxed)) {
                struct wg_peer *peer = engine->to_do;

                if (!peer)
                        peer = atomic_exchange_explicit(&engine->noted, NULL, memory_order_acquire);
                engine->to_do = peer->next_noted;
                atomic_fetch_and_explicit(&peer->notes, ~(uint32_t)WG_NOTE_QUEUED,
                                          memory_order_relaxed);
                wg_peer_free_unused(peer);
        }
        wg_engine_unreserve(engine);
        free_buckets(engine, engine->buckets, engine->bucket_count);
        wg_identity_free(atomic_load_explicit(&engine->identity, memory_order_relaxed));
        wg_heap_done(&engine->due);
        wg_ratelimit_done(&engine->ratelimit);
        wg_hsqueue_done(&engine->handshakes);
        wg_index_done(&engine->indices);
        wg_allowedips_done(&engine->allowed);
        wg_wipe(&engine->cookie_maker, sizeof(engine->cookie_maker));
}
