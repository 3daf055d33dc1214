/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_work.c - core/work.h: staged packets, timers, and what one round does. The simulator tests
 * the same over hours and bad links. */
#include "core/work.h"

#include "core/timers.h"
#include "test/lib/cmocka.h"
#include "test/lib/pair.h"

#define MS WG_NS_PER_MS
#define S WG_NS_PER_S

/* ---- staging ---- */

static void test_stage_verdicts(void **state)
{
        struct pair *p = *state;
        uint8_t packet[60];

        packet_ipv4(packet, sizeof(packet), PAIR_A, 0x0b000001);
        assert_int_equal(pair_stage(p, &p->a, packet, sizeof(packet)), WG_VERDICT_NO_PEER);
        packet[0] = 0x55;
        assert_int_equal(pair_stage(p, &p->a, packet, sizeof(packet)), WG_VERDICT_NOT_IP);
        assert_int_equal(pair_stage_any(p, &p->a), WG_VERDICT_STAGED);
        wg_path_write(&p->a.peer->path, &p->a.t.env, &(struct wg_endpoint){.port = 0});
        assert_int_equal(pair_stage_any(p, &p->a), WG_VERDICT_NO_ENDPOINT);
        wg_engine_set_up(&p->a.engine, false, p->now);
        assert_int_equal(pair_stage_any(p, &p->a), WG_VERDICT_DOWN);
        assert_int_equal(pair_count(&p->a, WG_VERDICT_STAGED), 1);
        assert_int_equal(pair_count(&p->a, WG_VERDICT_NO_PEER), 1);
        assert_int_equal(pair_count(&p->a, WG_VERDICT_NOT_IP), 1);
        assert_int_equal(pair_count(&p->a, WG_VERDICT_NO_ENDPOINT), 1);
        /* The staged one, and the later one. */
        assert_int_equal(pair_count(&p->a, WG_VERDICT_DOWN), 2);
}

/* A packet that takes the place of another is staged; the other is counted as dropped. */
static void test_stage_counts_dropped_packets(void **state)
{
        struct pair *p = *state;

        for (int i = 0; i < WG_STAGED_PACKETS_MAX + 10; i++)
                assert_int_equal(pair_stage_any(p, &p->a), WG_VERDICT_STAGED);
        assert_int_equal(pair_count(&p->a, WG_VERDICT_STAGED), WG_STAGED_PACKETS_MAX + 10);
        assert_int_equal(pair_count(&p->a, WG_VERDICT_STAGED_FULL), 10);
        p->a.t.allocations = 0;
        assert_int_equal(pair_stage_any(p, &p->a), WG_VERDICT_NO_MEMORY);
        assert_int_equal(pair_count(&p->a, WG_VERDICT_STAGED_FULL), 11);
        assert_int_equal(pair_count(&p->a, WG_VERDICT_NO_MEMORY), 1);
}

/* All staged packets are sent in order as soon as there is a session, without an extra
 * keepalive. */
static void test_staged_packets_are_sent(void **state)
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
static void test_how_long_packets_wait(void **state)
{
        struct pair *p = *state;
        const struct wg_waiting *waiting = &p->a.peer->waiting;

        for (int i = 0; i < WG_STAGED_PACKETS_MAX + 10; i++)
                pair_stage_any(p, &p->a);
        assert_int_equal(wg_waiting_count(waiting), WG_STAGED_PACKETS_MAX);
        wg_engine_set_up(&p->a.engine, false, p->now);
        assert_int_equal(wg_waiting_count(waiting), 0);
        assert_int_equal(pair_stage_any(p, &p->a), WG_VERDICT_DOWN);
        assert_int_equal(wg_waiting_count(waiting), 0);
        wg_engine_set_up(&p->a.engine, true, p->now);
        p->a.t.allocations = 0;
        assert_int_equal(pair_stage_any(p, &p->a), WG_VERDICT_NO_MEMORY);
        assert_int_equal(wg_waiting_count(waiting), 0);
        p->a.t.allocations = SIZE_MAX;
        pair_connect(p, &p->a);
        pair_stage_any(p, &p->a);
        pair_stage_any(p, &p->a);
        wg_engine_work(&p->a.engine, p->now, &p->a.actions);
        assert_int_equal(p->a.actions.count, 1);
        assert_int_equal(p->a.engine.staged_pool.packets, 2);
        assert_int_equal(wg_waiting_count(waiting), 2);
        assert_int_equal(pair_send_any(p, &p->a), WG_VERDICT_NO_SESSION);
        wg_actions_clear(&p->a.engine, &p->a.actions);
        assert_int_equal(wg_waiting_count(waiting), 0);
        assert_int_equal(pair_send_any(p, &p->a), WG_VERDICT_SEALED);
}

/* No packets are counted once the engine has given up, or has dropped some of those it was about to
 * send. */
