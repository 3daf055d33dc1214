/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_engine.c - core/engine.h: configuration, the life of the link, and the round of work. What
 * comes of it over hours and bad links is the simulator's. */
#include "core/engine.h"

#include "core/peers.h"
#include "core/timers.h"
#include "test/lib/cmocka.h"
#include "test/lib/pair.h"

#define MS WG_NS_PER_MS
#define S WG_NS_PER_S

static void set_key(struct pair *p, struct pair_side *side, uint8_t number)
{
        uint8_t key[WG_KEY_LEN] = {8, number, [31] = 0x40};
        struct wg_identity *identity = wg_identity_new(&side->t.env, key);

        assert_non_null(identity);
        wg_engine_set_identity(&side->engine, identity, p->now);
}

/* Stages a packet of 60 bytes to the other side. */
static enum wg_verdict stage(struct pair *p, struct pair_side *side)
{
        uint8_t packet[60];

        packet_ipv4(packet, sizeof(packet), PAIR_A, side == &p->a ? PAIR_B : PAIR_A);
        return pair_stage(p, side, packet, sizeof(packet));
}

/* How many datagrams of that type a side has sent; data by its whole length. */
static size_t count_sent(const struct pair_side *side, uint32_t type, uint32_t len)
{
        size_t count = 0;

        for (size_t i = 0; i < side->sent_count; i++)
                count += wg_le32_load(side->sent[i].bytes) == type &&
                         (!len || side->sent[i].len == len);
        return count;
}

static size_t count_initiations(const struct pair_side *side)
{
        return count_sent(side, WG_MESSAGE_INITIATION, 0);
}

/* ---- staging ---- */

static void test_stage_verdicts(void **state)
{
        struct pair *p = *state;
        uint8_t packet[60];

        packet_ipv4(packet, sizeof(packet), PAIR_A, 0x0b000001);
        assert_int_equal(pair_stage(p, &p->a, packet, sizeof(packet)), WG_VERDICT_NO_PEER);
        packet[0] = 0x55;
        assert_int_equal(pair_stage(p, &p->a, packet, sizeof(packet)), WG_VERDICT_NOT_IP);
        assert_int_equal(stage(p, &p->a), WG_VERDICT_STAGED);
        wg_path_write(&p->a.peer->path, &p->a.t.env, &(struct wg_endpoint){.port = 0});
        assert_int_equal(stage(p, &p->a), WG_VERDICT_NO_ENDPOINT);
        wg_engine_set_up(&p->a.engine, false, p->now);
        assert_int_equal(stage(p, &p->a), WG_VERDICT_DOWN);
        assert_int_equal(pair_count(&p->a, WG_VERDICT_STAGED), 1);
        assert_int_equal(pair_count(&p->a, WG_VERDICT_NO_PEER), 1);
        assert_int_equal(pair_count(&p->a, WG_VERDICT_NOT_IP), 1);
        assert_int_equal(pair_count(&p->a, WG_VERDICT_NO_ENDPOINT), 1);
        /* The one that was staged, and the one that came after. */
        assert_int_equal(pair_count(&p->a, WG_VERDICT_DOWN), 2);
}

/* A packet that takes the place of another is staged; the other is what is counted as dropped. */
static void test_stage_counts_what_is_dropped(void **state)
{
        struct pair *p = *state;

        for (int i = 0; i < WG_STAGED_PACKETS_MAX + 10; i++)
                assert_int_equal(stage(p, &p->a), WG_VERDICT_STAGED);
        assert_int_equal(pair_count(&p->a, WG_VERDICT_STAGED), WG_STAGED_PACKETS_MAX + 10);
        assert_int_equal(pair_count(&p->a, WG_VERDICT_STAGED_FULL), 10);
        p->a.t.allocations = 0;
        assert_int_equal(stage(p, &p->a), WG_VERDICT_NO_MEMORY);
        assert_int_equal(pair_count(&p->a, WG_VERDICT_STAGED_FULL), 11);
        assert_int_equal(pair_count(&p->a, WG_VERDICT_NO_MEMORY), 1);
}

