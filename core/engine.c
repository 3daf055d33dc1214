/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * Configuration, and the round of work. Peers come and go in peer.c. */
#include "core/engine.h"

#include "base/mem.h"
#include "core/ip.h"
#include "core/send.h"
#include "core/session.h"
#include "core/timers.h"
#include "core/transmit.h"

static const char IDENTIFIER[] = "WireGuard v1 zx2c4 Jason@zx2c4.com";

static struct wg_identity *own_identity(const struct wg_engine *engine)
{
        return atomic_load_explicit(&engine->identity, memory_order_relaxed);
}

static bool is_up(const struct wg_engine *engine)
{
        return atomic_load_explicit(&engine->is_up, memory_order_relaxed);
}

bool wg_engine_init(struct wg_engine *engine, const struct wg_env *env,
                    const struct wg_aead_backend *aead)
{
        memset(engine, 0, sizeof(*engine));
        engine->env = env;
        wg_noise_init(&engine->noise_initial, IDENTIFIER, sizeof(IDENTIFIER) - 1);
        env->random(env->ctx, engine->bucket_key, sizeof(engine->bucket_key));
        wg_index_init(&engine->indices, env);
        wg_allowedips_init(&engine->allowed, env);
        atomic_init(&engine->mtu, WG_MTU_DEFAULT);
        wg_worker_init(&engine->worker, engine, aead);
        wg_list_init(&engine->peers);
        wg_list_init(&engine->leaving);
        wg_heap_init(&engine->due, env);
        wg_ratelimit_init(&engine->ratelimit, env);
        engine->staged_pool.env = env;
        return wg_hsqueue_init(&engine->handshakes, env);
}

/* ---- input ---- */

/* Whether a source that has proven to be one is within its rate. */
static bool is_within_rate(struct wg_engine *engine, const struct wg_ip *source, uint64_t now_ns)
{
        if (!engine->collect_ns)
                engine->collect_ns = now_ns + WG_NS_PER_S;
        return wg_ratelimit_allow(&engine->ratelimit, source, now_ns);
}

static bool has_good_cookie(const struct wg_engine *engine, const uint8_t *message, size_t len,
                            const struct wg_endpoint *from, uint64_t now_ns)
{
        return wg_message_classify(message, len) == WG_MESSAGE_INITIATION &&
               wg_hsqueue_is_loaded(&engine->handshakes, now_ns) &&
               wg_cookie_has_mac2(&engine->cookie_maker, now_ns, message, len, from);
}

enum wg_verdict wg_engine_offer(struct wg_engine *engine, const uint8_t *message, size_t len,
                                const struct wg_endpoint *from, uint64_t now_ns)
{
        enum wg_verdict verdict = WG_VERDICT_QUEUE_FULL;
        bool is_proven = false;

        if (!is_up(engine)) {
                verdict = WG_VERDICT_DOWN;
                goto drop;
        }
        /* The costly part comes after the queue. Who asks too often, with cookies of as many addresses
         * as he has, shall not even fill that. */
        if (has_good_cookie(engine, message, len, from, now_ns)) {
                verdict = WG_VERDICT_RATE_LIMITED;
                is_proven = is_within_rate(engine, &from->ip, now_ns);
                if (!is_proven)
                        goto drop;
                verdict = WG_VERDICT_QUEUE_FULL;
        }
        if (wg_hsqueue_put(&engine->handshakes, message, len, from, is_proven, now_ns))
                return WG_VERDICT_HANDSHAKE;
drop:
        wg_worker_count(&engine->worker, verdict);
        return verdict;
}

static void count_dropped(struct wg_engine *engine, enum wg_verdict verdict, uint32_t packets)
{
        while (packets--)
                wg_worker_count(&engine->worker, verdict);
}

/* Counts packets of a peer out of the engine: they were sent or dropped. */
static void let_pass(struct wg_peer *peer, uint32_t packets)
{
        wg_waiting_remove(&peer->waiting, packets);
        wg_peer_free_unused(peer);
}

