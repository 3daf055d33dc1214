/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/work.h"

#include "base/ip.h"
#include "base/mem.h"
#include "core/hswork.h"
#include "core/peers.h"
#include "core/session.h"
#include "core/timers.h"
#include "core/transmit.h"

/* ---- input ---- */

/* *peer is the peer that the worker found; it becomes the one that the packet belongs to now. */
static enum wg_verdict stage(struct wg_engine *engine, struct wg_peer **peer, const uint8_t *packet,
                             uint32_t len, uint64_t now_ns)
{
        struct wg_ip_header h = wg_ip_parse(packet, len);
        struct wg_peer *owner;
        struct wg_endpoint to;
        enum wg_verdict verdict;
        uint32_t dropped;

        if (!wg_engine_is_up(engine))
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
                wg_peer_let_pass(*peer, 1);
        *peer = owner;
        verdict = wg_staged_put(&engine->staged_pool, &owner->staged, packet, len, &dropped);
        wg_worker_count_many(&engine->worker, WG_VERDICT_STAGED_FULL, dropped);
        wg_peer_let_pass(owner, dropped);
        wg_timers_arm_by(owner, WG_TIMER_FLUSH, now_ns);
        return verdict;
}

enum wg_verdict wg_engine_stage(struct wg_engine *engine, struct wg_peer *peer,
                                const uint8_t *packet, uint32_t len, uint64_t now_ns)
{
        enum wg_verdict verdict = stage(engine, &peer, packet, len, now_ns);

        wg_worker_count(&engine->worker, verdict);
        if (verdict != WG_VERDICT_STAGED)
                wg_peer_let_pass(peer, 1);
        return verdict;
}

/* ---- notes from workers ---- */

static void confirm(struct wg_peer *peer, struct wg_now now, struct wg_actions *actions)
{
        wg_session_reconcile(peer);
        /* If an initiation of ours crossed the peer's, it is no longer needed. */
        wg_handshake_clear(peer);
        wg_timers_handshake_complete(peer, now);
        wg_actions_add_event(actions, peer, WG_EVENT_SESSION_PROVEN);
        wg_transmit_staged(peer, peer->owes_keepalive, now, actions);
}

/* The session is old or its counter high. The note stays set until another initiation may be sent,
 * so that workers, which see the same with every packet, do not wake us again. */
static void rekey(struct wg_peer *peer, struct wg_now now, struct wg_actions *actions)
{
        wg_transmit_initiation(peer, WG_INITIATION_WANTED, now, actions);
        wg_timers_arm(peer, WG_TIMER_FLOOR,
                      WG_MAX(peer->handshake_sent_ns + WG_REKEY_TIMEOUT, now.ns + WG_NS_PER_S));
}

/* Data was sent and nothing came back: the peer may have lost the session. */
static void check_sent(struct wg_peer *peer, struct wg_now now, struct wg_actions *actions)
{
        if (!wg_timers_look_at_sent(peer, now.ns))
                return;
        wg_actions_add_event(actions, peer, WG_EVENT_SILENCE);
        wg_path_unpin(&peer->path, peer->engine->env, NULL);
        wg_transmit_initiation(peer, WG_INITIATION_WANTED, now, actions);
}

/* Data was received and nothing went back: acknowledge it with a keepalive. */
static void check_received(struct wg_peer *peer, struct wg_now now, struct wg_actions *actions)
{
        bool has_more;

        if (!wg_timers_look_at_received(peer, now.ns, &has_more))
                return;
        wg_transmit_staged(peer, true, now, actions);
        if (has_more)
                wg_timers_expect_keepalive(peer, now.ns);
}

static void heed_notes(struct wg_peer *peer, struct wg_now now, struct wg_actions *actions)
{
        uint32_t notes, news;

        /* The worker had not yet seen the link go down or the peer removed. */
        if (peer->is_removed || !wg_engine_is_up(peer->engine)) {
                wg_note_forget_times(&peer->notes, WG_NOTE_ALL);
                wg_peer_free_unused(peer);
                return;
        }
        notes = wg_note_read(&peer->notes, &news);
        if (news & WG_NOTE_CONFIRMED) {
                wg_note_forget(&peer->notes, WG_NOTE_CONFIRMED);
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

/* ---- timers ---- */

static void retry(struct wg_peer *peer, struct wg_now now, struct wg_actions *actions)
{
        uint32_t dropped;

        if (peer->retries >= WG_MAX_HANDSHAKE_RETRIES) {
                dropped = wg_peer_drop_staged(peer, WG_VERDICT_GAVE_UP);
                peer->owes_keepalive = false;
                wg_timers_gave_up(peer, now.ns);
                wg_actions_add_event(actions, peer, WG_EVENT_GAVE_UP)->number = dropped;
                return;
        }
        /* Our source address may have stopped working. */
        wg_path_unpin(&peer->path, peer->engine->env, NULL);
        peer->retries++;
        if (wg_transmit_initiation(peer, WG_INITIATION_RETRY, now, actions)) {
                /* A response was sent meanwhile. Wait as long as needed, with a new jitter, because
                 * the peer may have begun at the same time and now does the same. */
                peer->retries--;
                wg_timers_initiation_sent(peer, peer->handshake_sent_ns);
        }
}

static void forget_keys(struct wg_peer *peer, struct wg_actions *actions)
{
        wg_handshake_clear(peer);
        wg_session_clear(peer);
        wg_actions_add_event(actions, peer, WG_EVENT_KEYS_FORGOTTEN);
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
                wg_note_forget(&peer->notes, WG_NOTE_REKEY);
                break;
        case WG_TIMER_FLUSH:
                wg_transmit_staged(peer, peer->owes_keepalive, now, actions);
                break;
        case WG_TIMER_ZERO:
                forget_keys(peer, actions);
                break;
        }
}

/* ---- the round ---- */

/* Many peers may be due at once, as when an interface with keepalives goes up. One call handles
 * this many, so that the caller can do other work in between. */
#define STEPS_A_CALL 256

static void read_notes(struct wg_engine *engine, struct wg_now now, struct wg_actions *actions)
{
        struct wg_notes *notes;

        for (unsigned int i = 0; i < STEPS_A_CALL && wg_actions_has_room(actions, 1) &&
                                 (notes = wg_note_take(&engine->noted));
             i++)
                heed_notes(WG_CONTAINER_OF(notes, struct wg_peer, notes), now, actions);
}

static void run_timers(struct wg_engine *engine, struct wg_now now, struct wg_actions *actions)
{
        for (unsigned int i = 0; i < STEPS_A_CALL && wg_actions_has_room(actions, 1); i++) {
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

bool wg_engine_work(struct wg_engine *engine, struct wg_now now, struct wg_actions *actions)
{
        wg_actions_clear(engine, actions);
        read_notes(engine, now, actions);
        run_timers(engine, now, actions);
        wg_hswork_run(engine, now, actions);
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

        if (!wg_note_list_is_empty(&engine->noted) || engine->handshakes.count)
                return 0;
        return engine->collect_ns ? WG_MIN(due, engine->collect_ns) : due;
}
