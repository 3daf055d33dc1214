/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/hswork.h"

#include "base/mem.h"
#include "core/timers.h"
#include "core/transmit.h"

/* Whether a source, proven by a cookie, is within its rate. */
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

        if (!wg_engine_is_up(engine)) {
                verdict = WG_VERDICT_DOWN;
                goto drop;
        }
        /* A source over its rate must not fill the queue, even with valid cookies. */
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

/* Under load a message must prove its source, and each source has a rate limit. */
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

/* An authentic handshake message arrived: its source becomes the peer's endpoint. */
static void moved_to(struct wg_peer *peer, const struct wg_hsqueue_item *item, struct wg_now now)
{
        wg_path_write(&peer->path, peer->engine->env, &item->from);
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
        wg_actions_add_event(actions, entry->peer, WG_EVENT_COOKIE_STORED);
        return WG_VERDICT_COOKIE_STORED;
}

/* Checks a message. Returns whether there is something to compute for it. */
static bool begin_job(struct wg_engine *engine, struct wg_handshake_job *job,
                      const struct wg_hsqueue_item *item, struct wg_now now)
{
        const struct wg_identity *identity = wg_engine_identity(engine);
        uint32_t type = wg_message_classify(item->bytes, item->len);
        enum wg_verdict verdict = WG_VERDICT_MALFORMED;

        if (!identity)
                verdict = WG_VERDICT_NO_PRIVATE_KEY;
        else if (type == WG_MESSAGE_COOKIE)
                verdict = WG_VERDICT_COOKIE_STORED; /* take_cookie() decides */
        else if (type == WG_MESSAGE_INITIATION || type == WG_MESSAGE_RESPONSE)
                /* The worker checked mac1 too, but perhaps under the previous key. */
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
        wg_actions_add_event(actions, job->peer, WG_EVENT_HANDSHAKE_COMPLETE);
        /* Send something at once: the peer must not send before it has seen the session used. */
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

/* Judges a message for which nothing is left to compute, counts it, and reports a refusal. */
static void settle(struct wg_engine *engine, struct wg_handshake_job *job, struct wg_now now,
                   struct wg_actions *actions)
{
        enum wg_verdict verdict = judge(engine, job, now, actions);
        struct wg_action *event;

        wg_worker_count(&engine->worker, verdict);
        if (verdict != WG_VERDICT_HANDSHAKE_DONE && verdict != WG_VERDICT_COOKIE_STORED &&
            verdict != WG_VERDICT_COOKIE_DEMANDED) {
                event = wg_actions_add_event(actions, job->peer, WG_EVENT_HANDSHAKE_REFUSED);
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

/* Takes several messages at a time, because several threads may compute for them. The rest wait for
 * the next call. */
void wg_hswork_run(struct wg_engine *engine, struct wg_now now, struct wg_actions *actions)
{
        struct wg_handshake_job *under_way[WG_HANDSHAKE_COMPUTED];
        const struct wg_hsqueue_item *item;
        size_t total = 0, count = 0, left;

        while (total < WG_HANDSHAKE_JOBS && count < WG_HANDSHAKE_COMPUTED &&
               wg_actions_has_room(actions, total + 1) &&
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
