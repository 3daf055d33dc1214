/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * secrets_core.c - two engines whose private keys, preshared keys, ephemeral keys and cookie
 * secrets are poisoned: everything that a peer or a stranger can make them do with these
 * secrets. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "core/message.h"
#include "test/lib/cmocka.h"
#include "test/lib/pair.h"
#include "test/timing/poison.h"

#define S WG_NS_PER_S

/* Random values as long as a key are poisoned: ephemeral keys and cookie secrets. The others are
 * not secret: indices and cookie nonces, which are visible on the wire, and jitter. */
static void draw(void *ctx, void *out, size_t len)
{
        test_env_fill(ctx, out, len);
        if (len == WG_KEY_LEN)
                poison(out, len);
}

static void set_key(struct pair *p, struct pair_side *side, const uint8_t private_key[WG_KEY_LEN])
{
        uint8_t key[WG_KEY_LEN];
        struct wg_identity *identity;

        memcpy(key, private_key, sizeof(key));
        poison(key, sizeof(key));
        identity = wg_identity_new(&side->t.env, key);
        assert_non_null(identity);
        wg_engine_set_identity(&side->engine, identity, p->now);
}

static struct wg_identity *identity_of(struct pair_side *side)
{
        return atomic_load(&side->engine.identity);
}

/* Once both have new keys: each side knows the other by its new public key, and a preshared key. */
static void begin_side(struct pair *p, struct pair_side *side)
{
        struct pair_side *other = pair_other(p, side);
        struct wg_prefix prefix = {.ip = {WG_FAMILY_IPV4, {10, 0, 0, other->at.ip.bytes[3]}},
                                   .cidr = 32};
        uint8_t psk[WG_KEY_LEN];

        wg_engine_remove_peer(&side->engine, side->peer);
        assert_true(wg_engine_reserve(&side->engine, 1, 1));
        side->peer = wg_engine_add_peer(&side->engine, other->public_key);
        wg_engine_set_endpoint(side->peer, &other->at);
        wg_engine_allow(side->peer, &prefix);
        wg_engine_unreserve(&side->engine, SIZE_MAX);
        wg_engine_commit(&side->engine, SIZE_MAX);
        memset(psk, 0xa5, sizeof(psk));
        poison(psk, sizeof(psk));
        wg_engine_set_preshared_key(side->peer, psk);
}

static int setup(void **state)
{
        static const uint8_t keys[2][WG_KEY_LEN] = {{0xff, 3, [31] = 0xc1}, {7, 4, [31] = 0xff}};
        struct pair *p;
        struct pair_side *sides[2];

        pair_setup(state);
        p = *state;
        sides[0] = &p->a;
        sides[1] = &p->b;
        for (size_t i = 0; i < 2; i++) {
                sides[i]->t.env.random = draw;
                set_key(p, sides[i], keys[i]);
                memcpy(sides[i]->public_key, wg_x25519_key_public(identity_of(sides[i])->key),
                       WG_KEY_LEN);
        }
        begin_side(p, &p->a);
        begin_side(p, &p->b);
        assert_false(is_poisoned(p->a.public_key, 1));
        return poison_begin(state);
}

static int teardown(void **state)
{
        return pair_teardown(state) || poison_end(state);
}

static void assert_secret_session(struct wg_keypair *kp)
{
        assert_non_null(kp);
        assert_true(is_poisoned(kp->send_key, sizeof(kp->send_key)));
        assert_true(is_poisoned(kp->receive_key, sizeof(kp->receive_key)));
}

static void assert_delivered(struct pair *p, struct pair_side *from)
{
        pair_forget(from);
        assert_int_equal(pair_send_any(p, from), WG_VERDICT_SEALED);
        assert_false(is_poisoned(from->sent[0].bytes + WG_DATA_TEXT, 1));
        assert_int_equal(pair_receive(p, pair_other(p, from), &from->sent[0]), WG_VERDICT_DATA);
}

/* Step by step, so that the state of each side in between can be examined. */
static void test_handshake(void **state)
{
        struct pair *p = *state;
        struct wg_handshake *hs = &p->a.peer->handshake;

        wg_engine_set_keepalive(p->a.peer, 25, p->now);
        pair_work(p, &p->a);
        assert_int_equal(p->a.sent_count, 1);
        assert_true(is_poisoned(hs->noise.chaining_key, WG_HASH_LEN));
        assert_true(is_poisoned(p->a.peer->static_static, WG_KEY_LEN));
        assert_int_equal(pair_receive(p, &p->b, &p->a.sent[0]), WG_VERDICT_HANDSHAKE);
        pair_work(p, &p->b);
        assert_int_equal(p->b.sent_count, 1);
        assert_true(is_poisoned(p->b.peer->static_static, WG_KEY_LEN));
        assert_secret_session(p->b.peer->next);
        assert_int_equal(pair_receive(p, &p->a, &p->b.sent[0]), WG_VERDICT_HANDSHAKE);
        pair_settle(p);
        assert_secret_session(atomic_load(&p->a.peer->current));
        assert_secret_session(atomic_load(&p->b.peer->current));
        assert_delivered(p, &p->a);
        assert_delivered(p, &p->b);
}