/* *peer is the peer that the worker found; it becomes the one the packet belongs to now. */
static enum wg_verdict stage(struct wg_engine *engine, struct wg_peer **peer, const uint8_t *packet,
                             uint32_t len, uint64_t now_ns)
{
        struct wg_ip_header h = wg_ip_parse(packet, len);
        struct wg_peer *owner;
        struct wg_endpoint to;
        enum wg_verdict verdict;
        uint32_t dropped;

        if (!is_up(engine))
                return WG_VERDICT_DOWN;
        if (h.family == WG_FAMILY_NONE)
                return WG_VERDICT_NOT_IP;
        owner = wg_allowedips_find(&engine->allowed, h.family, h.destination);
        if (!owner)
                return WG_VERDICT_NO_PEER;
        wg_path_read(&owner->path, &to);
        if (to.ip.family == WG_FAMILY_NONE)
                return WG_VERDICT_NO_ENDPOINT;
        if (owner != *peer && !wg_waiting_add(&owner->waiting, 1, false))
                return WG_VERDICT_STAGED_FULL;
        if (owner != *peer)
                let_pass(*peer, 1);
        *peer = owner;
        verdict = wg_staged_put(&engine->staged_pool, &owner->staged, packet, len, &dropped);
        count_dropped(engine, WG_VERDICT_STAGED_FULL, dropped);
        let_pass(owner, dropped);
        wg_timers_arm_by(owner, WG_TIMER_FLUSH, now_ns);
        return verdict;
}

enum wg_verdict wg_engine_stage(struct wg_engine *engine, struct wg_peer *peer,
                                const uint8_t *packet, uint32_t len, uint64_t now_ns)
{
        enum wg_verdict verdict = stage(engine, &peer, packet, len, now_ns);

        wg_worker_count(&engine->worker, verdict);
        if (verdict != WG_VERDICT_STAGED)
                let_pass(peer, 1);
        return verdict;
}

uint32_t wg_engine_drop_staged(struct wg_peer *peer, enum wg_verdict verdict)
{
        struct wg_engine *engine = peer->engine;
        uint32_t dropped = wg_staged_purge(&engine->staged_pool, &peer->staged);

        count_dropped(engine, verdict, dropped);
        wg_waiting_remove(&peer->waiting, dropped);
        return dropped;
}

/* ---- configuration ---- */

/* Forgets what was agreed with a peer, and when we last tried. */
static void forget_sessions(struct wg_peer *peer)
{
        wg_handshake_clear(peer);
        wg_session_clear(peer);
        peer->handshake_sent_ns = 0;
}

/* Forgets notes, and the times that go with them. Notes are cleared first. A worker writes a time,
 * then looks at its note: either the time was written before and is cleared here, or the worker
 * finds the note clear and lists the peer again. */
static void forget_times(struct wg_peer *peer, enum wg_note notes)
{
        wg_timers_forget_note(peer, notes);
        atomic_store_explicit(&peer->unanswered_ns, 0, memory_order_seq_cst);
        atomic_store_explicit(&peer->unacknowledged_ns, 0, memory_order_seq_cst);
        atomic_store_explicit(&peer->traversal_ns, 0, memory_order_seq_cst);
}

static void stop_timers(struct wg_peer *peer)
{
        wg_timers_cancel_all(peer);
        /* All speak of what is over, but one: the list of notes still leads here. */
        forget_times(peer, (enum wg_note) ~(uint32_t)WG_NOTE_QUEUED);
}

void wg_engine_set_identity(struct wg_engine *engine, struct wg_identity *identity,
                            struct wg_now now)
{
        struct wg_identity *old = own_identity(engine);
        struct wg_peer *self;

