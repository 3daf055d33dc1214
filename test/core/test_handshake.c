/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_handshake.c - core/handshake.h, with core/transmit.h and the engine around it. */
#include "core/handshake.h"

#include "core/transmit.h"
#include "test/lib/cmocka.h"
#include "test/lib/pair.h"
#include "test/lib/transcript.h"
#include "test/lib/vector.h"

#define MS WG_NS_PER_MS
#define S WG_NS_PER_S

static void assert_hex(const uint8_t *bytes, size_t len, const char *text)
{
        uint8_t wanted[PAIR_ROOM];

        assert_int_equal(len, hex_decode(wanted, sizeof(wanted), text));
        assert_memory_equal(bytes, wanted, len);
}

/* ---- the known handshake ---- */

static void draw(void *out, size_t len, uint8_t ephemeral, uint32_t index)
{
        if (len == sizeof(index))
                wg_le32_store(out, index); /* or a jitter, which has no effect here */
        else
                transcript_count(out, len, ephemeral);
}

static void draw_for_initiator(void *ctx, void *out, size_t len)
{
        (void)ctx;
        draw(out, len, TRANSCRIPT_INITIATOR_EPHEMERAL, TRANSCRIPT_INITIATOR_INDEX);
}

static void draw_for_responder(void *ctx, void *out, size_t len)
{
        (void)ctx;
        draw(out, len, TRANSCRIPT_RESPONDER_EPHEMERAL, TRANSCRIPT_RESPONDER_INDEX);
}

static struct pair *pair_of_transcript(void)
{
        uint8_t a_key[WG_KEY_LEN], b_key[WG_KEY_LEN], psk[WG_KEY_LEN];
        struct pair *p;

        transcript_count(a_key, sizeof(a_key), TRANSCRIPT_INITIATOR);
        transcript_count(b_key, sizeof(b_key), TRANSCRIPT_RESPONDER);
        transcript_count(psk, sizeof(psk), TRANSCRIPT_PSK);
        p = pair_new(a_key, b_key);
        p->now.real_ns = TRANSCRIPT_REAL_NS;
        wg_engine_set_preshared_key(p->a.peer, psk);
        wg_engine_set_preshared_key(p->b.peer, psk);
        p->a.t.env.random = draw_for_initiator;
        p->b.t.env.random = draw_for_responder;
        return p;
}

static void test_known_answers(void **state)
{
        struct pair *p = pair_of_transcript();
        const struct wg_keypair *kp;
        void *fixture = p;

        (void)state;
        wg_engine_set_keepalive(p->a.peer, 25, p->now);
        pair_work(p, &p->a);
        assert_int_equal(p->a.sent_count, 1);
        assert_hex(p->a.sent[0].bytes, p->a.sent[0].len, transcript.initiation);
        assert_int_equal(p->a.sent[0].tos, 0x88);

        assert_int_equal(pair_receive(p, &p->b, &p->a.sent[0]), WG_VERDICT_HANDSHAKE);
        pair_work(p, &p->b);
        assert_int_equal(p->b.sent_count, 1);
        assert_hex(p->b.sent[0].bytes, p->b.sent[0].len, transcript.response);
        assert_int_equal(p->b.sent[0].tos, 0x88);
        kp = p->b.peer->next;
        assert_hex(kp->receive_key, 32, transcript.first_key);
        assert_hex(kp->send_key, 32, transcript.second_key);
        assert_int_equal(kp->remote_index, TRANSCRIPT_INITIATOR_INDEX);

        assert_int_equal(pair_receive(p, &p->a, &p->b.sent[0]), WG_VERDICT_HANDSHAKE);
        pair_work(p, &p->a);
        assert_int_equal(p->a.sent_count, 2);
        assert_hex(p->a.sent[1].bytes, p->a.sent[1].len, transcript.keepalive);
        assert_int_equal(p->a.sent[1].tos, 0);
        kp = p->a.peer->current;
        assert_hex(kp->send_key, 32, transcript.first_key);
        assert_hex(kp->receive_key, 32, transcript.second_key);
        assert_int_equal(kp->remote_index, TRANSCRIPT_RESPONDER_INDEX);

        assert_int_equal(pair_receive(p, &p->b, &p->a.sent[1]), WG_VERDICT_KEEPALIVE);
        assert_ptr_equal(p->b.peer->current, p->b.peer->next);
        pair_teardown(&fixture);
}

/* ---- built by hand ---- */

/* An initiation that the test may change before delivery; finish_macs() makes it valid again. */
static void make_initiation(struct pair *p, struct pair_side *side, struct pair_datagram *d)
{
        *d = (struct pair_datagram){.from = side->at, .to = pair_other(p, side)->at};
        d->len = WG_INITIATION_LEN;
        assert_true(wg_handshake_create_initiation(side->peer, p->now, d->bytes));
}

static void finish_macs(struct pair *p, struct pair_side *side, struct pair_datagram *d)
{
        wg_cookie_add_macs(&side->peer->cookies, side->peer->public_key, p->now.ns, d->bytes,
                           d->len);
}

