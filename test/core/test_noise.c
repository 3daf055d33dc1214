/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_noise.c - core/noise.h, against the one vector for WireGuard's pattern in the collection
 * "cacophony" (https://github.com/haskell-cryptography/cacophony, vectors/cacophony.txt, protocol
 * Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s). */
#include "core/noise.h"

#include <stdint.h>
#include <string.h>

#include "base/attr.h"
#include "test/lib/cmocka.h"
#include "test/lib/vector.h"
#include "test/lib/with_crypto.h"

static const char prologue[] = "John Galt";
static const char psk[] = "54686973206973206d7920417573747269616e20706572737065637469766521";
static const char initiator_static[] =
        "e61ef9919cde45dd5f82166404bd08e38bceb5dfdfded0a34c8df7ed542214d1";
static const char initiator_ephemeral[] =
        "893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a";
static const char responder_static[] =
        "4a3acbfdb163dec651dfa3194dece676d437029c62a408b4c5ea9114246e4893";
static const char responder_ephemeral[] =
        "bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b";
static const char responder_public[] =
        "31e0303fd6418d2f8c0e78b91f22e8caed0fbe48656dcf4767e4834f701b8f62";
static const char handshake_hash[] =
        "f5191b875290abcd41347ac3622d9679688a7e980229cb937ef748336cfde0e5";

static const struct {
        const char *payload, *ciphertext;
} messages[] = {
        {"4c756477696720766f6e204d69736573",
         "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c7944"
         "001e21de9f98ddd8e2ad57527207feb56253c9c94a9e496782ecfcb2a75fbcaf"
         "1b52948cc48daefe660c62119ab50009"
         "80c84831215f2441eba616548e832985464cf17e51ee93109008399a21f7e13f"},
        {"4d757272617920526f746862617264",
         "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843"
         "cb765f2caef0751b8f007572dab0322217755c0632f365717edbf34d33e87a"},
        {"462e20412e20486179656b", "8153ca9833bc3c1b91a7e66e5f4d4f5b59bf9e64c2f20d15f0bba7"},
        {"4361726c204d656e676572", "07af0c9c86e1b4e80f36b04ff7688d51141af3debd0332f0a705ef"},
        {"4a65616e2d426170746973746520536179",
         "6ab1467c0448cc78394494abaaf23afce0e234315d6e2624dcbfa8a21c1c4d073d"},
        {"457567656e2042f6686d20766f6e2042617765726b",
         "dfc346c0d2296ae6cf1acf6f12b8456a1dba228cf8d8b774aacf1c47fc53aa80ebc7a4c292"},
};

/* The parts of the first message, as in WireGuard but without the fields around them. */
enum { STATIC_AT = 32, PAYLOAD_AT = 32 + 48, SECOND_AT = 32, ROOM = 256 };

struct bytes {
        size_t len;
        uint8_t at[ROOM];
};

static struct bytes bytes_of(const char *text)
{
        struct bytes b = {0};

        b.len = hex_decode(b.at, sizeof(b.at), text);
        return b;
}

static struct wg_x25519_key *key_of(const char *text)
{
        struct wg_x25519_key *key = wg_x25519_key_new(bytes_of(text).at);

        assert_non_null(key);
        return key;
}

/* Both sides, before the first message. */
struct sides {
        struct wg_x25519_key *i_static, *i_ephemeral, *r_static, *r_ephemeral;
        uint8_t psk[32], ss[32];
        struct wg_noise i, r;
};

static void setup_sides(struct sides *s)
{
        s->i_static = key_of(initiator_static);
        s->i_ephemeral = key_of(initiator_ephemeral);
        s->r_static = key_of(responder_static);
        s->r_ephemeral = key_of(responder_ephemeral);
        hex_decode(s->psk, sizeof(s->psk), psk);
        assert_true(wg_x25519(s->ss, s->i_static, wg_x25519_key_public(s->r_static)));
        wg_noise_init(&s->i, prologue, sizeof(prologue) - 1);
        wg_noise_mix_responder(&s->i, wg_x25519_key_public(s->r_static));
        s->r = s->i;
}

static void free_sides(struct sides *s)
{
        wg_x25519_key_free(s->i_static);
        wg_x25519_key_free(s->i_ephemeral);
        wg_x25519_key_free(s->r_static);
        wg_x25519_key_free(s->r_ephemeral);
}

