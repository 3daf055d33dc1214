/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/cookie.h"

#include "core/limits.h"
#include "test/lib/cmocka.h"
#include "test/lib/env.h"
#include "test/lib/transcript.h"
#include "test/lib/vector.h"
#include "test/lib/with_crypto.h"

#define S WG_NS_PER_S
#define NOW (1000 * S)

/* An initiation goes from `from` to the owner of `identity`; jar and maker belong to the two
 * ends. */
struct fixture {
        struct test_env t;
        struct wg_identity *identity;
        const uint8_t *public_key; /* the public key of the identity */
        struct wg_cookie_maker maker;
        struct wg_cookie_jar jar;
        struct wg_endpoint from;
        uint8_t initiation[WG_INITIATION_LEN], reply[WG_COOKIE_LEN];
};

/* The random values of the transcript, distinguished by their lengths. */
static void draw_as_in_transcript(void *ctx, void *out, size_t len)
{
        (void)ctx;
        assert_true(len == WG_HASH_LEN || len == 24);
        transcript_count(out, len, len == 24 ? TRANSCRIPT_COOKIE_NONCE : TRANSCRIPT_COOKIE_SECRET);
}

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));
        uint8_t private_key[WG_KEY_LEN];

        if (!f)
                return -1;
        test_env_init(&f->t, 1);
        transcript_count(private_key, sizeof(private_key), TRANSCRIPT_RESPONDER);
        f->identity = wg_identity_new(&f->t.env, private_key);
        if (!f->identity)
                return -1;
        f->public_key = wg_x25519_key_public(f->identity->key);
        f->from = (struct wg_endpoint){.ip = {WG_FAMILY_IPV4, {192, 0, 2, 1}}, .port = 1000};
        hex_decode(f->initiation, sizeof(f->initiation), transcript.initiation);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;

        wg_identity_free(f->identity);
        assert_int_equal(f->t.blocks, 0);
        free(f);
        return 0;
}

static void add_macs(struct fixture *f, uint64_t now_ns)
{
        wg_cookie_add_macs(&f->jar, f->public_key, now_ns, f->initiation, WG_INITIATION_LEN);
}

static void make_reply(struct fixture *f, uint64_t now_ns)
{
        wg_cookie_reply(&f->maker, &f->t.env, now_ns, f->identity, f->initiation, WG_INITIATION_LEN,
                        TRANSCRIPT_INITIATOR_INDEX, &f->from, f->reply);
}

static bool store(struct fixture *f, uint64_t now_ns)
{
        return wg_cookie_store(&f->jar, f->public_key, now_ns, f->reply);
}

static bool has_mac2(struct fixture *f, uint64_t now_ns)
{
        return wg_cookie_has_mac2(&f->maker, now_ns, f->initiation, WG_INITIATION_LEN, &f->from);
}

/* The whole exchange, up to a cookie in the jar. */
static void get_cookie(struct fixture *f, uint64_t now_ns)
{
        add_macs(f, now_ns);
        make_reply(f, now_ns);
        assert_true(store(f, now_ns));
}

static void assert_hex(const uint8_t *bytes, const char *text)
{
        uint8_t wanted[WG_INITIATION_LEN];

        assert_memory_equal(bytes, wanted, hex_decode(wanted, sizeof(wanted), text));
}

static void test_known_answers(void **state)
{
        static const struct wg_endpoint ipv6 = {
                .ip = {WG_FAMILY_IPV6, {0x20, 0x01, 0x0d, 0xb8, [15] = 9}}, .port = 51820};
        struct fixture *f = *state;

        f->t.env.random = draw_as_in_transcript;
        memset(f->initiation + WG_INITIATION_MAC1, 0xaa, 2 * WG_MESSAGE_MAC_LEN);
        add_macs(f, NOW);
        assert_hex(f->initiation, transcript.initiation);
        make_reply(f, NOW);
        assert_hex(f->reply, transcript.cookie_reply);
        assert_true(store(f, NOW));
        assert_hex(f->jar.cookie, transcript.cookie);
        add_macs(f, NOW);
        assert_hex(f->initiation, transcript.initiation_with_cookie);
        assert_true(has_mac2(f, NOW));

        f->from = ipv6;
        make_reply(f, NOW);
        assert_hex(f->reply, transcript.cookie_reply_ipv6);
}