/* A message with one byte changed. */
static void assert_refused(struct pair *p, struct pair_side *to,
                           const struct pair_datagram *datagram, size_t at,
                           enum wg_verdict expected)
{
        struct pair_datagram tampered = *datagram;
        uint64_t before = pair_count(to, expected);

        tampered.bytes[at] ^= 0x10;
        if (pair_receive(p, to, &tampered) == WG_VERDICT_HANDSHAKE)
                pair_work(p, to);
        assert_int_equal(pair_count(to, expected), before + 1);
}

/* The same with a valid mac1, which any stranger can make, so that the checks after it see the
 * message. */
static void fix_mac1(const struct pair_side *to, struct pair_datagram *datagram)
{
        uint8_t key[WG_HASH_LEN], *mac1 = datagram->bytes + datagram->len - 2 * WG_MESSAGE_MAC_LEN;

        wg_identity_mac1_key(key, to->public_key);
        wg_mac(mac1, key, sizeof(key), datagram->bytes, (size_t)(mac1 - datagram->bytes));
}

static void assert_invalid(struct pair *p, struct pair_side *to,
                           const struct pair_datagram *datagram, size_t at)
{
        struct pair_datagram tampered = *datagram;

        tampered.bytes[at] ^= 0x10;
        fix_mac1(to, &tampered);
        tampered.bytes[at] ^= 0x10;
        assert_refused(p, to, &tampered, at, WG_VERDICT_HANDSHAKE_INVALID);
}

static void test_forged_initiations(void **state)
{
        struct pair *p = *state;
        const struct pair_datagram *initiation = &p->a.sent[0];

        wg_engine_set_keepalive(p->a.peer, 25, p->now);
        pair_work(p, &p->a);
        assert_refused(p, &p->b, initiation, WG_INITIATION_MAC1, WG_VERDICT_MAC1_INVALID);
        assert_refused(p, &p->b, initiation, WG_INITIATION_MAC1 + 15, WG_VERDICT_MAC1_INVALID);
        assert_invalid(p, &p->b, initiation, WG_INITIATION_EPHEMERAL + 3);
        assert_invalid(p, &p->b, initiation, WG_INITIATION_STATIC);
        assert_invalid(p, &p->b, initiation, WG_INITIATION_STATIC + WG_KEY_LEN + 15);
        assert_invalid(p, &p->b, initiation, WG_INITIATION_TIMESTAMP);
        assert_invalid(p, &p->b, initiation, WG_INITIATION_TIMESTAMP + WG_TAI64N_LEN);
}

/* From a peer with an unknown key. The key results from a poisoned exchange, and is looked up. */
static void test_strangers(void **state)
{
        static const uint8_t key[WG_KEY_LEN] = {1, 2, 3};
        struct pair *p = *state;

        set_key(p, &p->a, key);
        wg_engine_set_keepalive(p->a.peer, 25, p->now);
        pair_work(p, &p->a);
        assert_int_equal(pair_receive(p, &p->b, &p->a.sent[0]), WG_VERDICT_HANDSHAKE);
        pair_work(p, &p->b);
        assert_int_equal(pair_count(&p->b, WG_VERDICT_UNKNOWN_PEER), 1);
}

static void test_forged_responses(void **state)
{
        struct pair *p = *state;
        const struct pair_datagram *response = &p->b.sent[0];

        wg_engine_set_keepalive(p->a.peer, 25, p->now);
        pair_work(p, &p->a);
        pair_receive(p, &p->b, &p->a.sent[0]);
        pair_work(p, &p->b);
        assert_refused(p, &p->a, response, WG_RESPONSE_MAC1 + 15, WG_VERDICT_MAC1_INVALID);
        assert_invalid(p, &p->a, response, WG_RESPONSE_EPHEMERAL);
        assert_invalid(p, &p->a, response, WG_RESPONSE_NOTHING);
        assert_invalid(p, &p->a, response, WG_RESPONSE_NOTHING + 15);

        /* The preshared keys differ. */
        wg_engine_set_preshared_key(p->a.peer, identity_of(&p->a)->private_key);
        assert_int_equal(pair_receive(p, &p->a, response), WG_VERDICT_HANDSHAKE);
        pair_work(p, &p->a);
        assert_int_equal(pair_count(&p->a, WG_VERDICT_HANDSHAKE_INVALID), 4);
}