        if (old && identity && wg_equal(old->private_key, identity->private_key, WG_KEY_LEN)) {
                wg_identity_free(identity);
                return;
        }
        if (!old && !identity)
                return;
        if (identity) {
                self = wg_engine_find_peer(engine, wg_x25519_key_public(identity->key));
                if (self)
                        wg_engine_remove_peer(engine, self); /* it goes with the next commit */
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
        wg_path_write(&peer->path, &e);
}

void wg_engine_set_keepalive(struct wg_peer *peer, uint16_t seconds, struct wg_now now)
{
        bool begins = !peer->keepalive_s && seconds;

        peer->keepalive_s = seconds;
        wg_timers_cancel(peer, WG_TIMER_PERSISTENT);
        if (!seconds || !is_up(peer->engine))
                return;
        if (begins)
                atomic_store_explicit(&peer->traversal_ns, 0, memory_order_relaxed);
        /* When it runs out it looks whether it is due by the new interval. */
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
        if (is_up(peer->engine) && (peer->staged.count || peer->owes_keepalive))
                wg_timers_arm_by(peer, WG_TIMER_FLUSH, now.ns);
}

void wg_engine_unpin_all(struct wg_engine *engine)
{
        WG_LIST_EACH(node, &engine->peers)
                wg_path_unpin(&WG_CONTAINER_OF(node, struct wg_peer, in_order)->path, NULL);
}

void wg_engine_set_stamped(struct wg_engine *engine, uint64_t real_ns)
{
        engine->stamped_ns = real_ns;
}

void wg_engine_set_mtu(struct wg_engine *engine, uint32_t mtu)
{
        atomic_store_explicit(&engine->mtu, mtu, memory_order_relaxed);
}

/* A peer that is to be kept in reach hears of us at once. */
static void start_persistent(struct wg_peer *peer, struct wg_now now)
{
        atomic_store_explicit(&peer->traversal_ns, 0, memory_order_relaxed);
        if (peer->keepalive_s)
                wg_timers_arm(peer, WG_TIMER_PERSISTENT, now.ns);
}

void wg_engine_set_up(struct wg_engine *engine, bool up, struct wg_now now)
{
        if (is_up(engine) == up)
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
                wg_engine_drop_staged(peer, WG_VERDICT_DOWN);
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
                if (is_up(engine))
                        start_persistent(peer, now);
                wg_engine_peer_changed(peer, now);
        }
}

/* ---- work: what workers noted ---- */

static void confirm(struct wg_peer *peer, struct wg_now now, struct wg_actions *actions)
{
        wg_session_reconcile(peer);
        /* An initiation of ours that crossed the peer's has no more purpose. */
        wg_handshake_clear(peer);
        wg_timers_handshake_complete(peer, now);
        wg_transmit_event(actions, peer, WG_EVENT_SESSION_PROVEN);
        wg_transmit_staged(peer, peer->owes_keepalive, now, actions);
}

/* The session is old or nearly used up. The note stays until another initiation could be sent, so
 * that workers, who see the same with every packet, keep silent. */
static void rekey(struct wg_peer *peer, struct wg_now now, struct wg_actions *actions)
{
        wg_transmit_initiation(peer, WG_INITIATION_WANTED, now, actions);
        wg_timers_arm(peer, WG_TIMER_FLOOR,
                      WG_MAX(peer->handshake_sent_ns + WG_REKEY_TIMEOUT, now.ns + WG_NS_PER_S));
}

/* Data went out and nothing came back: perhaps the peer has forgotten the session. */
static void check_sent(struct wg_peer *peer, struct wg_now now, struct wg_actions *actions)
{
        if (!wg_timers_look_at_sent(peer, now.ns))
                return;
        wg_transmit_event(actions, peer, WG_EVENT_SILENCE);
        wg_path_unpin(&peer->path, NULL);
        wg_transmit_initiation(peer, WG_INITIATION_WANTED, now, actions);
}

/* Data came in and nothing went back: the peer is told that it came. */
static void check_received(struct wg_peer *peer, struct wg_now now, struct wg_actions *actions)
{
        bool has_more;

        if (!wg_timers_look_at_received(peer, now.ns, &has_more))
                return;
        wg_transmit_staged(peer, true, now, actions);
        if (has_more)
                wg_timers_expect_keepalive(peer, now.ns);
}

static void heed_note(struct wg_peer *peer, struct wg_now now, struct wg_actions *actions)
{
        uint32_t notes, news;

        /* From a worker that had not yet seen the link go down. */
        if (peer->is_removed || !is_up(peer->engine)) {
                forget_times(peer, (enum wg_note)UINT32_MAX);
                wg_peer_free_unused(peer);
                return;
        }
        wg_timers_forget_note(peer, WG_NOTE_QUEUED);
        notes = atomic_load_explicit(&peer->notes, memory_order_seq_cst);
        news = notes & ~peer->notes_seen;
        peer->notes_seen |= notes;
        if (news & WG_NOTE_CONFIRMED) {
                wg_timers_forget_note(peer, WG_NOTE_CONFIRMED);
                confirm(peer, now, actions);
        }
        if (news & WG_NOTE_REKEY)
                rekey(peer, now, actions);
        if (news & WG_NOTE_REKEY_LATE)
                wg_transmit_initiation(peer, WG_INITIATION_WANTED, now, actions);
        if (notes & WG_NOTE_DATA_SENT)
                check_sent(peer, now, actions);
        if (notes & WG_NOTE_DATA_RECEIVED)
                check_received(peer, now, actions);
}