static int setup(void **state)
{
        static struct sides sides;

        setup_sides(&sides);
        *state = &sides;
        return 0;
}

static int teardown(void **state)
{
        free_sides(*state);
        return 0;
}

static bool write_first(struct sides *s, struct bytes *message)
{
        struct bytes payload = bytes_of(messages[0].payload);

        message->len = PAYLOAD_AT + payload.len + WG_NOISE_TAG_LEN;
        return wg_noise_write_first(&s->i, s->i_ephemeral, s->i_static,
                                    wg_x25519_key_public(s->r_static), s->ss, payload.at,
                                    payload.len, message->at, message->at + STATIC_AT,
                                    message->at + PAYLOAD_AT);
}

static bool read_first(struct sides *s, const struct bytes *message, uint8_t initiator[32],
                       struct bytes *payload)
{
        payload->len = message->len - PAYLOAD_AT - WG_NOISE_TAG_LEN;
        return wg_noise_read_first_static(&s->r, s->r_static, message->at, message->at + STATIC_AT,
                                          initiator) &&
               wg_noise_read_first_payload(&s->r, s->ss, message->at + PAYLOAD_AT,
                                           message->len - PAYLOAD_AT, payload->at);
}

static bool write_second(struct sides *s, struct bytes *message)
{
        struct bytes payload = bytes_of(messages[1].payload);

        message->len = SECOND_AT + payload.len + WG_NOISE_TAG_LEN;
        return wg_noise_write_second(&s->r, s->r_ephemeral, wg_x25519_key_public(s->i_ephemeral),
                                     wg_x25519_key_public(s->i_static), s->psk, payload.at,
                                     payload.len, message->at, message->at + SECOND_AT);
}

static bool read_second(struct sides *s, const struct bytes *message, struct bytes *payload)
{
        payload->len = message->len - SECOND_AT - WG_NOISE_TAG_LEN;
        return wg_noise_read_second(&s->i, s->i_ephemeral, s->i_static, s->psk, message->at,
                                    message->at + SECOND_AT, message->len - SECOND_AT, payload->at);
}

static void assert_bytes(const struct bytes *is, const char *wanted_text)
{
        struct bytes wanted = bytes_of(wanted_text);

        assert_int_equal(is->len, wanted.len);
        assert_memory_equal(is->at, wanted.at, wanted.len);
}

static void check_transport(const uint8_t keys[2][32])
{
        for (size_t i = 2; i < WG_ARRAY_SIZE(messages); i++) {
                struct bytes payload = bytes_of(messages[i].payload), sealed;
                uint64_t nonce = (i - 2) / 2;

                sealed.len = payload.len + WG_NOISE_TAG_LEN;
                wg_aead_seal(sealed.at, payload.at, payload.len, NULL, 0, nonce, keys[i % 2]);
                assert_bytes(&sealed, messages[i].ciphertext);
        }
}

static void test_vector(void **state)
{
        struct sides *s = *state;
        struct bytes message, payload;
        uint8_t initiator[32], of_i[2][32], of_r[2][32];

        assert_memory_equal(wg_x25519_key_public(s->r_static), bytes_of(responder_public).at, 32);
        assert_true(write_first(s, &message));
        assert_bytes(&message, messages[0].ciphertext);
        assert_true(read_first(s, &message, initiator, &payload));
        assert_bytes(&payload, messages[0].payload);
        assert_memory_equal(initiator, wg_x25519_key_public(s->i_static), 32);

        assert_true(write_second(s, &message));
        assert_bytes(&message, messages[1].ciphertext);
        assert_true(read_second(s, &message, &payload));
        assert_bytes(&payload, messages[1].payload);

        assert_memory_equal(s->i.hash, bytes_of(handshake_hash).at, 32);
        assert_memory_equal(s->r.hash, bytes_of(handshake_hash).at, 32);
        wg_noise_split(&s->i, of_i[0], of_i[1]);
        wg_noise_split(&s->r, of_r[0], of_r[1]);
        assert_memory_equal(of_i, of_r, sizeof(of_i));
        check_transport(of_i);
}

/* The state after WireGuard's own prologue, as computed by an independent program. */
static void test_wireguard_prologue(void **state)
{
        static const char identifier[] = "WireGuard v1 zx2c4 Jason@zx2c4.com";
        struct wg_noise n;

        (void)state;
        wg_noise_init(&n, identifier, sizeof(identifier) - 1);
        assert_memory_equal(
                n.chaining_key,
                bytes_of("60e26daef327efc02ec335e2a025d2d016eb4206f87277f52d38d1988b78cd36").at,
                32);
        assert_memory_equal(
                n.hash,
                bytes_of("2211b361081ac566691243db458ad5322d9c6c662293e8b70ee19c65ba079ef3").at,
                32);
}

