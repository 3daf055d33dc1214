/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_configure.c - core/configure.h: the private key, the settings of a peer, and the link going
 * up, down, and to sleep. */
#include "core/configure.h"

#include "core/peers.h"
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
        /* Nothing is sent under the old one; packets under it are still accepted. */
        assert_int_equal(pair_send_any(p, &p->a), WG_VERDICT_NO_SESSION);
        assert_int_equal(pair_receive(p, &p->a, &p->b.sent[0]), WG_VERDICT_DATA);
        assert_int_equal(p->a.peer->handshake.state, WG_HANDSHAKE_NONE);
}

/* It also ends a handshake in progress, with its retries and the 5 s floor; staged packets start
 * another one, under the new key. */
static void test_another_key_during_a_handshake(void **state)
{
        struct pair *p = *state;

        pair_stage_any(p, &p->a);
        pair_work(p, &p->a);
        assert_int_equal(pair_count_sent(&p->a, WG_MESSAGE_INITIATION, 0), 1);
        set_key(p, &p->a, 9);
        assert_int_equal(p->a.peer->handshake.state, WG_HANDSHAKE_NONE);
        assert_int_equal(p->a.peer->deadlines[WG_TIMER_RETRY], 0);
        pair_pass(p, MS);
        pair_work(p, &p->a);
        assert_int_equal(pair_count_sent(&p->a, WG_MESSAGE_INITIATION, 0), 2);
        assert_int_equal(p->a.peer->retries, 0);
        assert_int_equal(pair_receive(p, &p->b, &p->a.sent[1]), WG_VERDICT_HANDSHAKE);
        pair_work(p, &p->b);
        assert_int_equal(pair_count(&p->b, WG_VERDICT_UNKNOWN_PEER), 1);
}

static void test_first_key_sends_staged_packets(void **state)
{
        struct pair *p = *state;

        wg_engine_set_identity(&p->a.engine, NULL, p->now);
        pair_stage_any(p, &p->a);
        pair_work(p, &p->a);
        assert_int_equal(p->a.sent_count, 0);
        pair_pass(p, 100 * S);
        wg_engine_set_identity(&p->a.engine, wg_identity_new(&p->a.t.env, p->a.private_key),
                               p->now);
        pair_settle(p);
        assert_int_equal(pair_count(&p->b, WG_VERDICT_DATA), 1);
}

static void test_peer_with_our_own_key_is_removed(void **state)
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

/* Turning it on sends one at once, even if something was just sent; later ones follow the
 * interval. */
static void test_keepalive_begins(void **state)
{
        struct pair *p = *state;

        pair_connect(p, &p->a);
        wg_engine_set_keepalive(p->a.peer, 25, p->now);
        pair_work(p, &p->a);
        assert_int_equal(pair_count_sent(&p->a, WG_MESSAGE_DATA, 32), 1);
        pair_pass(p, 25 * S - 1);
        pair_work(p, &p->a);
        assert_int_equal(p->a.sent_count, 1);
        pair_pass(p, 1);
        pair_work(p, &p->a);
        assert_int_equal(pair_count_sent(&p->a, WG_MESSAGE_DATA, 32), 2);

        /* A new interval counts from the last packet sent. */
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

/* ---- up, down, asleep ---- */

static void test_down_forgets(void **state)
{
        struct pair *p = *state;
        struct wg_peer *peer = p->a.peer;

        pair_connect(p, &p->a);
        wg_engine_set_keepalive(peer, 25, p->now);
        pair_pass(p, 200 * S);
        pair_stage_any(p, &p->a);
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

/* Notes that a worker made before the link went down do not count after it came up. */
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

/* A worker is in the middle of a batch when the link goes down: times that it records after that
 * are forgotten too, even if another worker had listed the peer already. */
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
        /* Going down also ended the 5 s floor since the last initiation. */
        assert_int_equal(pair_count_sent(&p->a, WG_MESSAGE_INITIATION, 0), 1);
}

static void test_suspended(void **state)
{
        struct pair *p = *state;

        pair_connect(p, &p->a);
        assert_int_equal(pair_stage_any(p, &p->b), WG_VERDICT_STAGED);
        wg_engine_suspended(&p->b.engine, p->now);
        assert_null(p->b.peer->current);
        assert_int_equal(p->b.peer->keypairs, 0);
        /* Staged packets are not forgotten. */
        pair_pass(p, 30 * MS);
        pair_settle(p);
        assert_int_equal(pair_count(&p->a, WG_VERDICT_SOURCE_REFUSED) +
                                 pair_count(&p->a, WG_VERDICT_DATA),
                         1);
        assert_true(wg_send_is_ready(p->b.peer, p->now.ns));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pair_setup, pair_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_same_key_changes_nothing),
                TEST(test_another_key),
                TEST(test_another_key_during_a_handshake),
                TEST(test_first_key_sends_staged_packets),
                TEST(test_peer_with_our_own_key_is_removed),
                TEST(test_endpoint_is_set_unpinned),
                TEST(test_keepalive_begins),
                TEST(test_down_forgets),
                TEST(test_notes_end_with_the_link),
                TEST(test_times_of_a_late_worker_end_with_the_link),
                TEST(test_up_sends_keepalives_at_once),
                TEST(test_suspended),
        };

        return cmocka_run_group_tests_name("configure", tests, test_crypto_up, test_crypto_down);
}
