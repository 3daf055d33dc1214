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
        return (size_t)wg_siphash(engine->bucket_key, public_key, WG_KEY_LEN) &
               (engine->bucket_count - 1);
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

/* Spare peers are blank. Returns how many were freed. */
static size_t free_spares(struct wg_engine *engine, size_t most)
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

size_t wg_engine_unreserve(struct wg_engine *engine, size_t most)
{
        size_t freed = free_spares(engine, most);

        return freed + wg_allowedips_unreserve(&engine->allowed, most - freed);
}

static bool add_spares(struct wg_engine *engine, size_t peers)
{
        for (size_t i = 0; i < peers; i++) {
                struct wg_peer *peer = engine->env->alloc(engine->env->ctx, sizeof(*peer));

                if (!peer) {
                        free_spares(engine, i);
                        return false;
                }
                peer->next_in_bucket = engine->spare;
                engine->spare = peer;
                engine->spares++;
        }
        return true;
}

bool wg_engine_reserve(struct wg_engine *engine, size_t peers, size_t prefixes)
{
        size_t room = engine->peer_count + engine->spares + peers;

        if (!grow_buckets(engine, room) || !wg_heap_reserve(&engine->due, room) ||
            !add_spares(engine, peers))
                return false;
        if (wg_allowedips_reserve(&engine->allowed, prefixes))
                return true;
        free_spares(engine, peers);
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
        engine->spares--;
        peer->engine = engine;
        memcpy(peer->public_key, public_key, WG_KEY_LEN);
        peer->serial = ++engine->peers_made;
        /* The peer may know us from before it was removed, or before a restart. */
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
        leave_bucket(engine, peer);
        wg_list_remove(&peer->in_order);
        wg_list_append(&engine->leaving, &peer->in_order);
        wg_engine_disallow_first(peer, SIZE_MAX);
}

void wg_engine_renew_peer(struct wg_engine *engine, struct wg_peer *peer)
{
        const struct wg_endpoint nowhere = {.ip.family = WG_FAMILY_NONE};

        wg_list_remove(&peer->in_order);
        wg_list_append(&engine->peers, &peer->in_order);
        peer->serial = ++engine->peers_made;
        if (!atomic_load_explicit(&peer->current, memory_order_relaxed))
                wg_path_write(&peer->path, &nowhere);
}

/* No worker finds a prefix of the peer any more. */
static void let_go(struct wg_engine *engine, struct wg_peer *peer)
{
        peer->is_removed = true;
        wg_list_remove(&peer->in_order);
        engine->peer_count--;
        wg_engine_drop_staged(peer, WG_VERDICT_NO_PEER);
        wg_timers_cancel_all(peer);
        wg_handshake_clear(peer);
        wg_session_clear(peer);
        peer->retired.release = release;
        engine->env->retire(engine->env->ctx, &peer->retired);
}

size_t wg_engine_commit(struct wg_engine *engine, size_t most)
{
        size_t steps = wg_allowedips_commit(&engine->allowed, most);

        for (; steps < most && !wg_list_is_empty(&engine->leaving); steps++)
                let_go(engine, WG_CONTAINER_OF(engine->leaving.next, struct wg_peer, in_order));
        return steps;
}

void wg_engine_done(struct wg_engine *engine)
{
        if (!engine->env)
                return;
        WG_LIST_EACH(node, &engine->peers) {
                struct wg_peer *peer = WG_CONTAINER_OF(node, struct wg_peer, in_order);

                wg_waiting_remove(&peer->waiting,
                                  wg_waiting_count(&peer->waiting) - peer->staged.count);
                wg_engine_remove_peer(engine, peer);
        }
        wg_engine_commit(engine, SIZE_MAX);
        while (engine->to_do || atomic_load_explicit(&engine->noted, memory_order_relaxed)) {
                struct wg_peer *peer = engine->to_do;

                if (!peer)
                        peer = atomic_exchange_explicit(&engine->noted, NULL, memory_order_acquire);
                engine->to_do = peer->next_noted;
                atomic_fetch_and_explicit(&peer->notes, ~(uint32_t)WG_NOTE_QUEUED,
                                          memory_order_relaxed);
                wg_peer_free_unused(peer);
        }
        wg_engine_unreserve(engine, SIZE_MAX);
        free_buckets(engine, engine->buckets, engine->bucket_count);
        wg_identity_free(atomic_load_explicit(&engine->identity, memory_order_relaxed));
        wg_heap_done(&engine->due);
        wg_ratelimit_done(&engine->ratelimit);
        wg_hsqueue_done(&engine->handshakes);
        wg_index_done(&engine->indices);
        wg_allowedips_done(&engine->allowed);
        wg_wipe(&engine->cookie_maker, sizeof(engine->cookie_maker));
}