/* With one bit changed anywhere, or another prologue, responder or psk, nothing decrypts. */
static void test_first_tampered(void **state)
{
        struct sides *s = *state;
        struct wg_noise before = s->r;
        struct bytes message, payload;
        uint8_t initiator[32];

        assert_true(write_first(s, &message));
        for (size_t bit = 0; bit < 8 * message.len; bit++) {
                /* X25519 ignores the last bit of a public key; the hash does not. */
                message.at[bit / 8] ^= (uint8_t)(1u << bit % 8);
                s->r = before;
                assert_false(read_first(s, &message, initiator, &payload));
                message.at[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        s->r = before;
        s->r.hash[0] ^= 1;
        assert_false(read_first(s, &message, initiator, &payload));
        s->r = before;
        s->ss[31] ^= 1;
        assert_false(read_first(s, &message, initiator, &payload));
        s->ss[31] ^= 1;
        s->r = before;
        assert_true(read_first(s, &message, initiator, &payload));
}

static void test_second_tampered(void **state)
{
        struct sides *s = *state;
        struct bytes message, payload;
        struct wg_noise before;
        uint8_t initiator[32];

        assert_true(write_first(s, &message));
        assert_true(read_first(s, &message, initiator, &payload));
        assert_true(write_second(s, &message));
        before = s->i;
        for (size_t bit = 0; bit < 8 * message.len; bit++) {
                message.at[bit / 8] ^= (uint8_t)(1u << bit % 8);
                s->i = before;
                assert_false(read_second(s, &message, &payload));
                message.at[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        s->i = before;
        s->psk[0] ^= 1;
        assert_false(read_second(s, &message, &payload));
        s->psk[0] ^= 1;
        s->i = before;
        assert_true(read_second(s, &message, &payload));
}

/* The points of order 1, 2, 4 and 8 (RFC 7748, section 6.1, asks for this check). */
static const char *const low_order[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
};

static void test_low_order(void **state)
{
        static const uint8_t zeros[32];
        struct sides *s = *state;
        struct wg_noise before = s->i;
        uint8_t out[ROOM], payload[ROOM];

        for (size_t i = 0; i < WG_ARRAY_SIZE(low_order); i++) {
                struct bytes low = bytes_of(low_order[i]);
                const uint8_t *good = wg_x25519_key_public(s->i_static);

                s->i = before;
                assert_false(wg_noise_write_first(&s->i, s->i_ephemeral, s->i_static, low.at, s->ss,
                                                  "", 0, out, out + 32, out + 80));
                s->i = before;
                assert_false(wg_noise_read_first_static(&s->i, s->r_static, low.at, out, payload));
                s->i = before;
                assert_false(wg_noise_write_second(&s->i, s->r_ephemeral, low.at, good, s->psk, "",
                                                   0, out, out + 32));
                s->i = before;
                assert_false(wg_noise_write_second(&s->i, s->r_ephemeral, good, low.at, s->psk, "",
                                                   0, out, out + 32));
                s->i = before;
                assert_false(wg_noise_read_second(&s->i, s->i_ephemeral, s->i_static, s->psk,
                                                  low.at, out, WG_NOISE_TAG_LEN, payload));
        }
        /* The same for a shared secret that was computed elsewhere. */
        s->i = before;
        assert_false(wg_noise_write_first(&s->i, s->i_ephemeral, s->i_static,
                                          wg_x25519_key_public(s->r_static), zeros, "", 0, out,
                                          out + 32, out + 80));
        s->i = before;
        assert_false(wg_noise_read_first_payload(&s->i, zeros, out, WG_NOISE_TAG_LEN, payload));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_vector, setup, teardown),
                cmocka_unit_test(test_wireguard_prologue),
                cmocka_unit_test_setup_teardown(test_first_tampered, setup, teardown),
                cmocka_unit_test_setup_teardown(test_second_tampered, setup, teardown),
                cmocka_unit_test_setup_teardown(test_low_order, setup, teardown),
        };

        return cmocka_run_group_tests_name("noise", tests, test_crypto_up, test_crypto_down);
}
