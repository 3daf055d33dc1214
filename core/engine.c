/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/engine.h"

#include "base/mem.h"
#include "core/configure.h"
#include "core/peers.h"

static const char IDENTIFIER[] = "WireGuard v1 zx2c4 Jason@zx2c4.com";

bool wg_engine_init(struct wg_engine *engine, const struct wg_env *env,
                    const struct wg_aead_backend *aead)
{
        memset(engine, 0, sizeof(*engine));
        engine->env = env;
        wg_noise_init(&engine->noise_initial, IDENTIFIER, sizeof(IDENTIFIER) - 1);
        wg_peers_init(engine);
        wg_index_init(&engine->indices, env);
        wg_allowedips_init(&engine->allowed, env);
        atomic_init(&engine->mtu, WG_MTU_DEFAULT);
        wg_worker_init(&engine->worker, engine, aead);
        wg_heap_init(&engine->due, env);
        wg_ratelimit_init(&engine->ratelimit, env);
        engine->staged_pool.env = env;
        return wg_hsqueue_init(&engine->handshakes, env);
}

void wg_engine_set_stamped(struct wg_engine *engine, uint64_t real_ns)
{
        engine->stamped_ns = real_ns;
}

static void remove_peers(struct wg_engine *engine)
{
        WG_LIST_EACH(node, &engine->peers) {
                struct wg_peer *peer = WG_CONTAINER_OF(node, struct wg_peer, in_order);

                wg_waiting_remove(&peer->waiting,
                                  wg_waiting_count(&peer->waiting) - peer->staged.count);
                wg_engine_remove_peer(engine, peer);
        }
        wg_engine_commit(engine, SIZE_MAX);
}

static void drop_notes(struct wg_engine *engine)
{
        struct wg_notes *notes;

        while ((notes = wg_note_take(&engine->noted))) {
                wg_note_forget(notes, WG_NOTE_ALL);
                wg_peer_free_unused(WG_CONTAINER_OF(notes, struct wg_peer, notes));
        }
}

void wg_engine_done(struct wg_engine *engine)
{
        if (!engine->env)
                return;
        remove_peers(engine);
        drop_notes(engine);
        wg_engine_unreserve(engine, SIZE_MAX);
        wg_peers_done(engine);
        wg_identity_free(wg_engine_identity(engine));
        wg_heap_done(&engine->due);
        wg_ratelimit_done(&engine->ratelimit);
        wg_hsqueue_done(&engine->handshakes);
        wg_index_done(&engine->indices);
        wg_allowedips_done(&engine->allowed);
        wg_wipe(&engine->cookie_maker, sizeof(engine->cookie_maker));
}