/* All that was staged goes in order as soon as there is a session, and no keepalive beside it. */
static void test_staged_packets_go(void **state)
{
        struct pair *p = *state;

        for (uint32_t i = 0; i < 5; i++) {
                uint8_t packet[100];

                packet_ipv4(packet, 60 + i, PAIR_A, PAIR_B);
                assert_int_equal(pair_stage(p, &p->a, packet, 60 + i), WG_VERDICT_STAGED);
        }
        pair_work(p, &p->a);
        assert_int_equal(p->a.sent_count, 1);
        pair_receive(p, &p->b, &p->a.sent[0]);
        pair_work(p, &p->b);
        pair_forget(&p->a);
        pair_receive(p, &p->a, &p->b.sent[0]);
        pair_work(p, &p->a);
        assert_int_equal(p->a.sent_count, 5);
        for (uint32_t i = 0; i < 5; i++) {
                assert_int_equal(pair_receive(p, &p->b, &p->a.sent[i]), WG_VERDICT_DATA);
                assert_int_equal(p->b.in.inner_len, 60 + i);
        }
        wg_actions_clear(&p->a.engine, &p->a.actions);
        assert_int_equal(p->a.engine.staged_pool.bytes, 0);
}

/* A datagram of our own session that is routed into the tunnel. */
static void write_own_datagram(const struct pair_side *side, uint8_t packet[100])
{
        packet_ipv4(packet, 100, PAIR_A, PAIR_B);
        wg_le32_store(packet + 28, WG_MESSAGE_DATA);
        wg_le32_store(packet + 28 + WG_DATA_RECEIVER, side->peer->current_known->remote_index);
}

/* Packets count as being in the engine until they were dropped, for whatever reason, or sent, not
 * just sealed. Until then no worker sends directly. */
static void test_until_when_packets_wait(void **state)
{
        struct pair *p = *state;
        const struct wg_waiting *waiting = &p->a.peer->waiting;

        for (int i = 0; i < WG_STAGED_PACKETS_MAX + 10; i++)
                stage(p, &p->a);
        assert_int_equal(wg_waiting_count(waiting), WG_STAGED_PACKETS_MAX);
        wg_engine_set_up(&p->a.engine, false, p->now);
        assert_int_equal(wg_waiting_count(waiting), 0);
        assert_int_equal(stage(p, &p->a), WG_VERDICT_DOWN);
        assert_int_equal(wg_waiting_count(waiting), 0);
        wg_engine_set_up(&p->a.engine, true, p->now);
        p->a.t.allocations = 0;
        assert_int_equal(stage(p, &p->a), WG_VERDICT_NO_MEMORY);
        assert_int_equal(wg_waiting_count(waiting), 0);
        p->a.t.allocations = SIZE_MAX;
        pair_connect(p, &p->a);
        stage(p, &p->a);
        stage(p, &p->a);
        wg_engine_work(&p->a.engine, p->now, &p->a.actions);
        assert_int_equal(p->a.actions.count, 1);
        assert_int_equal(p->a.engine.staged_pool.packets, 2);
        assert_int_equal(wg_waiting_count(waiting), 2);
        assert_int_equal(pair_send_any(p, &p->a), WG_VERDICT_NO_SESSION);
        wg_actions_clear(&p->a.engine, &p->a.actions);
        assert_int_equal(wg_waiting_count(waiting), 0);
        assert_int_equal(pair_send_any(p, &p->a), WG_VERDICT_SEALED);
}

/* None count after the engine has given up, or has dropped some of those to be sent. */
static void test_dropped_packets_do_not_wait(void **state)
{
        struct pair *p = *state;
        const struct wg_waiting *waiting = &p->a.peer->waiting;
        uint8_t packet[100];

        stage(p, &p->a);
        for (int i = 0; i < 22; i++) {
                pair_work(p, &p->a);
                pair_pass(p, 6 * S);
        }
        assert_true(pair_has_event(&p->a, WG_EVENT_GAVE_UP));
        assert_int_equal(wg_waiting_count(waiting), 0);
        pair_forget(&p->a);
        pair_connect(p, &p->a);
        for (unsigned int i = 0; i < 2; i++) {
                write_own_datagram(&p->a, packet);
                pair_stage(p, &p->a, packet, sizeof(packet));
        }
        assert_int_equal(wg_waiting_count(waiting), 2);
        pair_work(p, &p->a);
        assert_int_equal(wg_waiting_count(waiting), 0);
        assert_int_equal(pair_count(&p->a, WG_VERDICT_LOOP), 2);
}

