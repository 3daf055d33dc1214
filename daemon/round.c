/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "daemon/round.h"

#include <errno.h>
#include <stdlib.h>

#include "core/hswork.h"
#include "core/work.h"
#include "daemon/env.h"
#include "daemon/report.h"
#include "io/clock.h"

enum { SCRATCH_SIZE = 1 << 16 };

enum { STAGED_A_CALL = 32 }; /* staged datagrams passed to the kernel in one call */

/* How many handshake messages may wait in the core: enough ordinary ones to count as load, and more
 * preferred ones. Beyond that, a few ordinary ones are taken per round, because their senders may
 * need a cookie. */
enum {
        ORDINARY_MAX = WG_HANDSHAKE_QUEUE_MAX / 4,
        PREFERRED_MAX = WG_HANDSHAKE_QUEUE_MAX / 4 * 3,
        ORDINARY_A_ROUND = 16,
};
_Static_assert(ORDINARY_MAX > WG_LOAD_QUEUED, "waiting ordinary messages can count as load");

#define RECLAIM_AGAIN_NS TL_NS_PER_MS
#define WAIT_FOR_LINK_NS WG_REKEY_TIMEOUT

static void offer(struct tl_round *round, const struct tl_inbox_head *head)
{
        uint32_t type = wg_message_classify(round->scratch, head->len);

        if (type < WG_MESSAGE_DATA)
                round->shared->tally.received[type]++;
        /* Time spent waiting for the link is no sign of load. */
        wg_engine_offer(&round->shared->engine, round->scratch, head->len, &head->from,
                        WG_MAX(head->arrived_ns, round->link->up_ns));
}

/* Empties the inbox, so that a source over its rate cannot fill it: the core refuses its
 * messages at once. */
static void offer_preferred(struct tl_round *round)
{
        struct tl_inbox_head head;

        for (unsigned int i = 0; i < WG_HANDSHAKE_QUEUE_MAX; i++) {
                if (!tl_inbox_take(&round->shared->handover.preferred, &head, round->scratch))
                        return;
                if (round->shared->engine.handshakes.count < PREFERRED_MAX)
                        offer(round, &head);
                else
                        wg_worker_count(&round->shared->engine.worker, WG_VERDICT_QUEUE_FULL);
        }
        tl_wake_set(&round->shared->wake); /* there may be more */
}

static void offer_ordinary(struct tl_round *round)
{
        struct tl_inbox_head head;

        for (unsigned int i = 0; i < ORDINARY_MAX; i++) {
                uint32_t most = i < ORDINARY_A_ROUND ? WG_HANDSHAKE_QUEUE_MAX : ORDINARY_MAX;

                if (round->shared->engine.handshakes.count >= most ||
                    !tl_inbox_take(&round->shared->handover.handshakes, &head, round->scratch))
                        return;
                offer(round, &head);
        }
        tl_wake_set(&round->shared->wake); /* there may be more */
}

static void drop_old(struct tl_round *round, struct tl_inbox *inbox, uint64_t before_ns)
{
        while (tl_inbox_drop_older(inbox, before_ns))
                wg_worker_count(&round->shared->engine.worker, WG_VERDICT_DOWN);
}

/* While the link is down, or not yet known to be up, messages wait. Drops those that waited too
 * long: an initiation is worthless once its sender has begun another. */
static void keep_waiting(struct tl_round *round, uint64_t now_ns)
{
        uint64_t before_ns = now_ns > WAIT_FOR_LINK_NS ? now_ns - WAIT_FOR_LINK_NS : 0;

        drop_old(round, &round->shared->handover.preferred, before_ns);
        drop_old(round, &round->shared->handover.handshakes, before_ns);
}

/* Messages in the inboxes may have arrived after a link change that has not been handled yet. If it
 * were handled later, a session that begins now would be dropped together with those from before
 * the link went down. */
static void catch_up_with_link(struct tl_round *round)
{
        tl_link_catch_up(round->link, !tl_handover_is_empty(&round->shared->handover));
}

/* Returns whether there may be more. */
static bool stage_unsent(struct tl_round *round)
{
        struct tl_inbox_head head;

        for (unsigned int i = 0; i < WG_BATCH_MAX; i++) {
                if (!tl_inbox_take(&round->shared->handover.unsent, &head, round->scratch))
                        return false;
                wg_engine_stage(&round->shared->engine, head.peer, round->scratch, head.len,
                                head.arrived_ns);
        }
        return true;
}

/* Takes bounded time, because the inboxes are bounded. */
static void empty_inboxes(struct tl_round *round, uint64_t now_ns)
{
        if (!round->link->is_up || now_ns < round->link->up_ns + WAIT_FOR_LINK_NS)
                keep_waiting(round, now_ns);
        if (round->link->is_up) {
                offer_preferred(round);
                offer_ordinary(round);
        }
        if (stage_unsent(round))
                tl_wake_set(&round->shared->wake);
}

/* Accounts for a datagram that the engine sent or failed to send. */
static void settle(struct tl_shared *shared, struct wg_peer *peer, const struct tl_datagram *d)
{
        if (d->error) {
                tl_tally_add_tx_errors(&shared->tally, tl_datagram_count(d));
                tl_report_send_error(shared->log, peer, d);
        } else if (peer) {
                wg_worker_count_sent(&shared->engine.worker, peer, d->len);
        }
        if (d->pin_failed && peer)
                wg_path_unpin(&peer->path, peer->engine->env, &d->path);
}