static void test_forged_data(void **state)
{
        struct pair *p = *state;
        const struct pair_datagram *data = &p->a.sent[0];

        pair_connect(p, &p->a);
        assert_secret_session(atomic_load(&p->a.peer->current));
        pair_send_any(p, &p->a);
        assert_refused(p, &p->b, data, WG_DATA_TEXT, WG_VERDICT_TAG_INVALID);
        assert_refused(p, &p->b, data, data->len - 1, WG_VERDICT_TAG_INVALID);
        assert_refused(p, &p->b, data, data->len - WG_AEAD_TAG_LEN, WG_VERDICT_TAG_INVALID);
        assert_refused(p, &p->b, data, WG_DATA_COUNTER, WG_VERDICT_TAG_INVALID);
        assert_int_equal(pair_receive(p, &p->b, data), WG_VERDICT_DATA);
        assert_int_equal(pair_receive(p, &p->b, data), WG_VERDICT_REPLAYED);
}

/* Makes b believe for a second that it is under load. */
static void load(struct pair *p)
{
        p->b.engine.handshakes.loaded_until_ns = p->now.ns + WG_LOAD_STICKY;
}

/* b demands a cookie from a, which stores it and uses it to prove its address. */
static void test_cookies(void **state)
{
        struct pair *p = *state;
        struct pair_datagram cookie;

        load(p);
        wg_engine_set_keepalive(p->a.peer, 25, p->now);
        pair_work(p, &p->a);
        pair_receive(p, &p->b, &p->a.sent[0]);
        pair_work(p, &p->b);
        assert_int_equal(p->b.sent_count, 1);
        /* Once more: MemorySanitizer does not track values stored atomically, as the secret was. */
        poison(p->b.engine.cookie_maker.secret, WG_HASH_LEN);
        pair_forget(&p->b);
        pair_receive(p, &p->b, &p->a.sent[0]);
        pair_work(p, &p->b);
        assert_int_equal(p->b.sent_count, 1);
        cookie = p->b.sent[0];
        assert_int_equal(cookie.len, WG_COOKIE_LEN);
        assert_false(is_poisoned(cookie.bytes + WG_COOKIE_SEALED, 1));

        assert_refused(p, &p->a, &cookie, WG_COOKIE_SEALED, WG_VERDICT_COOKIE_INVALID);
        assert_refused(p, &p->a, &cookie, WG_COOKIE_LEN - 1, WG_VERDICT_COOKIE_INVALID);
        pair_receive(p, &p->a, &cookie);
        pair_work(p, &p->a);
        assert_true(pair_has_event(&p->a, WG_EVENT_COOKIE_STORED));
        /* It was sealed under a key that anyone who knows b can derive, and must still stay
         * secret. */
        poison(p->a.peer->cookies.cookie, WG_MAC_LEN);

        pair_forget(&p->a);
        pair_forget(&p->b);
        pair_pass(p, WG_REKEY_TIMEOUT + S);
        load(p);
        pair_work(p, &p->a);
        assert_int_equal(p->a.sent[0].len, WG_INITIATION_LEN);
        assert_refused(p, &p->b, &p->a.sent[0], WG_INITIATION_LEN - 1, WG_VERDICT_COOKIE_DEMANDED);
        pair_receive(p, &p->b, &p->a.sent[0]);
        pair_work(p, &p->b);
        assert_true(pair_has_event(&p->b, WG_EVENT_RESPONSE_SENT));
}

/* The same private key again, another one, none. */
static void test_changing_keys(void **state)
{
        struct pair *p = *state;
        struct wg_identity *before = identity_of(&p->a);
        uint8_t key[WG_KEY_LEN];

        pair_connect(p, &p->b);
        memcpy(key, before->private_key, sizeof(key));
        set_key(p, &p->a, key);
        assert_ptr_equal(identity_of(&p->a), before);
        assert_delivered(p, &p->a);
        key[31] ^= 1;
        set_key(p, &p->a, key);
        assert_ptr_not_equal(identity_of(&p->a), before);
        assert_int_equal(pair_send_any(p, &p->a), WG_VERDICT_NO_SESSION);
        wg_engine_set_identity(&p->a.engine, NULL, p->now);
}

/* Session after session, until all keys have expired. */
static void test_time(void **state)
{
        struct pair *p = *state;

        pair_connect(p, &p->a);
        for (size_t i = 0; i < 4; i++) {
                pair_pass(p, WG_REKEY_AFTER_TIME + S);
                pair_settle(p);
                assert_delivered(p, &p->a);
                pair_settle(p);
                assert_true(pair_has_event(&p->a, WG_EVENT_HANDSHAKE_COMPLETE));
                pair_forget(&p->a);
                assert_secret_session(atomic_load(&p->a.peer->current));
                assert_delivered(p, &p->b);
        }
        pair_pass(p, 4 * WG_REJECT_AFTER_TIME);
        pair_settle(p);
        assert_null(atomic_load(&p->a.peer->current));
}

#define watched(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                watched(test_handshake),     watched(test_forged_initiations),
                watched(test_strangers),     watched(test_forged_responses),
                watched(test_forged_data),   watched(test_cookies),
                watched(test_changing_keys), watched(test_time),
        };

        return cmocka_run_group_tests(tests, poison_setup, poison_teardown);
}