/* Gives a handshake message to a side, and lets its engine work. Returns the engine's verdict. */
static enum wg_verdict handle(struct pair *p, struct pair_side *side, const struct pair_datagram *d)
{
        uint64_t before[WG_VERDICT_END];
        enum wg_verdict verdict;

        for (size_t v = 0; v < WG_VERDICT_END; v++)
                before[v] = side->engine.worker.counters[v];
        verdict = pair_receive(p, side, d);
        if (verdict != WG_VERDICT_HANDSHAKE)
                return verdict;
        pair_work(p, side);
        WG_ENUM_EACH(v, &wg_verdict_enum)
                if (v->value != WG_VERDICT_SEALED &&
                    side->engine.worker.counters[v->value] != before[v->value])
                        return (enum wg_verdict)v->value;
        fail_msg("the engine did not count it");
        return WG_VERDICT_HANDSHAKE;
}

/* State that must not change when a message is refused. */
struct view {
        struct wg_endpoint at;
        uint8_t stamp[WG_TAI64N_LEN];
        uint64_t accepted_ns, sent_ns, rx_bytes, traversal_ns;
        enum wg_handshake_state state;
        uint32_t index;
        const struct wg_keypair *current, *previous, *next;
};

static struct view view_of(struct wg_peer *peer)
{
        struct view v;

        memset(&v, 0, sizeof(v));
        wg_path_read(&peer->path, &v.at);
        memcpy(v.stamp, peer->latest_stamp, sizeof(v.stamp));
        v.accepted_ns = peer->initiation_accepted_ns;
        v.sent_ns = peer->handshake_sent_ns;
        v.rx_bytes = peer->rx_bytes;
        v.traversal_ns = peer->notes.traversal_ns;
        v.state = peer->handshake.state;
        v.index = peer->handshake.entry.index;
        v.current = peer->current;
        v.previous = peer->previous;
        v.next = peer->next;
        return v;
}

static void assert_refused(struct pair *p, struct pair_side *side, const struct pair_datagram *d,
                           enum wg_verdict wanted)
{
        struct view before = view_of(side->peer), after;
        size_t sent_before = side->sent_count;

        assert_int_equal(handle(p, side, d), wanted);
        after = view_of(side->peer);
        assert_memory_equal(&before, &after, sizeof(before));
        assert_int_equal(side->sent_count, sent_before);
}

/* ---- initiations ---- */

static void test_initiation_tampered(void **state)
{
        static const size_t places[] = {WG_INITIATION_EPHEMERAL, WG_INITIATION_STATIC,
                                        WG_INITIATION_STATIC + 47, WG_INITIATION_TIMESTAMP,
                                        WG_INITIATION_MAC1 - 1};
        struct pair *p = *state;
        struct pair_datagram d;

        make_initiation(p, &p->a, &d);
        d.from.port++;
        for (size_t i = 0; i < WG_ARRAY_SIZE(places); i++) {
                d.bytes[places[i]] ^= 1;
                finish_macs(p, &p->a, &d);
                assert_refused(p, &p->b, &d, WG_VERDICT_HANDSHAKE_INVALID);
                d.bytes[places[i]] ^= 1;
        }
        assert_true(pair_has_event(&p->b, WG_EVENT_HANDSHAKE_REFUSED));
        finish_macs(p, &p->a, &d);
        d.bytes[WG_INITIATION_MAC1] ^= 1;
        assert_refused(p, &p->b, &d, WG_VERDICT_MAC1_INVALID);
        d.bytes[WG_INITIATION_MAC1] ^= 1;
        assert_int_equal(handle(p, &p->b, &d), WG_VERDICT_HANDSHAKE_DONE);
}

/* Only mac1 covers the sender's index: if it is changed, the response goes nowhere. */
static void test_initiation_moves_endpoint(void **state)
{
        struct pair *p = *state;
        struct wg_endpoint at;
        struct pair_datagram d;

        make_initiation(p, &p->a, &d);
        finish_macs(p, &p->a, &d);
        d.from.port = 7777;
        assert_int_equal(handle(p, &p->b, &d), WG_VERDICT_HANDSHAKE_DONE);
        wg_path_read(&p->b.peer->path, &at);
        assert_int_equal(at.port, 7777);
        assert_int_equal(p->b.sent[0].to.port, 7777);
        assert_int_equal(p->b.peer->rx_bytes, WG_INITIATION_LEN);
        assert_null(p->b.peer->current);
        assert_non_null(p->b.peer->next);
}

static void test_initiation_of_a_stranger(void **state)
{
        struct pair *p = *state;
        struct pair_datagram d;

        make_initiation(p, &p->a, &d);
        finish_macs(p, &p->a, &d);
        wg_engine_remove_peer(&p->b.engine, p->b.peer);
        wg_engine_commit(&p->b.engine, SIZE_MAX);
        assert_int_equal(handle(p, &p->b, &d), WG_VERDICT_UNKNOWN_PEER);
        assert_int_equal(p->b.sent_count, 0);
}

