/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/transmit.h"

#include "base/mem.h"
#include "core/send.h"
#include "core/timers.h"

/* Completes a handshake message that lacks only its MACs, and records that it is sent. */
static void finish_handshake(struct wg_action *action, uint8_t len, struct wg_now now)
{
        struct wg_peer *peer = action->peer;

        action->len = len;
        action->tos = WG_HANDSHAKE_TOS;
        wg_path_read(&peer->path, &action->to);
        wg_cookie_add_macs(&peer->cookies, peer->public_key, now.ns, action->bytes, len);
        wg_worker_sent(&peer->engine->worker, peer, false, now.ns);
}

static bool is_too_soon(const struct wg_peer *peer, uint64_t now_ns)
{
        return peer->handshake_sent_ns && now_ns < peer->handshake_sent_ns + WG_REKEY_TIMEOUT;
}

static bool has_endpoint(struct wg_peer *peer)
{
        struct wg_endpoint to;

        wg_path_read(&peer->path, &to);
        return to.ip.family != WG_FAMILY_NONE;
}

bool wg_transmit_initiation(struct wg_peer *peer, enum wg_initiation_reason reason,
                            struct wg_now now, struct wg_actions *actions)
{
        struct wg_engine *engine = peer->engine;
        struct wg_action *action;

        if (reason == WG_INITIATION_WANTED)
                peer->retries = 0;
        if (!wg_engine_is_up(engine) || !wg_engine_identity(engine) || !has_endpoint(peer))
                return false;
        if (is_too_soon(peer, now.ns))
                return true;
        peer->handshake_sent_ns = now.ns;
        action = wg_actions_add(actions, WG_ACTION_SEND, peer);
        /* If it cannot be made, retry and finally give up, as if it were lost, so that staged
         * packets do not wait forever. */
        wg_timers_initiation_sent(peer, now.ns);
        if (!wg_handshake_create_initiation(peer, now, action->bytes)) {
                actions->count--;
                return false;
        }
        finish_handshake(action, WG_INITIATION_LEN, now);
        wg_actions_add_event(actions, peer, WG_EVENT_INITIATION_SENT)->number = peer->retries + 1u;
        return false;
}

enum wg_verdict wg_transmit_response(struct wg_handshake_job *job, struct wg_now now,
                                     struct wg_actions *actions)
{
        struct wg_peer *peer = job->peer;
        struct wg_action *action = wg_actions_add(actions, WG_ACTION_SEND, peer);
        enum wg_verdict verdict;

        peer->handshake_sent_ns = now.ns;
        verdict = wg_handshake_finish_response(job, now, action->bytes);
        if (verdict != WG_VERDICT_HANDSHAKE_DONE) {
                actions->count--;
                return verdict;
        }
        wg_timers_session_derived(peer, now.ns);
        finish_handshake(action, WG_RESPONSE_LEN, now);
        wg_actions_add_event(actions, peer, WG_EVENT_RESPONSE_SENT);
        return verdict;
}

void wg_transmit_cookie(struct wg_engine *engine, const struct wg_hsqueue_item *item,
                        struct wg_now now, struct wg_actions *actions)
{
        struct wg_action *action = wg_actions_add(actions, WG_ACTION_SEND, NULL);

        /* The sender's index has the same offset in an initiation and in a response. */
        wg_cookie_reply(&engine->cookie_maker, engine->env, now.ns, wg_engine_identity(engine),
                        item->bytes, item->len, wg_le32_load(item->bytes + WG_INITIATION_SENDER),
                        &item->from, action->bytes);
        action->len = WG_COOKIE_LEN;
        action->to = item->from;
        wg_actions_add_event(actions, NULL, WG_EVENT_COOKIE_SENT)->to = item->from;
}

static void send_keepalive(struct wg_peer *peer, struct wg_now now, struct wg_actions *actions)
{
        struct wg_action *action = wg_actions_add(actions, WG_ACTION_SEND, peer);
        struct wg_send_slot slot = {.buf = action->bytes, .len = 0};

        _Static_assert(WG_DATA_OVERHEAD <= sizeof(action->bytes), "a keepalive fits an action");
        wg_send_to(&peer->engine->worker, peer, &slot, 1, now.ns);
        wg_worker_count(&peer->engine->worker, slot.verdict);
        if (slot.verdict != WG_VERDICT_SEALED) {
                actions->count--;
                return;
        }
        action->to = slot.to;
        action->len = WG_DATA_OVERHEAD;
}

/* Seals a chain of packets. Drops those that cannot be sealed. Returns the rest of the chain, and
 * its destination in *to. */
static struct wg_staged *seal_chain(struct wg_peer *peer, struct wg_staged *chain,
                                    struct wg_endpoint *to, uint64_t now_ns)
{
        struct wg_engine *engine = peer->engine;
        struct wg_send_slot *slots = engine->slots;
        struct wg_staged **link = &chain;
        size_t n = 0;

        _Static_assert(WG_STAGED_PACKETS_MAX <= WG_BATCH_MAX, "a queue is one batch");
        for (struct wg_staged *packet = chain; packet; packet = packet->next)
                slots[n++] = (struct wg_send_slot){.buf = packet->buf, .len = packet->len};
        wg_send_to(&engine->worker, peer, slots, n, now_ns);
        for (size_t i = 0; i < n; i++) {
                struct wg_staged *packet = *link;

                wg_worker_count(&engine->worker, slots[i].verdict);
                if (slots[i].verdict != WG_VERDICT_SEALED) {
                        *link = packet->next;
                        packet->next = NULL;
                        wg_staged_free(&engine->staged_pool, packet);
                        wg_waiting_remove(&peer->waiting, 1);
                        continue;
                }
                packet->len = slots[i].len;
                packet->tos = slots[i].tos;
                *to = slots[i].to; /* the same for all sealed slots */
                link = &packet->next;
        }
        return chain;
}

static void send_staged(struct wg_peer *peer, struct wg_now now, struct wg_actions *actions)
{
        struct wg_endpoint to;
        struct wg_staged *sealed = seal_chain(peer, wg_staged_take_all(&peer->staged), &to, now.ns);
        struct wg_action *action;

        if (!sealed)
                return;
        action = wg_actions_add(actions, WG_ACTION_SEND_STAGED, peer);
        action->to = to;
        action->staged = sealed;
}

void wg_transmit_staged(struct wg_peer *peer, bool keepalive, struct wg_now now,
                        struct wg_actions *actions)
{
        if (!peer->staged.count && !keepalive)
                return;
        if (!wg_send_is_ready(peer, now.ns)) {
                peer->owes_keepalive |= keepalive;
                /* If our last message was a response, no retry timer runs that would send it. */
                if (wg_transmit_initiation(peer, WG_INITIATION_WANTED, now, actions) &&
                    !peer->deadlines[WG_TIMER_RETRY])
                        wg_timers_arm_by(peer, WG_TIMER_FLUSH,
                                         peer->handshake_sent_ns + WG_REKEY_TIMEOUT);
                return;
        }
        peer->owes_keepalive = false;
        if (peer->staged.count)
                send_staged(peer, now, actions);
        else
                send_keepalive(peer, now, actions);
}
