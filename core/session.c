/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/session.h"

#include "base/mem.h"
#include "core/peers.h"

/* Changes `current` from what the engine knows to `kp`. Returns false if a worker was faster; then
 * call wg_session_reconcile(). */
static bool swap_current(struct wg_peer *peer, struct wg_keypair *kp)
{
        struct wg_keypair *expected = peer->current_known;

        if (!atomic_compare_exchange_strong_explicit(&peer->current, &expected, kp,
                                                     memory_order_acq_rel, memory_order_acquire))
                return false;
        peer->current_known = kp;
        return true;
}

/* Takes a keypair out of `current` if it had left its slots and a late worker made it current
 * again. */
static void undo(struct wg_peer *peer, struct wg_keypair *kp)
{
        struct wg_keypair *expected = kp;

        if (atomic_compare_exchange_strong_explicit(&peer->current, &expected, peer->current_known,
                                                    memory_order_acq_rel, memory_order_relaxed))
                kp->came_back = true;
}

static void release(struct wg_retired *retired)
{
        struct wg_keypair *kp = WG_CONTAINER_OF(retired, struct wg_keypair, retired);

        undo(kp->entry.peer, kp);
        if (!kp->came_back) {
                wg_session_free(kp);
                return;
        }
        /* Workers may have seen it while it was back, so it waits for them again. */
        kp->came_back = false;
        kp->env->retire(kp->env->ctx, &kp->retired);
}

static void count_in(struct wg_peer *peer)
{
        peer->engine->session_count++;
        peer->engine->peers_in_session += peer->sessions++ == 0;
}

static void count_out(struct wg_peer *peer)
{
        peer->engine->session_count--;
        peer->engine->peers_in_session -= --peer->sessions == 0;
}

/* Retires a keypair that has left its slot. Accepts NULL. */
static void drop(struct wg_keypair *kp)
{
        if (!kp)
                return;
        count_out(kp->entry.peer);
        atomic_store_explicit(&kp->may_send, false, memory_order_relaxed);
        atomic_store_explicit(&kp->awaits_proof, false, memory_order_relaxed);
        wg_index_remove(&kp->entry.peer->engine->indices, &kp->entry);
        kp->retired.release = release;
        kp->env->retire(kp->env->ctx, &kp->retired);
}

struct wg_keypair *wg_session_new(struct wg_peer *peer, const struct wg_noise *noise,
                                  bool is_initiator, uint32_t remote_index, uint64_t now_ns)
{
        const struct wg_env *env = peer->engine->env;
        struct wg_keypair *kp = env->alloc(env->ctx, sizeof(*kp));

        if (!kp)
                return NULL;
        kp->env = env;
        kp->entry.peer = peer;
        kp->entry.kind = WG_INDEX_KEYPAIR;
        kp->remote_index = remote_index;
        kp->is_initiator = is_initiator;
        kp->born_ns = now_ns;
        if (is_initiator)
                wg_noise_split(noise, kp->send_key, kp->receive_key);
        else
                wg_noise_split(noise, kp->receive_key, kp->send_key);
        wg_replay_init(&kp->window);
        atomic_init(&kp->may_send, true);
        atomic_init(&kp->awaits_proof, !is_initiator);
        peer->keypairs++;
        return kp;
}

void wg_session_free(struct wg_keypair *kp)
{
        const struct wg_env *env = kp->env;
        struct wg_peer *peer = kp->entry.peer;

        wg_wipe(kp, sizeof(*kp));
        env->free(env->ctx, kp, sizeof(*kp));
        peer->keypairs--;
        wg_peer_free_unused(peer);
}

static bool begin_next(struct wg_peer *peer, struct wg_keypair *kp)
{
        atomic_store_explicit(&kp->replaces, peer->current_known, memory_order_relaxed);
        kp->is_crossed = peer->handshake.state == WG_HANDSHAKE_INITIATED;
        if (!wg_index_add(&peer->engine->indices, &kp->entry))
                return false;
        drop(peer->previous);
        drop(peer->next);
        peer->previous = NULL;
        peer->next = kp;
        return true;
}

/* Whether we are the side that switches to the session that the other side began at the same
 * time. */
static bool yields(const struct wg_peer *peer)
{
        const struct wg_identity *identity = wg_engine_identity(peer->engine);

        return memcmp(wg_x25519_key_public(identity->key), peer->public_key, WG_KEY_LEN) < 0;
}

static void begin_current(struct wg_peer *peer, struct wg_keypair *kp)
{
        struct wg_keypair *old;

        wg_index_replace(&peer->engine->indices, &peer->handshake.entry, &kp->entry);
        while (old = peer->current_known, !swap_current(peer, kp))
                wg_session_reconcile(peer);
        drop(peer->previous);
        peer->previous = old;
        if (!peer->next)
                return;
        /* It was never proven, but is newer than what was current. Keep it for packets in flight,
         * and perhaps to switch to it. */
        if (peer->next->is_crossed && yields(peer))
                atomic_store_explicit(&peer->next->replaces, kp, memory_order_relaxed);
        else
                atomic_store_explicit(&peer->next->awaits_proof, false, memory_order_relaxed);
        drop(old);
        peer->previous = peer->next;
        peer->next = NULL;
}

bool wg_session_begin(struct wg_peer *peer, struct wg_keypair *kp)
{
        wg_session_reconcile(peer);
        if (kp->is_initiator)
                begin_current(peer, kp);
        else if (!begin_next(peer, kp))
                return false;
        count_in(peer);
        return true;
}

bool wg_session_prove(struct wg_peer *peer, struct wg_keypair *kp)
{
        struct wg_keypair *expected;

        if (WG_LIKELY(!atomic_load_explicit(&kp->awaits_proof, memory_order_relaxed)))
                return false;
        expected = atomic_load_explicit(&kp->replaces, memory_order_relaxed);
        if (!atomic_compare_exchange_strong(&peer->current, &expected, kp))
                return false;
        atomic_store_explicit(&kp->awaits_proof, false, memory_order_relaxed);
        return true;
}

void wg_session_reconcile(struct wg_peer *peer)
{
        struct wg_keypair *now = atomic_load(&peer->current);

        if (now == peer->current_known)
                return;
        if (now == peer->next) {
                drop(peer->previous);
                peer->next = NULL;
        } else if (now != peer->previous) {
                undo(peer, now);
                return;
        }
        peer->previous = peer->current_known;
        peer->current_known = now;
}

void wg_session_stop_sending(struct wg_peer *peer)
{
        struct wg_keypair *kps[] = {peer->current_known, peer->previous, peer->next};

        for (unsigned int i = 0; i < WG_ARRAY_SIZE(kps); i++)
                if (kps[i])
                        atomic_store_explicit(&kps[i]->may_send, false, memory_order_relaxed);
}

void wg_session_clear(struct wg_peer *peer)
{
        struct wg_keypair *current;

        wg_session_reconcile(peer);
        while (current = peer->current_known, !swap_current(peer, NULL))
                wg_session_reconcile(peer);
        drop(current);
        drop(peer->previous);
        drop(peer->next);
        peer->previous = peer->next = NULL;
}