static void test_initiation_replayed(void **state)
{
        struct pair *p = *state;
        struct pair_datagram older, d, same_stamp;

        make_initiation(p, &p->a, &older);
        finish_macs(p, &p->a, &older);
        pair_pass(p, 5 * S);
        make_initiation(p, &p->a, &d);
        finish_macs(p, &p->a, &d);
        p->a.peer->stamped_ns = 0; /* like an initiator that does not remember its timestamps */
        make_initiation(p, &p->a, &same_stamp);
        finish_macs(p, &p->a, &same_stamp);
        assert_int_equal(handle(p, &p->b, &d), WG_VERDICT_HANDSHAKE_DONE);
        pair_pass(p, 5 * S);
        d.from.port++;
        assert_refused(p, &p->b, &d, WG_VERDICT_TIMESTAMP_REPLAYED);
        assert_refused(p, &p->b, &older, WG_VERDICT_TIMESTAMP_REPLAYED);
        assert_refused(p, &p->b, &same_stamp, WG_VERDICT_TIMESTAMP_REPLAYED);
}

/* The order of timestamps outlives sessions, the link, and our keys. */
static void test_initiation_replayed_later(void **state)
{
        struct pair *p = *state;
        struct pair_datagram d;

        make_initiation(p, &p->a, &d);
        finish_macs(p, &p->a, &d);
        assert_int_equal(handle(p, &p->b, &d), WG_VERDICT_HANDSHAKE_DONE);
        wg_engine_set_up(&p->b.engine, false, p->now);
        wg_engine_set_up(&p->b.engine, true, p->now);
        pair_pass(p, 1000 * S);
        assert_refused(p, &p->b, &d, WG_VERDICT_TIMESTAMP_REPLAYED);
}

static void test_initiation_flood(void **state)
{
        struct pair *p = *state;
        struct pair_datagram first, second, third;

        make_initiation(p, &p->a, &first);
        finish_macs(p, &p->a, &first);
        assert_int_equal(handle(p, &p->b, &first), WG_VERDICT_HANDSHAKE_DONE);
        pair_pass(p, S);
        make_initiation(p, &p->a, &second);
        finish_macs(p, &p->a, &second);
        pair_pass(p, S);
        make_initiation(p, &p->a, &third);
        finish_macs(p, &p->a, &third);
        assert_int_equal(handle(p, &p->b, &second), WG_VERDICT_HANDSHAKE_DONE);
        pair_pass(p, 20 * MS - 1);
        assert_refused(p, &p->b, &third, WG_VERDICT_INITIATION_FLOOD);
        pair_pass(p, 1);
        assert_int_equal(handle(p, &p->b, &third), WG_VERDICT_HANDSHAKE_DONE);
}

static void test_no_private_key(void **state)
{
        struct pair *p = *state;
        struct pair_datagram d;

        make_initiation(p, &p->a, &d);
        finish_macs(p, &p->a, &d);
        assert_int_equal(pair_receive(p, &p->b, &d), WG_VERDICT_HANDSHAKE);
        /* The key is removed while the message waits. */
        wg_engine_set_identity(&p->b.engine, NULL, p->now);
        pair_work(p, &p->b);
        assert_int_equal(pair_count(&p->b, WG_VERDICT_NO_PRIVATE_KEY), 1);
        assert_refused(p, &p->b, &d, WG_VERDICT_NO_PRIVATE_KEY);
        assert_int_equal(pair_count(&p->b, WG_VERDICT_NO_PRIVATE_KEY), 2);
}

static void test_private_key_changes_while_message_waits(void **state)
{
        static const uint8_t other_key[WG_KEY_LEN] = {8, 3, [31] = 0x43};
        struct pair *p = *state;
        struct pair_datagram d;

        make_initiation(p, &p->a, &d);
        finish_macs(p, &p->a, &d);
        assert_int_equal(pair_receive(p, &p->b, &d), WG_VERDICT_HANDSHAKE);
        wg_engine_set_identity(&p->b.engine, wg_identity_new(&p->b.t.env, other_key), p->now);
        pair_work(p, &p->b);
        assert_int_equal(pair_count(&p->b, WG_VERDICT_MAC1_INVALID), 1);
        assert_int_equal(p->b.sent_count, 0);
}

static void test_low_order_peer_gets_nothing(void **state)
{
        static const uint8_t low[WG_KEY_LEN] = {1};
        struct pair *p = *state;
        struct wg_engine *engine = &p->a.engine;
        struct wg_peer *peer;

        assert_true(wg_engine_reserve(engine, 1, 0));
        peer = wg_engine_add_peer(engine, low);
        wg_engine_set_endpoint(peer, &p->b.at);
        wg_engine_set_keepalive(peer, 1, p->now);
        for (int i = 0; i < 100; i++) {
                pair_pass(p, S);
                pair_work(p, &p->a);
        }
        assert_int_equal(p->a.sent_count, 0);
        assert_int_equal(peer->handshake.state, WG_HANDSHAKE_NONE);
}