/* ---- work: timers ---- */

static void retry(struct wg_peer *peer, struct wg_now now, struct wg_actions *actions)
{
        uint32_t dropped;

        if (peer->retries >= WG_MAX_HANDSHAKE_RETRIES) {
                dropped = wg_engine_drop_staged(peer, WG_VERDICT_GAVE_UP);
                peer->owes_keepalive = false;
                wg_timers_gave_up(peer, now.ns);
                wg_transmit_event(actions, peer, WG_EVENT_GAVE_UP)->number = dropped;
                return;
        }
        /* The address we answered from may be what no longer works. */
        wg_path_unpin(&peer->path, NULL);
        peer->retries++;
        if (wg_transmit_initiation(peer, WG_INITIATION_RETRY, now, actions)) {
                /* A response went out meanwhile; the retry waits as long as it has to, and by its own
                 * jitter, since the peer may have begun at the same time and now does the same. */
                peer->retries--;
                wg_timers_initiation_sent(peer, peer->handshake_sent_ns);
        }
}

static void forget_keys(struct wg_peer *peer, struct wg_actions *actions)
{
        wg_handshake_clear(peer);
        wg_session_clear(peer);
        wg_transmit_event(actions, peer, WG_EVENT_KEYS_FORGOTTEN);
}

static void run_timer(struct wg_peer *peer, enum wg_timer timer, struct wg_now now,
                      struct wg_actions *actions)
{
        switch (timer) {
        case WG_TIMER_RETRY:
                retry(peer, now, actions);
                break;
        case WG_TIMER_NEW_HANDSHAKE:
                check_sent(peer, now, actions);
                break;
        case WG_TIMER_KEEPALIVE:
                check_received(peer, now, actions);
                break;
        case WG_TIMER_PERSISTENT:
                if (wg_timers_look_at_traversal(peer, now.ns))
                        wg_transmit_staged(peer, true, now, actions);
                break;
        case WG_TIMER_FLOOR:
                wg_timers_forget_note(peer, WG_NOTE_REKEY);
                break;
        case WG_TIMER_FLUSH:
                wg_transmit_staged(peer, peer->owes_keepalive, now, actions);
                break;
        case WG_TIMER_ZERO:
                forget_keys(peer, actions);
                break;
        }
}

/* ---- work: handshake messages ---- */

/* Under load a message must prove where it comes from, and each source is held to a rate. */
static enum wg_verdict check_load(struct wg_engine *engine, const struct wg_hsqueue_item *item,
                                  struct wg_now now)
{
        if (item->is_proven || !wg_hsqueue_is_loaded(&engine->handshakes, now.ns))
                return WG_VERDICT_HANDSHAKE;
        if (!wg_cookie_has_mac2(&engine->cookie_maker, now.ns, item->bytes, item->len, &item->from))
                return WG_VERDICT_COOKIE_DEMANDED;
        return is_within_rate(engine, &item->from.ip, now.ns) ? WG_VERDICT_HANDSHAKE
                                                              : WG_VERDICT_RATE_LIMITED;
}

/* An authentic handshake message came from there. */
static void moved_to(struct wg_peer *peer, const struct wg_hsqueue_item *item, struct wg_now now)
{
        wg_path_write(&peer->path, &item->from);
        wg_worker_count_received(&peer->engine->worker, peer, item->len);
        wg_worker_received(&peer->engine->worker, peer, false, now.ns);
}

static enum wg_verdict take_cookie(struct wg_engine *engine, const struct wg_hsqueue_item *item,
                                   struct wg_now now, struct wg_actions *actions)
{
        struct wg_index_entry *entry = wg_index_find(
                &engine->indices, wg_le32_load(item->bytes + WG_COOKIE_RECEIVER));

        if (!entry || !entry->peer->cookies.has_sent)
                return WG_VERDICT_UNEXPECTED;
        if (!wg_cookie_store(&entry->peer->cookies, entry->peer->public_key, now.ns, item->bytes))
                return WG_VERDICT_COOKIE_INVALID;
        wg_transmit_event(actions, entry->peer, WG_EVENT_COOKIE_STORED);
        return WG_VERDICT_COOKIE_STORED;
}