static void send_datagrams(struct tl_shared *shared, struct wg_peer *peer,
                           struct tl_datagram *datagrams, unsigned int count)
{
        struct tl_socket_set *set = atomic_load(&shared->sockets.current);

        if (!set) {
                tl_tally_add_tx_errors(&shared->tally, count);
                return;
        }
        tl_udp_send_pair(&set->pairs[0], datagrams, count);
        for (unsigned int i = 0; i < count; i++)
                settle(shared, peer, &datagrams[i]);
}

static void send_one(struct tl_round *round, struct wg_action *action)
{
        struct tl_datagram datagram = {
                .buf = action->bytes, .len = action->len, .tos = action->tos, .path = action->to};

        send_datagrams(round->shared, action->peer, &datagram, 1);
}

/* Until all of these are sent, workers pass the peer's later packets to the engine. */
static void send_staged(struct tl_round *round, const struct wg_action *action)
{
        struct tl_datagram datagrams[STAGED_A_CALL];
        unsigned int count = 0;

        for (struct wg_staged *s = action->staged; s; s = s->next) {
                datagrams[count++] = (struct tl_datagram){
                        .buf = s->buf, .len = s->len, .tos = s->tos, .path = action->to};
                if (count < STAGED_A_CALL && s->next)
                        continue;
                send_datagrams(round->shared, action->peer, datagrams, count);
                count = 0;
        }
}

static void act(struct tl_round *round, struct wg_action *action)
{
        switch (action->kind) {
        case WG_ACTION_SEND:
                send_one(round, action);
                break;
        case WG_ACTION_SEND_STAGED:
                send_staged(round, action);
                break;
        case WG_ACTION_EVENT:
                round->shared->tally.events[action->event]++;
                tl_report_event(round->shared->log, action);
                tl_events_add_action(round->events, action);
                break;
        }
}

/* Works on changes. Returns whether there is more to do at once. */
static bool change_configuration(struct tl_round *round)
{
        bool has_more = tl_apply_work(round->changes);

        /* A reply must not show a change that is half done. */
        tl_server_pause(&round->servers[TL_LISTENER_UAPI], has_more);
        return has_more;
}

/* Writes messages that wait in the log. Returns when to call again. */
static uint64_t tend_log(struct tl_round *round, uint64_t now_ns)
{
        uint64_t due = tl_log_work(round->shared->log, now_ns);
        int connection;

        if (due == UINT64_MAX || !tl_log_wants_connection(round->shared->log, now_ns))
                return due;
        connection = tl_helper_connect_syslog(round->helper);
        if (connection < 0)
                return due;
        tl_log_connect(round->shared->log, connection);
        return 0;
}

/* Unlike WG_MIN(), it evaluates its arguments once. */
static uint64_t sooner(uint64_t a, uint64_t b)
{
        return WG_MIN(a, b);
}

/* Accepts connections that had to wait, and continues streams. Returns when to call again. */
static uint64_t tend_servers(struct tl_round *round, uint64_t now_ns)
{
        uint64_t due = TL_LOOP_NEVER;

        for (unsigned int i = 0; i < TL_LISTENER_COUNT; i++)
                due = sooner(due, tl_server_work(&round->servers[i], now_ns));
        return due;
}

uint64_t tl_round_work(struct tl_round *round)
{
        struct tl_shared *shared = round->shared;
        struct wg_engine *engine = &shared->engine;
        struct wg_now now;
        uint64_t due;
        bool is_busy;

        catch_up_with_link(round);
        now = tl_env_now();
        tl_sockets_give_up_port(&shared->sockets, now.ns);
        empty_inboxes(round, now.ns);
        is_busy = wg_engine_work(engine, now, &round->actions);
        tl_stamp_keep(round->stamp);
        for (size_t i = 0; i < round->actions.count; i++)
                act(round, &round->actions.items[i]);
        wg_actions_clear(engine, &round->actions);
        tl_sockets_bind_again(&shared->sockets, now.ns);
        due = tl_pins_work(round->pins, now.ns);
        is_busy |= change_configuration(round);
        due = sooner(due, is_busy ? 0 : wg_engine_deadline(engine));
        due = sooner(due, tend_log(round, now.ns));
        if (tl_reclaim_poll(&shared->reclaim))
                due = sooner(due, now.ns + RECLAIM_AGAIN_NS);
        due = sooner(due, tl_sockets_deadline(&shared->sockets));
        due = sooner(due, tend_servers(round, now.ns));
        return sooner(due, tl_link_deadline(round->link, now.ns));
}

int tl_round_init(struct tl_round *round)
{
        round->scratch = malloc(SCRATCH_SIZE);
        return round->scratch ? 0 : -ENOMEM;
}

void tl_round_done(struct tl_round *round)
{
        wg_actions_clear(&round->shared->engine, &round->actions);
        while (round->shared->handover.unsent.ring && stage_unsent(round))
                ;
        free(round->scratch);
}