static void test_initiation_without_memory(void **state)
{
        struct pair *p = *state;
        uint8_t message[WG_INITIATION_LEN];

        p->a.t.allocations = 0;
        assert_false(wg_handshake_create_initiation(p->a.peer, p->now, message));
        assert_int_equal(p->a.peer->handshake.state, WG_HANDSHAKE_NONE);
        assert_null(p->a.peer->handshake.ephemeral);
        p->a.t.allocations = SIZE_MAX;
        assert_true(wg_handshake_create_initiation(p->a.peer, p->now, message));
}

/* ---- responses ---- */

/* a has sent an initiation; b's response is in b.sent[0]. */
static void get_response(struct pair *p)
{
        struct pair_datagram d;

        make_initiation(p, &p->a, &d);
        finish_macs(p, &p->a, &d);
        assert_int_equal(handle(p, &p->b, &d), WG_VERDICT_HANDSHAKE_DONE);
        assert_int_equal(p->b.sent_count, 1);
}

static void test_response_tampered(void **state)
{
        static const size_t places[] = {WG_RESPONSE_EPHEMERAL, WG_RESPONSE_NOTHING,
                                        WG_RESPONSE_MAC1 - 1};
        struct pair *p = *state;
        struct pair_datagram *d = &p->b.sent[0];

        get_response(p);
        for (size_t i = 0; i < WG_ARRAY_SIZE(places); i++) {
                d->bytes[places[i]] ^= 1;
                finish_macs(p, &p->b, d);
                assert_refused(p, &p->a, d, WG_VERDICT_HANDSHAKE_INVALID);
                d->bytes[places[i]] ^= 1;
        }
        d->bytes[WG_RESPONSE_RECEIVER] ^= 1;
        finish_macs(p, &p->b, d);
        assert_refused(p, &p->a, d, WG_VERDICT_UNEXPECTED);
        d->bytes[WG_RESPONSE_RECEIVER] ^= 1;
        finish_macs(p, &p->b, d);
        d->bytes[WG_RESPONSE_MAC1] ^= 1;
        assert_refused(p, &p->a, d, WG_VERDICT_MAC1_INVALID);
        d->bytes[WG_RESPONSE_MAC1] ^= 1;
        assert_int_equal(handle(p, &p->a, d), WG_VERDICT_HANDSHAKE_DONE);
        assert_true(pair_has_event(&p->a, WG_EVENT_HANDSHAKE_COMPLETE));
}

static void test_response_begins_session(void **state)
{
        struct pair *p = *state;
        struct wg_peer *peer = p->a.peer;
        uint32_t index;

        get_response(p);
        index = peer->handshake.entry.index;
        assert_int_equal(handle(p, &p->a, &p->b.sent[0]), WG_VERDICT_HANDSHAKE_DONE);
        /* The session took over the index, and nothing of the handshake is left. */
        assert_int_equal(peer->current_known->entry.index, index);
        assert_ptr_equal(wg_index_find(&p->a.engine.indices, index), &peer->current_known->entry);
        assert_int_equal(peer->handshake.state, WG_HANDSHAKE_NONE);
        assert_null(peer->handshake.ephemeral);
        assert_int_equal(peer->handshake.entry.index, 0);
        assert_true(wg_is_zero((uint8_t *)&peer->handshake.noise, sizeof(struct wg_noise)));
        assert_int_equal(peer->handshake_real_ns, p->now.real_ns);
        assert_int_equal(peer->rx_bytes, WG_RESPONSE_LEN);
        /* Nothing is staged, so a keepalive shows b that the session works. */
        assert_int_equal(p->a.sent_count, 1);
        assert_int_equal(p->a.sent[0].len, WG_DATA_OVERHEAD);
        /* The same response again has no effect. */
        assert_refused(p, &p->a, &p->b.sent[0], WG_VERDICT_UNEXPECTED);
}

static void test_response_to_an_earlier_initiation(void **state)
{
        struct pair *p = *state;
        struct pair_datagram d;

        get_response(p);
        make_initiation(p, &p->a, &d);
        assert_refused(p, &p->a, &p->b.sent[0], WG_VERDICT_UNEXPECTED);
        assert_int_equal(p->a.peer->handshake.state, WG_HANDSHAKE_INITIATED);
}

static void test_preshared_keys_differ(void **state)
{
        static const uint8_t psk[WG_KEY_LEN] = {1};
        struct pair *p = *state;

        wg_engine_set_preshared_key(p->a.peer, psk);
        get_response(p);
        assert_refused(p, &p->a, &p->b.sent[0], WG_VERDICT_HANDSHAKE_INVALID);
        wg_engine_set_preshared_key(p->b.peer, psk);
        pair_forget(&p->b);
        pair_pass(p, S);
        get_response(p);
        assert_int_equal(handle(p, &p->a, &p->b.sent[0]), WG_VERDICT_HANDSHAKE_DONE);
}