static void test_dropped_packets_do_not_wait(void **state)
{
        struct pair *p = *state;
        const struct wg_waiting *waiting = &p->a.peer->waiting;
        uint8_t packet[100];

        pair_stage_any(p, &p->a);
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
static void test_staged_behind_refused_packets(void **state)
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

/* A keepalive that has no session yet is sent once there is one, whichever side began it. */
static void test_keepalive_is_owed(void **state)
{
        struct pair *p = *state;

        wg_engine_set_keepalive(p->b.peer, 25, p->now);
        pair_work(p, &p->b);
        assert_int_equal(pair_count_sent(&p->b, WG_MESSAGE_INITIATION, 0), 1);
        assert_true(p->b.peer->owes_keepalive);
        pair_forget(&p->b); /* the initiation is lost */
        pair_pass(p, S);
        pair_stage_any(p, &p->a);
        pair_work(p, &p->a);
        pair_receive(p, &p->b, &p->a.sent[0]);
        pair_work(p, &p->b);
        pair_receive(p, &p->a, &p->b.sent[0]);
        pair_work(p, &p->a);
        pair_forget(&p->b);
        assert_int_equal(pair_receive(p, &p->b, &p->a.sent[1]), WG_VERDICT_DATA);
        pair_work(p, &p->b);
        assert_int_equal(pair_count_sent(&p->b, WG_MESSAGE_DATA, 32), 1);
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
        assert_int_equal(pair_count_sent(&p->a, WG_MESSAGE_INITIATION, 0), 1);
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

/* 20 initiations within 100 to 107 s, then silence; staged packets are dropped. */
static void test_gives_up(void **state)
{
        struct pair *p = *state;
        uint64_t began_ns = p->now.ns;

        pair_stage_any(p, &p->a);
        pair_stage_any(p, &p->a);
        while (!pair_has_event(&p->a, WG_EVENT_GAVE_UP)) {
                uint64_t due_ns = wg_engine_deadline(&p->a.engine);

                assert_true(due_ns < began_ns + 200 * S);
                if (due_ns > p->now.ns)
                        pair_pass(p, due_ns - p->now.ns);
                pair_work(p, &p->a);
        }
        assert_in_range(p->now.ns - began_ns, 100 * S, 107 * S);
        assert_int_equal(pair_count_sent(&p->a, WG_MESSAGE_INITIATION, 0), 20);
        assert_int_equal(pair_count(&p->a, WG_VERDICT_GAVE_UP), 2);
        assert_int_equal(p->a.peer->staged.count, 0);
        assert_int_equal(wg_engine_deadline(&p->a.engine), p->now.ns + 540 * S);
        /* A new packet starts again. */
        pair_stage_any(p, &p->a);
        pair_work(p, &p->a);
        assert_int_equal(pair_count_sent(&p->a, WG_MESSAGE_INITIATION, 0), 21);
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
        assert_int_equal(pair_count_sent(&p->a, WG_MESSAGE_INITIATION, 0), 0);
        pair_pass(p, 1);
        pair_send_any(p, &p->a);
        pair_work(p, &p->a);
        assert_int_equal(pair_count_sent(&p->a, WG_MESSAGE_INITIATION, 0), 1);
        /* Steady traffic does not ask again before the 5 s floor has passed. */
        for (int i = 0; i < 49; i++) {
                pair_pass(p, 100 * MS);
                pair_send_any(p, &p->a);
                pair_work(p, &p->a);
        }
        assert_int_equal(pair_count_sent(&p->a, WG_MESSAGE_INITIATION, 0), 1);
        pair_pass(p, 500 * MS);
        pair_send_any(p, &p->a);
        pair_work(p, &p->a);
        assert_int_equal(pair_count_sent(&p->a, WG_MESSAGE_INITIATION, 0), 2);
}

static void test_rekeys_late(void **state)
{
        struct pair *p = *state;

        pair_connect(p, &p->a);
        pair_pass(p, 165 * S);
        pair_send_any(p, &p->b);
        assert_int_equal(pair_receive(p, &p->a, &p->b.sent[0]), WG_VERDICT_DATA);
        pair_work(p, &p->a);
        assert_int_equal(pair_count_sent(&p->a, WG_MESSAGE_INITIATION, 0), 1);
        /* Once per session. */
        pair_forget(&p->a);
        p->a.peer->deadlines[WG_TIMER_RETRY] = 0;
        pair_pass(p, 6 * S);
        pair_forget(&p->b);
        pair_send_any(p, &p->b);
        assert_int_equal(pair_receive(p, &p->a, &p->b.sent[0]), WG_VERDICT_DATA);
        pair_work(p, &p->a);
        assert_int_equal(pair_count_sent(&p->a, WG_MESSAGE_INITIATION, 0), 0);
}

/* ---- work ---- */

/* More is due than a list of actions holds: all is done, nothing twice. */
static void test_more_due_than_a_list_holds(void **state)
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
                TEST(test_stage_counts_dropped_packets),
                TEST(test_staged_packets_are_sent),
                TEST(test_how_long_packets_wait),
                TEST(test_dropped_packets_do_not_wait),
                TEST(test_staged_behind_refused_packets),
                TEST(test_keepalive_is_owed),
                TEST(test_endpoint_comes_later),
                TEST(test_keys_are_forgotten),
                TEST(test_gives_up),
                TEST(test_rekeys),
                TEST(test_rekeys_late),
                TEST(test_more_due_than_a_list_holds),
                cmocka_unit_test(test_enums),
        };

        return cmocka_run_group_tests_name("work", tests, test_crypto_up, test_crypto_down);
}