/* Some staged packets are refused, the first ones or others: the rest still goes to the peer. */
static void test_staged_behind_what_is_refused(void **state)
{
        for (unsigned int refused = 1; refused < 8; refused++) {
                struct pair *p = *state;
                size_t sent = 0;

                pair_connect(p, &p->a);
                for (unsigned int i = 0; i < 3; i++) {
                        uint8_t packet[100];

                        packet_ipv4(packet, sizeof(packet), PAIR_A, PAIR_B);
                        if (refused >> i & 1)
                                write_own_datagram(&p->a, packet);
                        sent += !(refused >> i & 1);
                        assert_int_equal(pair_stage(p, &p->a, packet, sizeof(packet)),
                                         WG_VERDICT_STAGED);
                }
                pair_work(p, &p->a);
                assert_int_equal(pair_count(&p->a, WG_VERDICT_LOOP), 3 - sent);
                assert_int_equal(p->a.sent_count, sent);
                for (size_t i = 0; i < sent; i++)
                        assert_true(wg_endpoint_is_same_remote(&p->a.sent[i].to, &p->b.at));
                pair_teardown(state);
                pair_setup(state);
        }
}

/* ---- the private key ---- */

static void test_same_key_changes_nothing(void **state)
{
        struct pair *p = *state;
        const struct wg_identity *identity = p->a.engine.identity;

        pair_connect(p, &p->a);
        wg_engine_set_identity(&p->a.engine, wg_identity_new(&p->a.t.env, p->a.private_key),
                               p->now);
        assert_ptr_equal(p->a.engine.identity, identity);
        assert_int_equal(pair_send_any(p, &p->a), WG_VERDICT_SEALED);
        assert_true(p->a.peer->has_static_static);
}

static void test_another_key(void **state)
{
        struct pair *p = *state;

        pair_connect(p, &p->a);
        pair_pass(p, 10 * S);
        assert_int_equal(pair_send_any(p, &p->b), WG_VERDICT_SEALED);
        set_key(p, &p->a, 9);
        /* Nothing goes out under the old one; what comes in is still taken. */
        assert_int_equal(pair_send_any(p, &p->a), WG_VERDICT_NO_SESSION);
        assert_int_equal(pair_receive(p, &p->a, &p->b.sent[0]), WG_VERDICT_DATA);
        assert_int_equal(p->a.peer->handshake.state, WG_HANDSHAKE_NONE);
}

/* It also ends a handshake under way, with its retries and the floor of 5 s; what is staged makes
 * another one, under the new key. */
static void test_another_key_while_shaking_hands(void **state)
{
        struct pair *p = *state;

        stage(p, &p->a);
        pair_work(p, &p->a);
        assert_int_equal(count_initiations(&p->a), 1);
        set_key(p, &p->a, 9);
        assert_int_equal(p->a.peer->handshake.state, WG_HANDSHAKE_NONE);
        assert_int_equal(p->a.peer->deadlines[WG_TIMER_RETRY], 0);
        pair_pass(p, MS);
        pair_work(p, &p->a);
        assert_int_equal(count_initiations(&p->a), 2);
        assert_int_equal(p->a.peer->retries, 0);
        assert_int_equal(pair_receive(p, &p->b, &p->a.sent[1]), WG_VERDICT_HANDSHAKE);
        pair_work(p, &p->b);
        assert_int_equal(pair_count(&p->b, WG_VERDICT_UNKNOWN_PEER), 1);
}

static void test_first_key_sends_what_was_staged(void **state)
{
        struct pair *p = *state;

        wg_engine_set_identity(&p->a.engine, NULL, p->now);
        stage(p, &p->a);
        pair_work(p, &p->a);
        assert_int_equal(p->a.sent_count, 0);
        pair_pass(p, 100 * S);
        wg_engine_set_identity(&p->a.engine, wg_identity_new(&p->a.t.env, p->a.private_key),
                               p->now);
        pair_settle(p);
        assert_int_equal(pair_count(&p->b, WG_VERDICT_DATA), 1);
}