/* A responder that lacks memory for the session, or for its index, does not answer. */
static void test_response_without_memory(void **state)
{
        struct pair *p = *state;
        struct pair_datagram d;

        for (size_t allocations = 0; allocations < 2; allocations++) {
                size_t blocks = p->b.t.blocks;

                make_initiation(p, &p->a, &d);
                finish_macs(p, &p->a, &d);
                p->b.t.allocations = allocations;
                assert_int_equal(handle(p, &p->b, &d), WG_VERDICT_NO_MEMORY);
                assert_int_equal(p->b.sent_count, 0);
                assert_int_equal(p->b.t.blocks, blocks);
                assert_int_equal(p->b.peer->keypairs, 0);
                pair_pass(p, S);
        }
        p->b.t.allocations = SIZE_MAX;
        get_response(p);
        /* An initiator may accept it when it arrives again. */
        p->a.t.allocations = 0;
        assert_refused(p, &p->a, &p->b.sent[0], WG_VERDICT_NO_MEMORY);
        p->a.t.allocations = SIZE_MAX;
        assert_int_equal(handle(p, &p->a, &p->b.sent[0]), WG_VERDICT_HANDSHAKE_DONE);
}

/* ---- both directions ---- */

static void both_initiate(struct pair *p, struct pair_datagram *of_a, struct pair_datagram *of_b)
{
        make_initiation(p, &p->a, of_a);
        finish_macs(p, &p->a, of_a);
        make_initiation(p, &p->b, of_b);
        finish_macs(p, &p->b, of_b);
}

/* Both initiate, and each accepts the other's initiation: both sessions exist, and each side sends
 * under its own and receives under the other's. */
static void test_simultaneous_initiation(void **state)
{
        struct pair *p = *state;
        struct pair_datagram of_a, of_b;

        both_initiate(p, &of_a, &of_b);
        assert_int_equal(handle(p, &p->b, &of_a), WG_VERDICT_HANDSHAKE_DONE);
        assert_int_equal(handle(p, &p->a, &of_b), WG_VERDICT_HANDSHAKE_DONE);
        of_a = p->a.sent[0];
        of_b = p->b.sent[0];
        assert_int_equal(handle(p, &p->a, &of_b), WG_VERDICT_HANDSHAKE_DONE);
        assert_int_equal(handle(p, &p->b, &of_a), WG_VERDICT_HANDSHAKE_DONE);
        pair_forget(&p->a);
        pair_forget(&p->b);
        assert_true(p->a.peer->current_known->is_initiator);
        assert_true(p->b.peer->current_known->is_initiator);
        assert_int_equal(pair_send_any(p, &p->a), WG_VERDICT_SEALED);
        assert_int_equal(pair_receive(p, &p->b, &p->a.sent[0]), WG_VERDICT_DATA);
        assert_int_equal(pair_send_any(p, &p->b), WG_VERDICT_SEALED);
        assert_int_equal(pair_receive(p, &p->a, &p->b.sent[0]), WG_VERDICT_DATA);
}

/* If both initiate at once and one drops its own handshake, as the kernel does, the other's is
 * enough. */
static void test_simultaneous_initiation_with_a_kernel(void **state)
{
        struct pair *p = *state;
        struct pair_datagram of_a, of_b;

        both_initiate(p, &of_a, &of_b);
        wg_handshake_clear(p->b.peer);
        assert_int_equal(handle(p, &p->b, &of_a), WG_VERDICT_HANDSHAKE_DONE);
        assert_int_equal(handle(p, &p->a, &of_b), WG_VERDICT_HANDSHAKE_DONE);
        assert_int_equal(handle(p, &p->b, &p->a.sent[0]), WG_VERDICT_UNEXPECTED);
        assert_int_equal(handle(p, &p->a, &p->b.sent[0]), WG_VERDICT_HANDSHAKE_DONE);
        pair_settle(p);
        assert_int_equal(pair_send_any(p, &p->b), WG_VERDICT_SEALED);
        assert_int_equal(pair_receive(p, &p->a, &p->b.sent[0]), WG_VERDICT_DATA);
}

/* The shared secret of the two static keys is computed once, and again for a new private key. */
static void test_static_static_is_cached(void **state)
{
        static const uint8_t other_key[WG_KEY_LEN] = {8, 3, [31] = 0x43};
        struct pair *p = *state;
        uint8_t before[WG_KEY_LEN];

        assert_false(p->a.peer->has_static_static);
        pair_connect(p, &p->a);
        assert_true(p->a.peer->has_static_static);
        assert_memory_equal(p->a.peer->static_static, p->b.peer->static_static, WG_KEY_LEN);
        memcpy(before, p->a.peer->static_static, sizeof(before));
        wg_engine_set_identity(&p->a.engine, wg_identity_new(&p->a.t.env, other_key), p->now);
        assert_false(p->a.peer->has_static_static);
        assert_true(wg_is_zero(p->a.peer->static_static, WG_KEY_LEN));
        wg_transmit_initiation(p->a.peer, WG_INITIATION_WANTED, p->now, &p->a.actions);
        assert_true(p->a.peer->has_static_static);
        assert_memory_not_equal(p->a.peer->static_static, before, sizeof(before));
}