static bool has_mac1(const struct fixture *f, const uint8_t *message, size_t len)
{
        return wg_cookie_has_mac1(f->identity->mac1_key, message, len);
}

/* mac1 covers every bit before mac2, and no bit of mac2. */
static void test_mac1(void **state)
{
        struct fixture *f = *state;
        uint8_t response[WG_RESPONSE_LEN] = {WG_MESSAGE_RESPONSE};

        for (size_t bit = 0; bit < 8 * WG_INITIATION_LEN; bit++) {
                size_t mac2 = WG_INITIATION_LEN - WG_MESSAGE_MAC_LEN;

                f->initiation[bit / 8] ^= (uint8_t)(1u << bit % 8);
                assert_int_equal(has_mac1(f, f->initiation, WG_INITIATION_LEN), bit / 8 >= mac2);
                f->initiation[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        f->identity->mac1_key[0] ^= 1;
        assert_false(has_mac1(f, f->initiation, WG_INITIATION_LEN));
        f->identity->mac1_key[0] ^= 1;

        wg_cookie_add_macs(&f->jar, f->public_key, NOW, response, sizeof(response));
        assert_true(has_mac1(f, response, sizeof(response)));
        assert_false(has_mac1(f, f->initiation, WG_RESPONSE_LEN));
}

/* The difference between the message that got the cookie and the one that carries it. */
static void test_mac2_binds(void **state)
{
        struct fixture *f = *state;
        struct wg_endpoint from = f->from;

        add_macs(f, NOW);
        assert_false(has_mac2(f, NOW));
        get_cookie(f, NOW);
        add_macs(f, NOW);
        assert_true(has_mac2(f, NOW));

        f->from.port ^= 1;
        assert_false(has_mac2(f, NOW));
        f->from.port ^= 0x101;
        assert_false(has_mac2(f, NOW));
        f->from = from;
        f->from.ip.bytes[3] ^= 1;
        assert_false(has_mac2(f, NOW));
        f->from = from;
        f->from.ip.family = WG_FAMILY_IPV6;
        assert_false(has_mac2(f, NOW));
        f->from = from;
        /* The address at which we were reached is not part of it. */
        f->from.source = from.ip;
        f->from.source_ifindex = 7;
        assert_true(has_mac2(f, NOW));
        f->from = from;

        for (size_t bit = 0; bit < 8 * WG_INITIATION_LEN; bit++) {
                f->initiation[bit / 8] ^= (uint8_t)(1u << bit % 8);
                assert_false(has_mac2(f, NOW));
                f->initiation[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        assert_true(has_mac2(f, NOW));
}

/* Ages in seconds: of the secret when the cookie is made, and of the cookie when it is used. */
static const struct {
        int number;
        const char *what;
        uint64_t secret_age, cookie_age;
        bool is_used, is_accepted;
} lives[] = {
        {1, "both new", 0, 0, true, true},
        {2, "the cookie's last moment", 0, 115 * S - 1, true, true},
        {3, "the cookie is too old", 0, 115 * S, false, false},
        {4, "the secret's last moment", 5 * S, 115 * S - 1, true, true},
        {5, "the secret expired first", 5 * S + 1, 115 * S - 1, true, false},
        {6, "an old secret still makes cookies", 120 * S - 1, 0, true, true},
        {7, "but they expire soon", 120 * S - 1, 1, true, false},
        {8, "a new secret at 120 s", 120 * S, 115 * S - 1, true, true},
        {9, "much later", 0, 100000 * S, false, false},
};

static void test_lives(void **state)
{
        for (size_t i = 0; i < WG_ARRAY_SIZE(lives); i++) {
                struct fixture *f = *state;
                uint64_t got_ns = NOW + lives[i].secret_age;
                uint64_t shown_ns = got_ns + lives[i].cookie_age;
                bool is_used, is_accepted;

                make_reply(f, NOW);
                get_cookie(f, got_ns);
                add_macs(f, shown_ns);
                is_used = !wg_is_zero(f->initiation + WG_INITIATION_LEN - WG_MESSAGE_MAC_LEN,
                                      WG_MESSAGE_MAC_LEN);
                is_accepted = has_mac2(f, shown_ns);
                if (is_used != lives[i].is_used || is_accepted != lives[i].is_accepted)
                        fail_msg("case %d (%s)", lives[i].number, lives[i].what);
                assert_int_equal(teardown(state), 0);
                assert_int_equal(setup(state), 0);
        }
}

/* A new secret is drawn, but only once the old one has expired. */
static void test_secret_changes(void **state)
{
        struct fixture *f = *state;
        uint8_t first[WG_HASH_LEN];

        make_reply(f, NOW);
        memcpy(first, f->maker.secret, sizeof(first));
        assert_false(wg_is_zero(first, sizeof(first)));
        make_reply(f, NOW + 120 * S - 1);
        assert_memory_equal(f->maker.secret, first, sizeof(first));
        make_reply(f, NOW + 120 * S);
        assert_memory_not_equal(f->maker.secret, first, sizeof(first));
}

static void test_one_reply_for_each_message(void **state)
{
        struct fixture *f = *state;
        struct wg_cookie_jar before;

        make_reply(f, NOW);
        assert_false(store(f, NOW)); /* nothing was sent yet */
        assert_int_equal(f->jar.born_ns, 0);

        add_macs(f, NOW);
        make_reply(f, NOW);
        assert_true(store(f, NOW));
        before = f->jar;
        assert_false(store(f, NOW + S));
        make_reply(f, NOW + S);
        assert_false(store(f, NOW + S));
        assert_memory_equal(&f->jar, &before, sizeof(before));

        add_macs(f, NOW + 2 * S);
        make_reply(f, NOW + 2 * S);
        assert_true(store(f, NOW + 2 * S));
        assert_int_equal(f->jar.born_ns, NOW + 2 * S);
}

/* A reply to the message before the last is not a reply to the last. */
static void test_reply_to_an_earlier_message(void **state)
{
        struct fixture *f = *state;

        add_macs(f, NOW);
        make_reply(f, NOW);
        f->initiation[WG_INITIATION_EPHEMERAL] ^= 1;
        add_macs(f, NOW);
        assert_false(store(f, NOW));
        assert_int_equal(f->jar.born_ns, 0);
        assert_true(f->jar.has_sent);
        make_reply(f, NOW);
        assert_true(store(f, NOW));
}

static void test_reply_tampered(void **state)
{
        struct fixture *f = *state;
        struct wg_cookie_jar before;
        uint8_t other_key[WG_KEY_LEN];

        add_macs(f, NOW);
        make_reply(f, NOW);
        before = f->jar;
        for (size_t bit = 8 * WG_COOKIE_NONCE; bit < 8 * WG_COOKIE_LEN; bit++) {
                f->reply[bit / 8] ^= (uint8_t)(1u << bit % 8);
                assert_false(store(f, NOW));
                assert_memory_equal(&f->jar, &before, sizeof(before));
                f->reply[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        memcpy(other_key, f->public_key, sizeof(other_key));
        other_key[0] ^= 1;
        assert_false(wg_cookie_store(&f->jar, other_key, NOW, f->reply));
        assert_true(store(f, NOW));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_known_answers, setup, teardown),
                cmocka_unit_test_setup_teardown(test_mac1, setup, teardown),
                cmocka_unit_test_setup_teardown(test_mac2_binds, setup, teardown),
                cmocka_unit_test_setup_teardown(test_lives, setup, teardown),
                cmocka_unit_test_setup_teardown(test_secret_changes, setup, teardown),
                cmocka_unit_test_setup_teardown(test_one_reply_for_each_message, setup, teardown),
                cmocka_unit_test_setup_teardown(test_reply_to_an_earlier_message, setup, teardown),
                cmocka_unit_test_setup_teardown(test_reply_tampered, setup, teardown),
        };

        return cmocka_run_group_tests_name("cookie", tests, test_crypto_up, test_crypto_down);
}