static void test_peer_with_our_own_key_goes(void **state)
{
        struct pair *p = *state;

        wg_engine_set_identity(&p->a.engine, wg_identity_new(&p->a.t.env, p->b.private_key),
                               p->now);
        wg_engine_commit(&p->a.engine, SIZE_MAX);
        assert_int_equal(p->a.engine.peer_count, 0);
        assert_null(wg_peers_find(&p->a.engine, p->b.public_key));
}

/* ---- settings of a peer ---- */

static void test_endpoint_is_set_unpinned(void **state)
{
        struct wg_endpoint e = {.ip = {WG_FAMILY_IPV6, {0xfe, 0x80, [15] = 1}},
                                .port = 7,
                                .scope = 3,
                                .source = {WG_FAMILY_IPV6, {0xfe, 0x80, [15] = 2}},
                                .source_ifindex = 3};
        struct wg_endpoint read;
        struct pair *p = *state;

        wg_path_write(&p->a.peer->path, &p->a.t.env, &e);
        wg_engine_unpin_all(&p->a.engine);
        wg_path_read(&p->a.peer->path, &read);
        assert_true(wg_endpoint_is_same_remote(&read, &e));
        assert_int_equal(read.source.family, WG_FAMILY_NONE);
        assert_int_equal(read.source_ifindex, 0);

        wg_path_write(&p->a.peer->path, &p->a.t.env, &e);
        wg_engine_set_endpoint(p->a.peer, &e);
        wg_path_read(&p->a.peer->path, &read);
        assert_true(wg_endpoint_is_same_remote(&read, &e));
        assert_int_equal(read.source.family, WG_FAMILY_NONE);
        assert_int_equal(read.source_ifindex, 0);
}

/* From off to on it sends one at once, also where something went just now; else by the interval. */
static void test_keepalive_begins(void **state)
{
        struct pair *p = *state;

        pair_connect(p, &p->a);
        wg_engine_set_keepalive(p->a.peer, 25, p->now);
        pair_work(p, &p->a);
        assert_int_equal(count_sent(&p->a, WG_MESSAGE_DATA, 32), 1);
        pair_pass(p, 25 * S - 1);
        pair_work(p, &p->a);
        assert_int_equal(p->a.sent_count, 1);
        pair_pass(p, 1);
        pair_work(p, &p->a);
        assert_int_equal(count_sent(&p->a, WG_MESSAGE_DATA, 32), 2);

        /* A change of the interval counts from what went last. */
        pair_pass(p, 6 * S);
        wg_engine_set_keepalive(p->a.peer, 10, p->now);
        pair_work(p, &p->a);
        assert_int_equal(p->a.sent_count, 2);
        pair_pass(p, 4 * S);
        pair_work(p, &p->a);
        assert_int_equal(p->a.sent_count, 3);
        wg_engine_set_keepalive(p->a.peer, 0, p->now);
        pair_pass(p, 100 * S);
        pair_work(p, &p->a);
        assert_int_equal(p->a.sent_count, 3);
}

/* A keepalive for which there is no session yet goes when there is one, whoever began it. */
static void test_keepalive_is_owed(void **state)
{
        struct pair *p = *state;

        wg_engine_set_keepalive(p->b.peer, 25, p->now);
        pair_work(p, &p->b);
        assert_int_equal(count_initiations(&p->b), 1);
        assert_true(p->b.peer->owes_keepalive);
        pair_forget(&p->b); /* the initiation is lost */
        pair_pass(p, S);
        stage(p, &p->a);
        pair_work(p, &p->a);
        pair_receive(p, &p->b, &p->a.sent[0]);
        pair_work(p, &p->b);
        pair_receive(p, &p->a, &p->b.sent[0]);
        pair_work(p, &p->a);
        pair_forget(&p->b);
        assert_int_equal(pair_receive(p, &p->b, &p->a.sent[1]), WG_VERDICT_DATA);
        pair_work(p, &p->b);
        assert_int_equal(count_sent(&p->b, WG_MESSAGE_DATA, 32), 1);
        assert_false(p->b.peer->owes_keepalive);
}