/* ---- under load ---- */

/* Makes b believe for a second that it is under load. */
static void load(struct pair *p)
{
        p->b.engine.handshakes.loaded_until_ns = p->now.ns + WG_LOAD_STICKY;
}

static void test_cookie_is_demanded_and_used(void **state)
{
        struct pair *p = *state;
        struct pair_datagram first, second, *reply = &p->b.sent[0];

        make_initiation(p, &p->a, &first);
        finish_macs(p, &p->a, &first);
        load(p);
        assert_refused(p, &p->b, &(struct pair_datagram){0}, WG_VERDICT_MALFORMED);
        assert_int_equal(handle(p, &p->b, &first), WG_VERDICT_COOKIE_DEMANDED);
        assert_int_equal(p->b.sent_count, 1);
        assert_int_equal(reply->len, WG_COOKIE_LEN);
        assert_int_equal(reply->tos, 0);
        assert_true(wg_endpoint_is_same_remote(&reply->to, &first.from));
        assert_null(p->b.peer->next);

        /* It is kept for the next initiation, not answered. */
        assert_int_equal(handle(p, &p->a, reply), WG_VERDICT_COOKIE_STORED);
        assert_int_equal(p->a.sent_count, 0);
        assert_int_equal(handle(p, &p->a, reply), WG_VERDICT_UNEXPECTED);
        pair_pass(p, 5 * S);
        load(p);
        make_initiation(p, &p->a, &second);
        finish_macs(p, &p->a, &second);
        assert_int_equal(handle(p, &p->b, &second), WG_VERDICT_HANDSHAKE_DONE);
        assert_int_equal(p->b.sent[1].len, WG_RESPONSE_LEN);
}

static void test_cookie_from_elsewhere(void **state)
{
        struct pair *p = *state;
        struct pair_datagram d, *reply = &p->b.sent[0];

        make_initiation(p, &p->a, &d);
        finish_macs(p, &p->a, &d);
        load(p);
        assert_int_equal(handle(p, &p->b, &d), WG_VERDICT_COOKIE_DEMANDED);
        reply->bytes[WG_COOKIE_SEALED] ^= 1;
        assert_int_equal(handle(p, &p->a, reply), WG_VERDICT_COOKIE_INVALID);
        reply->bytes[WG_COOKIE_SEALED] ^= 1;
        reply->bytes[WG_COOKIE_RECEIVER] ^= 1;
        assert_int_equal(handle(p, &p->a, reply), WG_VERDICT_UNEXPECTED);
        reply->bytes[WG_COOKIE_RECEIVER] ^= 1;
        assert_int_equal(handle(p, &p->a, reply), WG_VERDICT_COOKIE_STORED);
        /* From another port the cookie is invalid. */
        make_initiation(p, &p->a, &d);
        finish_macs(p, &p->a, &d);
        d.from.port++;
        assert_int_equal(handle(p, &p->b, &d), WG_VERDICT_COOKIE_DEMANDED);
}

/* A response must carry a cookie too. */
static void test_response_under_load(void **state)
{
        struct pair *p = *state;
        struct pair_datagram again, *response = &p->b.sent[0];

        get_response(p);
        p->a.engine.handshakes.loaded_until_ns = p->now.ns + WG_LOAD_STICKY;
        assert_int_equal(handle(p, &p->a, response), WG_VERDICT_COOKIE_DEMANDED);
        assert_int_equal(p->a.sent[0].len, WG_COOKIE_LEN);
        assert_int_equal(p->a.peer->handshake.state, WG_HANDSHAKE_INITIATED);
        assert_int_equal(handle(p, &p->b, &p->a.sent[0]), WG_VERDICT_COOKIE_STORED);
        again = *response;
        finish_macs(p, &p->b, &again);
        assert_int_equal(handle(p, &p->a, &again), WG_VERDICT_HANDSHAKE_DONE);
}

/* A source with a valid cookie is still held to its rate. */
static void test_rate_under_load(void **state)
{
        struct pair *p = *state;
        struct pair_datagram d;

        make_initiation(p, &p->a, &d);
        finish_macs(p, &p->a, &d);
        load(p);
        assert_int_equal(handle(p, &p->b, &d), WG_VERDICT_COOKIE_DEMANDED);
        assert_int_equal(handle(p, &p->a, &p->b.sent[0]), WG_VERDICT_COOKIE_STORED);
        finish_macs(p, &p->a, &d);
        assert_int_equal(handle(p, &p->b, &d), WG_VERDICT_HANDSHAKE_DONE);
        for (int i = 1; i < WG_RATELIMIT_BURST; i++)
                assert_int_equal(handle(p, &p->b, &d), WG_VERDICT_TIMESTAMP_REPLAYED);
        assert_refused(p, &p->b, &d, WG_VERDICT_RATE_LIMITED);
        /* Excess messages take no place in the queue. */
        for (int i = 0; i < 100; i++)
                assert_int_equal(wg_engine_offer(&p->b.engine, d.bytes, d.len, &d.from, p->now.ns),
                                 WG_VERDICT_RATE_LIMITED);
        assert_int_equal(p->b.engine.handshakes.count, 0);
        /* The limiter's memory is freed once it is idle. */
        pair_pass(p, 2 * S);
        pair_work(p, &p->b);
        assert_int_equal(p->b.engine.ratelimit.count, 0);
        assert_int_equal(p->b.engine.collect_ns, 0);
}