/* Looks at a message. Returns whether there is something to compute for it. */
static bool begin_job(struct wg_engine *engine, struct wg_handshake_job *job,
                      const struct wg_hsqueue_item *item, struct wg_now now)
{
        const struct wg_identity *identity = own_identity(engine);
        uint32_t type = wg_message_classify(item->bytes, item->len);
        enum wg_verdict verdict = WG_VERDICT_MALFORMED;

        if (!identity)
                verdict = WG_VERDICT_NO_PRIVATE_KEY;
        else if (type == WG_MESSAGE_COOKIE)
                verdict = WG_VERDICT_COOKIE_STORED; /* if it turns out so */
        else if (type == WG_MESSAGE_INITIATION || type == WG_MESSAGE_RESPONSE)
                /* The worker looked at mac1 too, but perhaps under the key before this one. */
                verdict = wg_cookie_has_mac1(identity->mac1_key, item->bytes, item->len)
                                  ? check_load(engine, item, now)
                                  : WG_VERDICT_MAC1_INVALID;
        if (verdict == WG_VERDICT_HANDSHAKE)
                verdict = type == WG_MESSAGE_INITIATION
                                  ? wg_handshake_begin_initiation(engine, job, item)
                                  : wg_handshake_begin_response(engine, job, item);
        if (verdict == WG_VERDICT_HANDSHAKE)
                return true;
        *job = (struct wg_handshake_job){.item = item, .verdict = verdict};
        return false;
}

static enum wg_verdict judge_initiation(struct wg_handshake_job *job, struct wg_now now,
                                        struct wg_actions *actions)
{
        enum wg_verdict verdict = wg_handshake_accept_initiation(job, now);

        if (verdict != WG_VERDICT_HANDSHAKE_DONE)
                return verdict;
        moved_to(job->peer, job->item, now);
        return wg_transmit_response(job, now, actions);
}

static enum wg_verdict judge_response(struct wg_engine *engine, struct wg_handshake_job *job,
                                      struct wg_now now, struct wg_actions *actions)
{
        enum wg_verdict verdict = wg_handshake_accept_response(engine, job, now);

        if (verdict != WG_VERDICT_HANDSHAKE_DONE)
                return verdict;
        moved_to(job->peer, job->item, now);
        wg_timers_session_derived(job->peer, now.ns);
        wg_timers_handshake_complete(job->peer, now);
        wg_transmit_event(actions, job->peer, WG_EVENT_HANDSHAKE_COMPLETE);
        /* Something must go at once: the peer may not send before it has seen the session work. */
        wg_transmit_staged(job->peer, true, now, actions);
        return verdict;
}

static enum wg_verdict judge(struct wg_engine *engine, struct wg_handshake_job *job,
                             struct wg_now now, struct wg_actions *actions)
{
        switch (job->step) {
        case WG_HANDSHAKE_NO_STEP:
                if (job->verdict == WG_VERDICT_COOKIE_STORED)
                        return take_cookie(engine, job->item, now, actions);
                if (job->verdict == WG_VERDICT_COOKIE_DEMANDED)
                        wg_transmit_cookie(engine, job->item, now, actions);
                break;
        case WG_HANDSHAKE_READ_STATIC:
        case WG_HANDSHAKE_SHARE_STATICS:
        case WG_HANDSHAKE_WRITE_RESPONSE:
                return judge_initiation(job, now, actions);
        case WG_HANDSHAKE_READ_RESPONSE:
                return judge_response(engine, job, now, actions);
        }
        return job->verdict;
}

/* Judges a message for which nothing is left to compute, counts it, and tells how it ended. */
static void settle(struct wg_engine *engine, struct wg_handshake_job *job, struct wg_now now,
                   struct wg_actions *actions)
{
        enum wg_verdict verdict = judge(engine, job, now, actions);
        struct wg_action *event;

        wg_worker_count(&engine->worker, verdict);
        if (verdict != WG_VERDICT_HANDSHAKE_DONE && verdict != WG_VERDICT_COOKIE_STORED &&
            verdict != WG_VERDICT_COOKIE_DEMANDED) {
                event = wg_transmit_event(actions, job->peer, WG_EVENT_HANDSHAKE_REFUSED);
                event->verdict = verdict;
                event->to = job->item->from;
        }
        wg_wipe(job, sizeof(*job));
}