static void test_endpoint_comes_later(void **state)
{
        struct pair *p = *state;

        wg_path_write(&p->a.peer->path, &p->a.t.env, &(struct wg_endpoint){.port = 0});
        wg_engine_set_keepalive(p->a.peer, 25, p->now);
        pair_work(p, &p->a);
        assert_int_equal(p->a.sent_count, 0);
        wg_engine_set_endpoint(p->a.peer, &p->b.at);
        wg_engine_peer_changed(p->a.peer, p->now);
        pair_work(p, &p->a);
        assert_int_equal(count_initiations(&p->a), 1);
}

/* ---- up, down, asleep ---- */

static void test_down_forgets(void **state)
{
        struct pair *p = *state;
        struct wg_peer *peer = p->a.peer;

        pair_connect(p, &p->a);
        wg_engine_set_keepalive(peer, 25, p->now);
        pair_pass(p, 200 * S);
        stage(p, &p->a);
        pair_work(p, &p->a);
        assert_int_equal(peer->staged.count, 1);
        assert_int_not_equal(peer->handshake.state, WG_HANDSHAKE_NONE);
        wg_worker_note(&p->a.worker, peer, WG_NOTE_CONFIRMED);

        wg_engine_set_up(&p->a.engine, false, p->now);
        assert_int_equal(peer->staged.count, 0);
        assert_false(peer->owes_keepalive);
        assert_int_equal(peer->handshake.state, WG_HANDSHAKE_NONE);
        assert_int_equal(peer->handshake_sent_ns, 0);
        assert_null(peer->current);
        assert_int_equal(peer->keypairs, 0);
        assert_int_equal(p->a.engine.due.count, 0);
        pair_forget(&p->a);
        pair_pass(p, 1000 * S);
        pair_work(p, &p->a);
        assert_int_equal(p->a.sent_count + p->a.events_count, 0);
        wg_engine_set_up(&p->a.engine, false, p->now);
}

/* What a worker noted before the link went down says nothing of the time after it came up. */
static void test_notes_end_with_the_link(void **state)
{
        struct pair *p = *state;

        pair_connect(p, &p->a);
        p->a.peer->handshake_real_ns = 5;
        wg_worker_note(&p->a.worker, p->a.peer, WG_NOTE_CONFIRMED);
        wg_worker_note(&p->a.worker, p->a.peer, WG_NOTE_REKEY);
        wg_engine_set_up(&p->a.engine, false, p->now);
        wg_engine_set_up(&p->a.engine, true, p->now);
        pair_work(p, &p->a);
        assert_int_equal(p->a.sent_count + p->a.events_count, 0);
        assert_int_equal(p->a.peer->handshake_real_ns, 5);
}

/* A worker is still amid a batch when the link goes down: what it writes down then is forgotten
 * too, also where another one had listed the peer already. */
static void test_times_of_a_late_worker_end_with_the_link(void **state)
{
        struct pair *p = *state;
        struct wg_peer *peer = p->a.peer;

        pair_connect(p, &p->a);
        for (unsigned int is_listed = 0; is_listed < 2; is_listed++) {
                wg_engine_set_up(&p->a.engine, true, p->now);
                if (is_listed)
                        wg_worker_note(&p->a.worker, peer, WG_NOTE_REKEY);
                wg_engine_set_up(&p->a.engine, false, p->now);
                wg_worker_sent(&p->a.worker, peer, true, p->now.ns);
                wg_worker_received(&p->a.worker, peer, true, p->now.ns);
                wg_worker_sent(&p->a.worker, peer, true, p->now.ns);
                pair_work(p, &p->a);
                assert_int_equal(peer->notes.bits, 0);
                assert_int_equal(peer->notes.unanswered_ns, 0);
                assert_int_equal(peer->notes.unacknowledged_ns, 0);
                assert_int_equal(peer->notes.traversal_ns, 0);
        }
}