static void test_queue_full_and_down(void **state)
{
        struct pair *p = *state;
        struct pair_datagram d;

        make_initiation(p, &p->a, &d);
        finish_macs(p, &p->a, &d);
        for (int i = 0; i < WG_HANDSHAKE_QUEUE_MAX; i++)
                assert_int_equal(wg_engine_offer(&p->b.engine, d.bytes, d.len, &d.from, p->now.ns),
                                 WG_VERDICT_HANDSHAKE);
        assert_int_equal(wg_engine_offer(&p->b.engine, d.bytes, d.len, &d.from, p->now.ns),
                         WG_VERDICT_QUEUE_FULL);
        assert_int_equal(pair_count(&p->b, WG_VERDICT_QUEUE_FULL), 1);
        wg_engine_set_up(&p->b.engine, false, p->now);
        assert_int_equal(pair_count(&p->b, WG_VERDICT_DOWN), WG_HANDSHAKE_QUEUE_MAX);
        assert_int_equal(wg_engine_offer(&p->b.engine, d.bytes, d.len, &d.from, p->now.ns),
                         WG_VERDICT_DOWN);
}

/* ---- several at once ---- */

static unsigned int computed[WG_HANDSHAKE_READ_RESPONSE + 1];
static size_t most_at_once;

/* In another order than they arrived. */
static void compute_backwards(void *ctx, struct wg_handshake_job *const *jobs, size_t count)
{
        (void)ctx;
        most_at_once = WG_MAX(most_at_once, count);
        while (count--) {
                computed[jobs[count]->step]++;
                wg_handshake_compute(jobs[count]);
        }
}

static void compute_elsewhere(struct pair_side *side)
{
        side->t.env.compute = compute_backwards;
        memset(computed, 0, sizeof(computed));
        most_at_once = 0;
}

/* The first is answered. The second of the same peer is one too many, and costs no more than it
 * must. */
static void test_initiations_at_once(void **state)
{
        struct pair *p = *state;
        struct pair_datagram first, second, spoilt;

        compute_elsewhere(&p->b);
        make_initiation(p, &p->a, &spoilt);
        spoilt.bytes[WG_INITIATION_TIMESTAMP] ^= 1;
        finish_macs(p, &p->a, &spoilt);
        make_initiation(p, &p->a, &first);
        finish_macs(p, &p->a, &first);
        pair_pass(p, S);
        make_initiation(p, &p->a, &second);
        finish_macs(p, &p->a, &second);
        assert_int_equal(pair_receive(p, &p->b, &spoilt), WG_VERDICT_HANDSHAKE);
        assert_int_equal(pair_receive(p, &p->b, &first), WG_VERDICT_HANDSHAKE);
        assert_int_equal(pair_receive(p, &p->b, &second), WG_VERDICT_HANDSHAKE);
        assert_int_equal(pair_receive(p, &p->b, &first), WG_VERDICT_HANDSHAKE);
        pair_work(p, &p->b);
        assert_int_equal(most_at_once, 4);
        assert_int_equal(computed[WG_HANDSHAKE_READ_STATIC], 4);
        assert_int_equal(computed[WG_HANDSHAKE_SHARE_STATICS], 4);
        assert_int_equal(computed[WG_HANDSHAKE_WRITE_RESPONSE], 1);
        assert_int_equal(pair_count(&p->b, WG_VERDICT_HANDSHAKE_INVALID), 1);
        assert_int_equal(pair_count(&p->b, WG_VERDICT_HANDSHAKE_DONE), 1);
        assert_int_equal(pair_count(&p->b, WG_VERDICT_INITIATION_FLOOD), 1);
        assert_int_equal(pair_count(&p->b, WG_VERDICT_TIMESTAMP_REPLAYED), 1);
        assert_int_equal(p->b.sent_count, 1);
        assert_int_equal(p->b.events_count, 4);
        assert_int_equal(p->b.events[0], WG_EVENT_HANDSHAKE_REFUSED);
        assert_int_equal(p->b.events[1], WG_EVENT_RESPONSE_SENT);
        /* It answers the first one, as its index shows. */
        assert_memory_equal(p->b.sent[0].bytes + WG_RESPONSE_RECEIVER,
                            first.bytes + WG_INITIATION_SENDER, 4);
}