static void compute(struct wg_engine *engine, struct wg_handshake_job *const *jobs, size_t count)
{
        if (engine->env->compute) {
                engine->env->compute(engine->env->ctx, jobs, count);
                return;
        }
        for (size_t i = 0; i < count; i++)
                wg_handshake_compute(jobs[i]);
}

/* ---- work ---- */

void wg_actions_clear(struct wg_engine *engine, struct wg_actions *actions)
{
        for (size_t i = 0; i < actions->count; i++) {
                struct wg_action *action = &actions->items[i];
                uint32_t packets = wg_staged_count(action->staged);

                wg_staged_free(&engine->staged_pool, action->staged);
                action->staged = NULL;
                if (packets)
                        let_pass(action->peer, packets);
        }
        actions->count = 0;
}

static bool has_room_for(const struct wg_actions *actions, size_t steps)
{
        return actions->count + steps * WG_ACTIONS_A_STEP <= WG_ACTIONS_MAX;
}

static bool has_room(const struct wg_actions *actions)
{
        return has_room_for(actions, 1);
}

/* Many peers may be due at once, as after an interface went up with keepalives: a call does so many,
 * and the caller goes on with other things between. */
#define STEPS_A_CALL 256

static void heed_notes(struct wg_engine *engine, struct wg_now now, struct wg_actions *actions)
{
        for (unsigned int i = 0; i < STEPS_A_CALL && has_room(actions); i++) {
                struct wg_peer *peer = engine->to_do;

                if (!peer)
                        peer = atomic_exchange_explicit(&engine->noted, NULL, memory_order_acquire);
                if (!peer)
                        return;
                engine->to_do = peer->next_noted;
                heed_note(peer, now, actions);
        }
}

static void run_timers(struct wg_engine *engine, struct wg_now now, struct wg_actions *actions)
{
        for (unsigned int i = 0; i < STEPS_A_CALL && has_room(actions); i++) {
                struct wg_heap_node *first = wg_heap_first(&engine->due);
                struct wg_peer *peer;
                enum wg_timer timer;

                if (!first || first->at_ns > now.ns)
                        return;
                peer = WG_CONTAINER_OF(first, struct wg_peer, due);
                WG_ASSERT(wg_timers_take_due(peer, now.ns, &timer));
                run_timer(peer, timer, now, actions);
        }
}

/* Several messages at a time, since several threads may compute for them; what waits longer waits for the
 * next call. */
static void take_handshakes(struct wg_engine *engine, struct wg_now now, struct wg_actions *actions)
{
        struct wg_handshake_job *under_way[WG_HANDSHAKE_COMPUTED];
        const struct wg_hsqueue_item *item;
        size_t total = 0, count = 0, left;

        while (total < WG_HANDSHAKE_JOBS && count < WG_HANDSHAKE_COMPUTED &&
               has_room_for(actions, total + 1) &&
               (item = wg_hsqueue_take(&engine->handshakes, now.ns))) {
                struct wg_handshake_job *job = &engine->jobs[total++];

                if (begin_job(engine, job, item, now))
                        under_way[count++] = job;
        }
        while (count) {
                compute(engine, under_way, count);
                left = 0;
                for (size_t i = 0; i < count; i++)
                        if (wg_handshake_go_on(engine, under_way[i], now, engine->jobs, total))
                                under_way[left++] = under_way[i];
                count = left;
        }
        for (size_t i = 0; i < total; i++)
                settle(engine, &engine->jobs[i], now, actions);
}

bool wg_engine_work(struct wg_engine *engine, struct wg_now now, struct wg_actions *actions)
{
        wg_actions_clear(engine, actions);
        heed_notes(engine, now, actions);
        run_timers(engine, now, actions);
        take_handshakes(engine, now, actions);
        if (engine->collect_ns && now.ns >= engine->collect_ns)
                engine->collect_ns = wg_ratelimit_collect(&engine->ratelimit, now.ns)
                                             ? now.ns + WG_NS_PER_S
                                             : 0;
        return wg_engine_deadline(engine) <= now.ns;
}

uint64_t wg_engine_deadline(const struct wg_engine *engine)
{
        const struct wg_heap_node *first = wg_heap_first(&engine->due);
        uint64_t due = first ? first->at_ns : UINT64_MAX;

        if (engine->to_do || engine->handshakes.count ||
            atomic_load_explicit(&engine->noted, memory_order_relaxed))
                return 0;
        return engine->collect_ns ? WG_MIN(due, engine->collect_ns) : due;
}