static void test_up_sends_keepalives_at_once(void **state)
{
        struct pair *p = *state;

        pair_connect(p, &p->a);
        wg_engine_set_up(&p->a.engine, false, p->now);
        wg_engine_set_keepalive(p->a.peer, 25, p->now);
        assert_int_equal(p->a.engine.due.count, 0);
        wg_engine_set_up(&p->a.engine, true, p->now);
        pair_work(p, &p->a);
        /* The floor of 5 s since the last initiation went with the link. */
        assert_int_equal(count_initiations(&p->a), 1);
}

static void test_suspended(void **state)
{
        struct pair *p = *state;

        pair_connect(p, &p->a);
        assert_int_equal(stage(p, &p->b), WG_VERDICT_STAGED);
        wg_engine_suspended(&p->b.engine, p->now);
        assert_null(p->b.peer->current);
        assert_int_equal(p->b.peer->keypairs, 0);
        /* What was staged is not forgotten. */
        pair_pass(p, 30 * MS);
        pair_settle(p);
        assert_int_equal(pair_count(&p->a, WG_VERDICT_SOURCE_REFUSED) +
                                 pair_count(&p->a, WG_VERDICT_DATA),
                         1);
        assert_true(wg_send_is_ready(p->b.peer, p->now.ns));
}

/* ---- keys in time ---- */

static void test_keys_are_forgotten(void **state)
{
        struct pair *p = *state;

        pair_connect(p, &p->a);
        pair_pass(p, 540 * S - 1);
        pair_work(p, &p->a);
        assert_int_equal(p->a.peer->keypairs, 1);
        pair_pass(p, 1);
        pair_work(p, &p->a);
        assert_int_equal(p->a.peer->keypairs, 0);
        assert_true(pair_has_event(&p->a, WG_EVENT_KEYS_FORGOTTEN));
        assert_true(wg_engine_deadline(&p->a.engine) == UINT64_MAX);
}

/* 20 initiations within 100 to 107 s, then silence; what is staged goes. */
static void test_gives_up(void **state)
{
        struct pair *p = *state;
        uint64_t began_ns = p->now.ns;

        stage(p, &p->a);
        stage(p, &p->a);
        while (!pair_has_event(&p->a, WG_EVENT_GAVE_UP)) {
                uint64_t due_ns = wg_engine_deadline(&p->a.engine);

                assert_true(due_ns < began_ns + 200 * S);
                if (due_ns > p->now.ns)
                        pair_pass(p, due_ns - p->now.ns);
                pair_work(p, &p->a);
        }
        assert_in_range(p->now.ns - began_ns, 100 * S, 107 * S);
        assert_int_equal(count_initiations(&p->a), 20);
        assert_int_equal(pair_count(&p->a, WG_VERDICT_GAVE_UP), 2);
        assert_int_equal(p->a.peer->staged.count, 0);
        assert_int_equal(wg_engine_deadline(&p->a.engine), p->now.ns + 540 * S);
        /* A new packet begins anew. */
        stage(p, &p->a);
        pair_work(p, &p->a);
        assert_int_equal(count_initiations(&p->a), 21);
        assert_int_equal(p->a.peer->retries, 0);
}

/* The initiator asks for new keys at 120 s when it sends, at 165 s when it only receives. */
static void test_rekeys(void **state)
{
        struct pair *p = *state;

        pair_connect(p, &p->a);
        pair_pass(p, 120 * S - 1);
        pair_send_any(p, &p->a);
        pair_work(p, &p->a);
        assert_int_equal(count_initiations(&p->a), 0);
        pair_pass(p, 1);
        pair_send_any(p, &p->a);
        pair_work(p, &p->a);
        assert_int_equal(count_initiations(&p->a), 1);
        /* Steady traffic does not ask again before the floor has passed. */
        for (int i = 0; i < 49; i++) {
                pair_pass(p, 100 * MS);
                pair_send_any(p, &p->a);
                pair_work(p, &p->a);
        }
        assert_int_equal(count_initiations(&p->a), 1);
        pair_pass(p, 500 * MS);
        pair_send_any(p, &p->a);
        pair_work(p, &p->a);
        assert_int_equal(count_initiations(&p->a), 2);
}