/* A response that arrives twice, and a corrupted one before it. */
static void test_responses_at_once(void **state)
{
        struct pair *p = *state;
        struct pair_datagram spoilt;

        get_response(p);
        compute_elsewhere(&p->a);
        spoilt = p->b.sent[0];
        spoilt.bytes[WG_RESPONSE_NOTHING] ^= 1;
        finish_macs(p, &p->b, &spoilt);
        assert_int_equal(pair_receive(p, &p->a, &spoilt), WG_VERDICT_HANDSHAKE);
        assert_int_equal(pair_receive(p, &p->a, &p->b.sent[0]), WG_VERDICT_HANDSHAKE);
        assert_int_equal(pair_receive(p, &p->a, &p->b.sent[0]), WG_VERDICT_HANDSHAKE);
        pair_work(p, &p->a);
        assert_int_equal(most_at_once, 3);
        assert_int_equal(computed[WG_HANDSHAKE_READ_RESPONSE], 3);
        assert_int_equal(pair_count(&p->a, WG_VERDICT_HANDSHAKE_INVALID), 1);
        assert_int_equal(pair_count(&p->a, WG_VERDICT_HANDSHAKE_DONE), 1);
        assert_int_equal(pair_count(&p->a, WG_VERDICT_UNEXPECTED), 1);
        assert_true(pair_has_event(&p->a, WG_EVENT_HANDSHAKE_COMPLETE));
}

/* Both had initiated: an initiation and a response of one peer in one batch make two sessions. */
static void test_both_kinds_at_once(void **state)
{
        struct pair *p = *state;
        struct pair_datagram theirs;

        get_response(p);
        compute_elsewhere(&p->a);
        make_initiation(p, &p->b, &theirs);
        finish_macs(p, &p->b, &theirs);
        assert_int_equal(pair_receive(p, &p->a, &theirs), WG_VERDICT_HANDSHAKE);
        assert_int_equal(pair_receive(p, &p->a, &p->b.sent[0]), WG_VERDICT_HANDSHAKE);
        pair_work(p, &p->a);
        assert_int_equal(most_at_once, 2);
        assert_int_equal(pair_count(&p->a, WG_VERDICT_HANDSHAKE_DONE), 2);
        assert_int_equal(p->a.events[0], WG_EVENT_RESPONSE_SENT);
        assert_int_equal(p->a.events[1], WG_EVENT_HANDSHAKE_COMPLETE);
        assert_non_null(p->a.peer->current);
}

/* More than are processed side by side; no secret of a job remains. */
static void test_many_at_once(void **state)
{
        static const struct wg_handshake_job wiped;
        struct pair *p = *state;
        struct pair_datagram d;

        compute_elsewhere(&p->b);
        make_initiation(p, &p->a, &d);
        finish_macs(p, &p->a, &d);
        for (unsigned int i = 0; i < 3 * WG_HANDSHAKE_COMPUTED / 2; i++)
                assert_int_equal(pair_receive(p, &p->b, &d), WG_VERDICT_HANDSHAKE);
        pair_work(p, &p->b);
        assert_int_equal(most_at_once, WG_HANDSHAKE_COMPUTED);
        assert_int_equal(pair_count(&p->b, WG_VERDICT_HANDSHAKE_DONE), 1);
        assert_int_equal(pair_count(&p->b, WG_VERDICT_TIMESTAMP_REPLAYED) +
                                 pair_count(&p->b, WG_VERDICT_INITIATION_FLOOD),
                         3 * WG_HANDSHAKE_COMPUTED / 2 - 1);
        for (unsigned int i = 0; i < WG_HANDSHAKE_JOBS; i++)
                assert_memory_equal(&p->b.engine.jobs[i], &wiped, sizeof(wiped));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pair_setup, pair_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_known_answers),
                TEST(test_initiation_tampered),
                TEST(test_initiation_moves_endpoint),
                TEST(test_initiation_of_a_stranger),
                TEST(test_initiation_replayed),
                TEST(test_initiation_replayed_later),
                TEST(test_initiation_flood),
                TEST(test_no_private_key),
                TEST(test_private_key_changes_while_message_waits),
                TEST(test_low_order_peer_gets_nothing),
                TEST(test_initiation_without_memory),
                TEST(test_response_tampered),
                TEST(test_response_begins_session),
                TEST(test_response_to_an_earlier_initiation),
                TEST(test_preshared_keys_differ),
                TEST(test_response_without_memory),
                TEST(test_simultaneous_initiation),
                TEST(test_simultaneous_initiation_with_a_kernel),
                TEST(test_static_static_is_cached),
                TEST(test_cookie_is_demanded_and_used),
                TEST(test_cookie_from_elsewhere),
                TEST(test_response_under_load),
                TEST(test_rate_under_load),
                TEST(test_queue_full_and_down),
                TEST(test_initiations_at_once),
                TEST(test_responses_at_once),
                TEST(test_both_kinds_at_once),
                TEST(test_many_at_once),
        };

        return cmocka_run_group_tests_name("handshake", tests, test_crypto_up, test_crypto_down);
}