static void test_rekeys_late(void **state)
{
        struct pair *p = *state;

        pair_connect(p, &p->a);
        pair_pass(p, 165 * S);
        pair_send_any(p, &p->b);
        assert_int_equal(pair_receive(p, &p->a, &p->b.sent[0]), WG_VERDICT_DATA);
        pair_work(p, &p->a);
        assert_int_equal(count_initiations(&p->a), 1);
        /* Once a session. */
        pair_forget(&p->a);
        p->a.peer->deadlines[WG_TIMER_RETRY] = 0;
        pair_pass(p, 6 * S);
        pair_forget(&p->b);
        pair_send_any(p, &p->b);
        assert_int_equal(pair_receive(p, &p->a, &p->b.sent[0]), WG_VERDICT_DATA);
        pair_work(p, &p->a);
        assert_int_equal(count_initiations(&p->a), 0);
}

/* ---- work ---- */

/* More is due than a list of actions holds: all is done, none twice. */
static void test_much_is_due(void **state)
{
        enum { MANY = 200 };
        struct pair *p = *state;
        struct wg_engine *engine = &p->a.engine;
        size_t calls = 0, initiations = 0;
        bool has_more;

        assert_true(wg_engine_reserve(engine, MANY, 0));
        for (uint32_t i = 0; i < MANY; i++) {
                struct wg_identity *other;
                uint8_t key[WG_KEY_LEN] = {8, 50, (uint8_t)i, [31] = 0x40};
                struct wg_peer *peer;

                other = wg_identity_new(&p->a.t.env, key);
                assert_non_null(other);
                peer = wg_engine_add_peer(engine, wg_x25519_key_public(other->key));
                wg_identity_free(other);
                wg_engine_set_endpoint(peer, &p->b.at);
                if (i % 2)
                        wg_engine_set_keepalive(peer, 25, p->now);
                else
                        wg_worker_note(&p->a.worker, peer, WG_NOTE_REKEY);
        }
        assert_true(wg_engine_deadline(engine) <= p->now.ns);
        do {
                has_more = wg_engine_work(engine, p->now, &p->a.actions);
                assert_true(p->a.actions.count <= WG_ACTIONS_MAX);
                for (size_t i = 0; i < p->a.actions.count; i++)
                        initiations += p->a.actions.items[i].kind == WG_ACTION_SEND;
                calls++;
        } while (has_more);
        assert_int_equal(initiations, MANY);
        assert_in_range(calls, 2 * MANY / WG_ACTIONS_MAX, 2 * MANY / 8);
}

static void test_enums(void **state)
{
        (void)state;
        assert_string_equal(wg_event_name(WG_EVENT_GAVE_UP), "gave_up");
        assert_string_equal(wg_action_kind_name(WG_ACTION_SEND_STAGED), "send_staged");
        assert_string_equal(wg_timer_name(WG_TIMER_ZERO), "zero");
        assert_string_equal(wg_handshake_state_name(WG_HANDSHAKE_INITIATED), "initiated");
        assert_string_equal(wg_note_name(WG_NOTE_REKEY), "rekey");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pair_setup, pair_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_stage_verdicts),
                TEST(test_stage_counts_what_is_dropped),
                TEST(test_staged_packets_go),
                TEST(test_staged_behind_what_is_refused),
                TEST(test_until_when_packets_wait),
                TEST(test_dropped_packets_do_not_wait),
                TEST(test_same_key_changes_nothing),
                TEST(test_another_key),
                TEST(test_another_key_while_shaking_hands),
                TEST(test_first_key_sends_what_was_staged),
                TEST(test_peer_with_our_own_key_goes),
                TEST(test_endpoint_is_set_unpinned),
                TEST(test_keepalive_begins),
                TEST(test_keepalive_is_owed),
                TEST(test_endpoint_comes_later),
                TEST(test_down_forgets),
                TEST(test_notes_end_with_the_link),
                TEST(test_times_of_a_late_worker_end_with_the_link),
                TEST(test_up_sends_keepalives_at_once),
                TEST(test_suspended),
                TEST(test_keys_are_forgotten),
                TEST(test_gives_up),
                TEST(test_rekeys),
                TEST(test_rekeys_late),
                TEST(test_much_is_due),
                cmocka_unit_test(test_enums),
        };

        return cmocka_run_group_tests_name("engine", tests, test_crypto_up, test_crypto_down);
}
