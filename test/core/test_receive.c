/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/receive.h"

#include "test/lib/cmocka.h"
#include "test/lib/pair.h"

#define S WG_NS_PER_S
#define REJECT WG_REJECT_AFTER_MESSAGES

/* b receives here, under sessions that the test makes; `seal` makes the datagrams that a would
 * send. */
static struct wg_keypair *begin(struct pair *p, bool is_initiator, uint32_t number)
{
        struct wg_keypair *kp = pair_new_keypair(p, p->b.peer, is_initiator, number);

        pair_begin_session(p->b.peer, kp);
        return kp;
}

static struct pair_datagram seal(struct pair *p, const struct wg_keypair *kp, uint64_t nonce,
                                 const uint8_t *text, size_t len)
{
        struct pair_datagram d = {.from = p->a.at, .len = (uint32_t)len + WG_DATA_OVERHEAD};

        wg_le32_store(d.bytes, WG_MESSAGE_DATA);
        wg_le32_store(d.bytes + WG_DATA_RECEIVER, kp->entry.index);
        wg_le64_store(d.bytes + WG_DATA_COUNTER, nonce);
        wg_aead_seal(d.bytes + WG_DATA_TEXT, text, len, NULL, 0, nonce, kp->receive_key);
        return d;
}

/* A packet of 60 bytes from a host behind a to b, padded to 64. */
static struct pair_datagram seal_ipv4(struct pair *p, const struct wg_keypair *kp, uint64_t nonce,
                                      uint32_t source)
{
        uint8_t text[64] = {0};

        packet_ipv4(text, 60, source, PAIR_B);
        return seal(p, kp, nonce, text, sizeof(text));
}

static enum wg_verdict receive(struct pair *p, struct pair_datagram d)
{
        return pair_receive(p, &p->b, &d);
}

static uint16_t port_of(struct wg_peer *peer)
{
        struct wg_endpoint e;

        wg_path_read(&peer->path, &e);
        return e.port;
}

/* ---- one datagram ---- */

static void test_data(void **state)
{
        struct pair *p = *state;
        struct wg_keypair *kp = begin(p, true, 1);
        uint8_t packet[64] = {0};

        packet_ipv4(packet, 60, PAIR_A, PAIR_B);
        assert_int_equal(receive(p, seal_ipv4(p, kp, 0, PAIR_A)), WG_VERDICT_DATA);
        assert_ptr_equal(p->b.in.peer, p->b.peer);
        assert_ptr_equal(p->b.in.inner, p->b.in_buf + WG_DATA_TEXT);
        assert_int_equal(p->b.in.inner_len, 60);
        assert_memory_equal(p->b.in.inner, packet, sizeof(packet));

        packet_ipv6(packet, 64, 1, 2);
        assert_int_equal(receive(p, seal(p, kp, 1, packet, 64)), WG_VERDICT_DATA);
        assert_int_equal(p->b.in.inner_len, 64);
        assert_int_equal(p->b.worker.counters[WG_VERDICT_DATA], 2);
}

static void test_keepalive(void **state)
{
        struct pair *p = *state;
        struct wg_keypair *kp = begin(p, true, 1);

        assert_int_equal(receive(p, seal(p, kp, 0, NULL, 0)), WG_VERDICT_KEEPALIVE);
        assert_ptr_equal(p->b.in.peer, p->b.peer);
        assert_int_equal(p->b.worker.counters[WG_VERDICT_KEEPALIVE], 1);
}

static void test_handshake_messages(void **state)
{
        struct pair *p = *state;
        struct pair_datagram d = {.from = p->a.at, .len = WG_INITIATION_LEN, .bytes = {1}};
        uint32_t index = begin(p, true, 1)->entry.index;
        struct wg_cookie_jar jar = {.born_ns = 0};

        wg_cookie_add_macs(&jar, p->b.public_key, p->now.ns, d.bytes, d.len);
        assert_int_equal(receive(p, d), WG_VERDICT_HANDSHAKE);
        assert_null(p->b.in.peer);
        assert_false(p->b.in.is_preferred);
        d.bytes[5] ^= 1;
        assert_int_equal(receive(p, d), WG_VERDICT_MAC1_INVALID);

        d.len = WG_RESPONSE_LEN;
        d.bytes[0] = WG_MESSAGE_RESPONSE;
        assert_int_equal(receive(p, d), WG_VERDICT_MAC1_INVALID);
        wg_cookie_add_macs(&jar, p->b.public_key, p->now.ns, d.bytes, d.len);
        assert_int_equal(receive(p, d), WG_VERDICT_UNEXPECTED);
        wg_le32_store(d.bytes + WG_RESPONSE_RECEIVER, index);
        wg_cookie_add_macs(&jar, p->b.public_key, p->now.ns, d.bytes, d.len);
        assert_int_equal(receive(p, d), WG_VERDICT_HANDSHAKE);
        assert_true(p->b.in.is_preferred);
        /* A cookie reply has no mac1. */
        d.len = WG_COOKIE_LEN;
        d.bytes[0] = WG_MESSAGE_COOKIE;
        wg_le32_store(d.bytes + WG_COOKIE_RECEIVER, index ^ 1);
        assert_int_equal(receive(p, d), WG_VERDICT_UNEXPECTED);
        wg_le32_store(d.bytes + WG_COOKIE_RECEIVER, index);
        assert_int_equal(receive(p, d), WG_VERDICT_HANDSHAKE);
        assert_true(p->b.in.is_preferred);
        assert_int_equal(p->b.engine.handshakes.count, 3);

        wg_engine_set_identity(&p->b.engine, NULL, p->now);
        assert_int_equal(receive(p, d), WG_VERDICT_NO_PRIVATE_KEY);
}

/* Puts this many copies of a message into the next slots. */
static void repeat(struct wg_receive_slot *slots, unsigned int *n, struct pair_datagram *d,
                   unsigned int times)
{
        for (unsigned int i = 0; i < times; i++)
                slots[(*n)++] = (struct wg_receive_slot){
                        .buf = d->bytes, .len = d->len, .from = d->from};
}

/* A source of several wrong mac1s in a row is mostly ignored for the rest of the batch: one in a
 * few of its messages is still checked, and so are replies that we wait for. Others are not
 * affected. */
static void test_a_forger_is_mostly_ignored(void **state)
{
        static const struct {
                int number;
                unsigned int wrong;
                bool is_other;  /* the valid message that follows comes from another port */
                bool is_answer; /* that message is a reply, not an initiation */
                enum wg_verdict verdict;
        } cases[] = {
                {1, 0, false, false, WG_VERDICT_HANDSHAKE},
                {2, 7, false, false, WG_VERDICT_HANDSHAKE},
                {3, 8, false, false, WG_VERDICT_MAC1_INVALID},
                {4, 8, true, false, WG_VERDICT_HANDSHAKE},
                {5, 14, false, false, WG_VERDICT_MAC1_INVALID},
                {6, 15, false, false, WG_VERDICT_HANDSHAKE},
                {7, 16, false, false, WG_VERDICT_MAC1_INVALID},
                {8, 126, false, false, WG_VERDICT_MAC1_INVALID},
                {9, 127, false, false, WG_VERDICT_HANDSHAKE},
                {10, 126, true, false, WG_VERDICT_HANDSHAKE},
                {11, 8, false, true, WG_VERDICT_HANDSHAKE},
                {12, 126, false, true, WG_VERDICT_HANDSHAKE},
        };
        struct pair *p = *state;
        struct pair_datagram good = {.from = p->a.at, .len = WG_INITIATION_LEN, .bytes = {1}};
        struct pair_datagram answer = {.from = p->a.at, .len = WG_RESPONSE_LEN, .bytes = {2}};
        struct wg_cookie_jar jar = {.born_ns = 0};

        wg_le32_store(answer.bytes + WG_RESPONSE_RECEIVER, begin(p, true, 1)->entry.index);
        wg_cookie_add_macs(&jar, p->b.public_key, p->now.ns, good.bytes, good.len);
        wg_cookie_add_macs(&jar, p->b.public_key, p->now.ns, answer.bytes, answer.len);
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                struct wg_receive_slot slots[WG_BATCH_MAX];
                struct pair_datagram wrong = good, last = cases[i].is_answer ? answer : good;
                unsigned int n = 0;

                wrong.bytes[5] ^= 1;
                last.from.port += cases[i].is_other;
                repeat(slots, &n, &wrong, cases[i].wrong);
                repeat(slots, &n, &last, 1);
                wg_receive(&p->b.worker, slots, n, p->now.ns);
                for (unsigned int at = 0; at + 1 < n; at++)
                        assert_int_equal(slots[at].verdict, WG_VERDICT_MAC1_INVALID);
                if (slots[n - 1].verdict != cases[i].verdict)
                        fail_msg("case %d: %s", cases[i].number,
                                 wg_verdict_name(slots[n - 1].verdict));
                /* The next batch starts afresh. */
                assert_int_equal(receive(p, good), WG_VERDICT_HANDSHAKE);
        }
}

/* Under load, a source that uses the cookie it was given, from the same address, comes first. */
static void test_cookie_users_come_first_under_load(void **state)
{
        struct pair *p = *state;
        struct wg_engine *engine = &p->b.engine;
        struct pair_datagram d = {.from = p->a.at, .len = WG_INITIATION_LEN, .bytes = {1}};
        struct wg_cookie_jar jar = {.born_ns = 0};
        uint8_t reply[WG_COOKIE_LEN];

        engine->handshakes.loaded_until_ns = p->now.ns + 1;
        wg_cookie_add_macs(&jar, p->b.public_key, p->now.ns, d.bytes, d.len);
        assert_int_equal(receive(p, d), WG_VERDICT_HANDSHAKE);
        assert_false(p->b.in.is_preferred);
        wg_cookie_reply(&engine->cookie_maker, engine->env, p->now.ns, engine->identity, d.bytes,
                        d.len, 0, &d.from, reply);
        assert_true(wg_cookie_store(&jar, p->b.public_key, p->now.ns, reply));
        wg_cookie_add_macs(&jar, p->b.public_key, p->now.ns, d.bytes, d.len);
        assert_int_equal(receive(p, d), WG_VERDICT_HANDSHAKE);
        assert_true(p->b.in.is_preferred);
        d.from.port++;
        assert_int_equal(receive(p, d), WG_VERDICT_HANDSHAKE);
        assert_false(p->b.in.is_preferred);
        d.from.port--;
        engine->handshakes.loaded_until_ns = p->now.ns;
        assert_int_equal(receive(p, d), WG_VERDICT_HANDSHAKE);
        assert_false(p->b.in.is_preferred);
}

static void test_malformed(void **state)
{
        struct pair *p = *state;
        struct wg_keypair *kp = begin(p, true, 1);
        struct pair_datagram d = seal_ipv4(p, kp, 0, PAIR_A);

        d.len = WG_DATA_OVERHEAD - 1;
        assert_int_equal(receive(p, d), WG_VERDICT_MALFORMED);
        d.len = 0;
        assert_int_equal(receive(p, d), WG_VERDICT_MALFORMED);
        d = seal_ipv4(p, kp, 0, PAIR_A);
        d.bytes[3] = 1;
        assert_int_equal(receive(p, d), WG_VERDICT_MALFORMED);
        assert_null(p->b.in.peer);
        d.bytes[3] = 0;
        d.bytes[0] = 5;
        assert_int_equal(receive(p, d), WG_VERDICT_MALFORMED);
        assert_int_equal(p->b.worker.counters[WG_VERDICT_MALFORMED], 4);
}

static void test_unknown_index(void **state)
{
        struct pair *p = *state;
        struct wg_keypair *kp = begin(p, true, 1);
        struct pair_datagram d = seal_ipv4(p, kp, 0, PAIR_A);

        d.bytes[WG_DATA_RECEIVER] ^= 1;
        assert_int_equal(receive(p, d), WG_VERDICT_UNKNOWN_INDEX);
        assert_null(p->b.in.peer);
        /* A handshake's index is not for data. */
        assert_true(wg_index_add(&p->b.engine.indices, &p->b.peer->handshake.entry));
        wg_le32_store(d.bytes + WG_DATA_RECEIVER, p->b.peer->handshake.entry.index);
        assert_int_equal(receive(p, d), WG_VERDICT_UNKNOWN_INDEX);
        /* And a session's index goes with it. */
        d = seal_ipv4(p, kp, 0, PAIR_A);
        wg_session_clear(p->b.peer);
        assert_int_equal(receive(p, d), WG_VERDICT_UNKNOWN_INDEX);
}

/* ---- the order of checks ---- */

/* Everything that is wrong with one datagram; the first in this order determines the verdict. */
enum {
        TOO_OLD = 1,
        OVER_LIMIT = 2,
        BAD_TAG = 4,
        SEEN = 8,
        BAD_INNER = 16,
        BAD_SOURCE = 32,
};

static const struct {
        unsigned int wrong;
        enum wg_verdict verdict;
} order[] = {
        {TOO_OLD, WG_VERDICT_KEY_EXPIRED},
        {OVER_LIMIT, WG_VERDICT_COUNTER_LIMIT},
        {BAD_TAG, WG_VERDICT_TAG_INVALID},
        {SEEN, WG_VERDICT_REPLAYED},
        {BAD_INNER, WG_VERDICT_INNER_MALFORMED},
        {BAD_SOURCE, WG_VERDICT_SOURCE_REFUSED},
        {0, WG_VERDICT_DATA},
};

static enum wg_verdict expected(unsigned int wrong)
{
        for (size_t i = 0; i < WG_ARRAY_SIZE(order); i++)
                if (wrong & order[i].wrong || !order[i].wrong)
                        return order[i].verdict;
        return WG_VERDICT_DATA;
}

static void check_order(struct pair *p, unsigned int wrong)
{
        struct wg_keypair *kp = begin(p, true, 1);
        uint64_t nonce = wrong & OVER_LIMIT ? REJECT : 7;
        enum wg_verdict wanted = expected(wrong);
        bool is_authentic = !(wrong & (TOO_OLD | OVER_LIMIT | BAD_TAG | SEEN));
        struct pair_datagram d = seal_ipv4(p, kp, nonce, wrong & BAD_SOURCE ? 0x0b000001 : PAIR_A);
        struct pair_datagram seen = seal(p, kp, 7, NULL, 0);
        uint8_t text[64];
        uint64_t rx_bytes;

        if (wrong & BAD_INNER) {
                packet_ipv4(text, 64, wrong & BAD_SOURCE ? 0x0b000001 : PAIR_A, PAIR_B);
                text[2] = 0xff;
                d = seal(p, kp, nonce, text, sizeof(text));
        }
        if (wrong & SEEN)
                assert_int_equal(receive(p, seen), WG_VERDICT_KEEPALIVE);
        if (wrong & BAD_TAG)
                d.bytes[d.len - 1] ^= 1;
        if (wrong & TOO_OLD)
                pair_pass(p, WG_REJECT_AFTER_TIME);
        rx_bytes = p->b.peer->rx_bytes;
        d.from.port = 4444;
        if (receive(p, d) != wanted)
                fail_msg("wrong: %#x, verdict %s", wrong, wg_verdict_name(p->b.in.verdict));
        assert_int_equal(p->b.in.verdict, wanted);
        assert_ptr_equal(p->b.in.peer, p->b.peer);
        /* An authentic, new packet moves the endpoint, even if it is refused later. */
        assert_int_equal(port_of(p->b.peer), is_authentic ? 4444 : p->a.at.port);
        assert_int_equal(p->b.peer->rx_bytes - rx_bytes, wanted == WG_VERDICT_DATA ? d.len : 0);
}

static void test_order_of_checks(void **state)
{
        for (unsigned int wrong = 0; wrong < 64; wrong++) {
                check_order(*state, wrong);
                pair_teardown(state);
                pair_setup(state);
        }
}

static void test_key_age(void **state)
{
        struct pair *p = *state;
        struct wg_keypair *kp = begin(p, true, 1);

        pair_pass(p, 180 * S - 1);
        assert_int_equal(receive(p, seal_ipv4(p, kp, 0, PAIR_A)), WG_VERDICT_DATA);
        pair_pass(p, 1);
        assert_int_equal(receive(p, seal_ipv4(p, kp, 1, PAIR_A)), WG_VERDICT_KEY_EXPIRED);
}

static void test_counter_limit(void **state)
{
        struct pair *p = *state;
        struct wg_keypair *kp = begin(p, true, 1);

        assert_int_equal(receive(p, seal_ipv4(p, kp, REJECT - 1, PAIR_A)), WG_VERDICT_DATA);
        assert_int_equal(receive(p, seal_ipv4(p, kp, REJECT, PAIR_A)), WG_VERDICT_COUNTER_LIMIT);
        assert_int_equal(receive(p, seal_ipv4(p, kp, UINT64_MAX, PAIR_A)),
                         WG_VERDICT_COUNTER_LIMIT);
}

/* No bit that the tag covers, nor of the nonce, may change; and a bad tag uses up no nonce. */
static void test_tag(void **state)
{
        struct pair *p = *state;
        struct wg_keypair *kp = begin(p, true, 1);
        struct pair_datagram d = seal_ipv4(p, kp, 0, PAIR_A);

        d.from.port++;
        for (size_t bit = 8 * WG_DATA_COUNTER; bit < 8 * d.len; bit++) {
                enum wg_verdict verdict;

                d.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
                verdict = receive(p, d);
                d.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
                assert_int_equal(verdict, WG_VERDICT_TAG_INVALID);
        }
        d.len--;
        assert_int_equal(receive(p, d), WG_VERDICT_TAG_INVALID);
        d.len++;
        assert_int_equal(port_of(p->b.peer), p->a.at.port);
        assert_int_equal(p->b.peer->notes.bits, 0);
        assert_int_equal(p->b.peer->notes.traversal_ns, 0);
        assert_int_equal(receive(p, d), WG_VERDICT_DATA);
}

static void test_replay(void **state)
{
        struct pair *p = *state;
        struct wg_keypair *kp = begin(p, true, 1);
        struct pair_datagram d = seal_ipv4(p, kp, 9000, PAIR_A);

        assert_int_equal(receive(p, d), WG_VERDICT_DATA);
        d.from.port++;
        assert_int_equal(receive(p, d), WG_VERDICT_REPLAYED);
        assert_int_equal(port_of(p->b.peer), p->a.at.port);
        assert_int_equal(receive(p, seal_ipv4(p, kp, 9000 - WG_REPLAY_WINDOW, PAIR_A)),
                         WG_VERDICT_DATA);
        assert_int_equal(receive(p, seal_ipv4(p, kp, 9000 - WG_REPLAY_WINDOW - 1, PAIR_A)),
                         WG_VERDICT_REPLAYED);
}

/* ---- the inner packet ---- */

/* A plaintext of `padded` bytes whose header claims the length `says`. */
static const struct {
        int number;
        const char *what;
        uint8_t version;
        size_t padded;
        uint32_t says;
        enum wg_verdict verdict;
} inners[] = {
        {1, "IPv4, unpadded", 4, 60, 60, WG_VERDICT_DATA},
        {2, "IPv4, padded", 4, 64, 60, WG_VERDICT_DATA},
        {3, "IPv4, with more padding than we would add", 4, 1000, 60, WG_VERDICT_DATA},
        {4, "IPv4, only a header", 4, 20, 20, WG_VERDICT_DATA},
        {5, "IPv4, a byte missing", 4, 60, 61, WG_VERDICT_INNER_MALFORMED},
        {6, "IPv4, nearly all missing", 4, 60, 65535, WG_VERDICT_INNER_MALFORMED},
        {7, "IPv4, length below that of a header", 4, 60, 19, WG_VERDICT_INNER_MALFORMED},
        {8, "IPv4, length 0", 4, 60, 0, WG_VERDICT_INNER_MALFORMED},
        {9, "IPv4, shorter than a header", 4, 19, 19, WG_VERDICT_INNER_MALFORMED},
        {10, "a single byte", 4, 1, 1, WG_VERDICT_INNER_MALFORMED},
        {11, "IPv6, unpadded", 6, 60, 60, WG_VERDICT_DATA},
        {12, "IPv6, padded", 6, 64, 60, WG_VERDICT_DATA},
        {13, "IPv6, only a header", 6, 40, 40, WG_VERDICT_DATA},
        {14, "IPv6, a byte missing", 6, 60, 61, WG_VERDICT_INNER_MALFORMED},
        {15, "IPv6, shorter than a header", 6, 39, 40, WG_VERDICT_INNER_MALFORMED},
        {16, "version 5", 5, 60, 60, WG_VERDICT_INNER_MALFORMED},
        {17, "version 0", 0, 60, 60, WG_VERDICT_INNER_MALFORMED},
};

static void test_inner(void **state)
{
        struct pair *p = *state;
        struct wg_keypair *kp = begin(p, true, 1);

        for (size_t i = 0; i < WG_ARRAY_SIZE(inners); i++) {
                uint8_t text[1024] = {0};
                enum wg_verdict verdict;

                if (inners[i].version == 6)
                        packet_ipv6(text, 60, 1, 2);
                else
                        packet_ipv4(text, 60, PAIR_A, PAIR_B);
                text[0] = (uint8_t)(inners[i].version << 4 | (text[0] & 15));
                if (inners[i].version == 6)
                        wg_be16_store(text + 4, (uint16_t)(inners[i].says - 40));
                else
                        wg_be16_store(text + 2, (uint16_t)inners[i].says);
                verdict = receive(p, seal(p, kp, i, text, inners[i].padded));
                if (verdict != inners[i].verdict ||
                    (verdict == WG_VERDICT_DATA && p->b.in.inner_len != inners[i].says))
                        fail_msg("case %d (%s): %s", inners[i].number, inners[i].what,
                                 wg_verdict_name(verdict));
        }
}

/* Longest prefix over all peers: an address inside a's range may still belong to another peer. */
static void test_source(void **state)
{
        static const struct {
                uint32_t source;
                enum wg_verdict verdict;
        } sources[] = {
                {PAIR_A, WG_VERDICT_DATA},
                {0x0a010000, WG_VERDICT_DATA},
                {0x0a0100ff, WG_VERDICT_DATA},
                {0x0a010080, WG_VERDICT_SOURCE_REFUSED},
                {0x0a01008f, WG_VERDICT_SOURCE_REFUSED},
                {0x0a010090, WG_VERDICT_DATA},
                {0x0a010100, WG_VERDICT_SOURCE_REFUSED},
                {PAIR_B, WG_VERDICT_SOURCE_REFUSED},
                {0, WG_VERDICT_SOURCE_REFUSED},
        };
        struct wg_prefix wide = {.ip = {WG_FAMILY_IPV4, {10, 1, 0, 0}}, .cidr = 24};
        struct wg_prefix inside = {.ip = {WG_FAMILY_IPV4, {10, 1, 0, 0x80}}, .cidr = 28};
        struct pair *p = *state;
        struct wg_keypair *kp = begin(p, true, 1);
        struct wg_peer *other;
        uint64_t bytes = 0;

        assert_true(wg_engine_reserve(&p->b.engine, 1, 2));
        other = wg_engine_add_peer(&p->b.engine, (uint8_t[WG_KEY_LEN]){77});
        wg_engine_allow(p->b.peer, &wide);
        wg_engine_allow(other, &inside);
        wg_engine_commit(&p->b.engine, SIZE_MAX);
        for (size_t i = 0; i < WG_ARRAY_SIZE(sources); i++) {
                struct pair_datagram d = seal_ipv4(p, kp, i, sources[i].source);

                d.from.port = (uint16_t)(2000 + i);
                assert_int_equal(receive(p, d), sources[i].verdict);
                assert_int_equal(port_of(p->b.peer), 2000 + i);
                bytes += sources[i].verdict == WG_VERDICT_DATA ? d.len : 0;
                assert_int_equal(p->b.peer->rx_bytes, bytes);
                assert_int_equal(p->b.worker.rx_bytes, bytes);
        }
}

/* RFC 3168, 9.1.1, as in the kernel: congestion on the way marks packets that support ECN, and none
 * is dropped because of it. */
static void test_ecn(void **state)
{
        struct pair *p = *state;
        struct wg_keypair *kp = begin(p, true, 1);
        uint64_t nonce = 0;

        for (uint8_t outer = 0; outer < 4; outer++)
                for (unsigned int tos = 0; tos < 256; tos++) {
                        uint8_t wanted = outer == 3 && tos & 3 ? (uint8_t)(tos | 3) : (uint8_t)tos;
                        uint8_t text[60];
                        struct pair_datagram d;

                        packet_ipv4(text, sizeof(text), PAIR_A, PAIR_B);
                        text[1] = (uint8_t)tos;
                        packet_fix_ipv4(text);
                        d = seal(p, kp, nonce++, text, sizeof(text));
                        d.tos = (uint8_t)(0x88 | outer);
                        assert_int_equal(receive(p, d), WG_VERDICT_DATA);
                        assert_int_equal(p->b.in.inner[1], wanted);
                        assert_int_equal(packet_checksum(p->b.in.inner, 20), 0);

                        packet_ipv6(text, sizeof(text), 1, 2);
                        text[0] = (uint8_t)(0x60 | tos >> 4);
                        text[1] = (uint8_t)(tos << 4);
                        d = seal(p, kp, nonce++, text, sizeof(text));
                        d.tos = outer;
                        assert_int_equal(receive(p, d), WG_VERDICT_DATA);
                        assert_int_equal(p->b.in.inner[0], 0x60 | wanted >> 4);
                        assert_int_equal(p->b.in.inner[1], (uint8_t)(wanted << 4));
                }
}

/* ---- what an authentic packet does ---- */

/* Each of these proves the session, moves the endpoint and counts as received. */
static void test_proof(void **state)
{
        static const uint32_t sources[] = {PAIR_A, 0x0b000001, 0};

        for (size_t i = 0; i < WG_ARRAY_SIZE(sources); i++) {
                struct pair *p = *state;
                struct wg_keypair *kp = begin(p, false, 1);
                struct pair_datagram bad = seal(p, kp, 0, NULL, 0);

                bad.bytes[bad.len - 1] ^= 1;
                assert_int_equal(receive(p, bad), WG_VERDICT_TAG_INVALID);
                assert_null(p->b.peer->current);
                assert_int_equal(p->b.peer->notes.bits, 0);

                receive(p, sources[i] ? seal_ipv4(p, kp, 1, sources[i]) : seal(p, kp, 1, NULL, 0));
                assert_ptr_equal(p->b.peer->current, kp);
                assert_true(p->b.peer->notes.bits & (uint32_t)WG_NOTE_CONFIRMED);
                assert_true(p->b.worker.wants_engine);
                assert_true(wg_send_is_ready(p->b.peer, p->now.ns));
                pair_work(p, &p->b);
                assert_true(pair_has_event(&p->b, WG_EVENT_SESSION_PROVEN));
                assert_ptr_equal(p->b.peer->current_known, kp);
                assert_int_equal(p->b.peer->handshake_real_ns, p->now.real_ns);
                /* Only once. */
                pair_forget(&p->b);
                receive(p, seal_ipv4(p, kp, 2, PAIR_A));
                pair_work(p, &p->b);
                assert_false(pair_has_event(&p->b, WG_EVENT_SESSION_PROVEN));
                pair_teardown(state);
                pair_setup(state);
        }
}

/* All three slots receive. */
static void test_previous_current_and_next(void **state)
{
        struct pair *p = *state;
        struct wg_keypair *previous = begin(p, true, 1), *current = begin(p, true, 2), *next;

        assert_int_equal(receive(p, seal_ipv4(p, previous, 0, PAIR_A)), WG_VERDICT_DATA);
        assert_int_equal(receive(p, seal_ipv4(p, current, 0, PAIR_A)), WG_VERDICT_DATA);
        next = begin(p, false, 3);
        assert_int_equal(receive(p, seal_ipv4(p, current, 1, PAIR_A)), WG_VERDICT_DATA);
        assert_int_equal(receive(p, seal_ipv4(p, next, 0, PAIR_A)), WG_VERDICT_DATA);
        pair_work(p, &p->b);
        assert_int_equal(receive(p, seal_ipv4(p, current, 2, PAIR_A)), WG_VERDICT_DATA);
        assert_int_equal(receive(p, seal_ipv4(p, next, 1, PAIR_A)), WG_VERDICT_DATA);
        /* A new private key stops sending, not receiving. */
        wg_engine_set_identity(&p->b.engine, NULL, p->now);
        assert_int_equal(receive(p, seal_ipv4(p, next, 2, PAIR_A)), WG_VERDICT_DATA);
        assert_false(wg_send_is_ready(p->b.peer, p->now.ns));
}

/* The times that a packet of each kind records for the timers. */
static void test_notes(void **state)
{
        struct pair *p = *state;
        struct wg_keypair *kp = begin(p, true, 1);
        struct wg_peer *peer = p->b.peer;
        uint8_t junk[32] = {0};

        peer->notes.unanswered_ns = 5;
        receive(p, seal(p, kp, 0, NULL, 0));
        assert_int_equal(peer->notes.unanswered_ns, 0);
        assert_int_equal(peer->notes.unacknowledged_ns, 0);
        assert_int_equal(peer->notes.traversal_ns, p->now.ns);
        assert_int_equal(peer->notes.bits, 0);
        assert_int_equal(peer->rx_bytes, 32);

        /* Authentic data counts as data, whatever it contains; but only accepted packets are
         * counted. */
        pair_pass(p, S);
        receive(p, seal(p, kp, 1, junk, sizeof(junk)));
        assert_int_equal(peer->notes.unacknowledged_ns, p->now.ns);
        assert_int_equal(peer->notes.data_received_ns, p->now.ns);
        assert_true(peer->notes.bits & (uint32_t)WG_NOTE_DATA_RECEIVED);
        assert_int_equal(peer->rx_bytes, 32);

        pair_pass(p, S);
        receive(p, seal_ipv4(p, kp, 2, PAIR_A));
        assert_int_equal(peer->notes.unacknowledged_ns, p->now.ns - S);
        assert_int_equal(peer->notes.data_received_ns, p->now.ns);
        assert_int_equal(peer->notes.traversal_ns, p->now.ns);
        assert_int_equal(peer->rx_bytes, 32 + 64 + 32);

        pair_pass(p, S);
        receive(p, seal_ipv4(p, kp, 2, PAIR_A));
        assert_int_equal(peer->notes.traversal_ns, p->now.ns - S);
}

/* An initiator that only receives asks for new keys in time, under the current session. */
static void test_rekey_late(void **state)
{
        static const struct {
                int number;
                uint64_t age;
                bool is_initiator, is_stopped, asks;
        } rows[] = {
                {1, 165 * S - 1, true, false, false},  {2, 165 * S, true, false, true},
                {3, 180 * S - 1, true, false, true},   {4, 180 * S, true, false, false},
                {5, 180 * S - 1, false, false, false}, {6, 165 * S, true, true, false},
        };

        for (size_t i = 0; i < WG_ARRAY_SIZE(rows); i++) {
                struct pair *p = *state;
                struct wg_keypair *kp = begin(p, rows[i].is_initiator, 1);
                bool asks;

                receive(p, seal(p, kp, 0, NULL, 0));
                if (rows[i].is_stopped)
                        wg_session_stop_sending(p->b.peer);
                pair_pass(p, rows[i].age);
                receive(p, seal_ipv4(p, kp, 1, PAIR_A));
                asks = (p->b.peer->notes.bits & (uint32_t)WG_NOTE_REKEY_LATE) != 0;
                if (asks != rows[i].asks)
                        fail_msg("row %d", rows[i].number);
                pair_teardown(state);
                pair_setup(state);
        }
}

static void test_rekey_late_only_by_the_current(void **state)
{
        struct pair *p = *state;
        struct wg_keypair *old = begin(p, true, 1);

        pair_pass(p, 170 * S);
        begin(p, true, 2);
        receive(p, seal_ipv4(p, old, 0, PAIR_A));
        assert_false(p->b.peer->notes.bits & (uint32_t)WG_NOTE_REKEY_LATE);
}

/* ---- batches ---- */

struct batch {
        size_t n;
        struct wg_receive_slot slots[WG_BATCH_MAX];
};

static void add(struct batch *batch, const struct pair_datagram *d)
{
        struct wg_receive_slot *slot = &batch->slots[batch->n++];

        memset(slot, 0xaa, sizeof(*slot));
        slot->buf = malloc(WG_MAX(d->len, 1));
        assert_non_null(slot->buf);
        memcpy(slot->buf, d->bytes, d->len);
        slot->len = d->len;
        slot->tos = d->tos;
        slot->from = d->from;
}

static void add_sealed(struct pair *p, struct batch *batch, const struct wg_keypair *kp,
                       uint64_t nonce, uint32_t source)
{
        struct pair_datagram d = seal_ipv4(p, kp, nonce, source);

        d.from.port = (uint16_t)(3000 + batch->n);
        add(batch, &d);
}

static void clear(struct batch *batch)
{
        while (batch->n)
                free(batch->slots[--batch->n].buf);
}

/* Runs of sessions and peers, interrupted by others and by invalid datagrams. */
static void test_mixed_batch(void **state)
{
        struct pair *p = *state;
        struct wg_prefix prefix = {.ip = {WG_FAMILY_IPV4, {10, 0, 0, 9}}, .cidr = 32};
        struct wg_keypair *old = begin(p, true, 1), *kp = begin(p, true, 2), *of_c;
        struct pair_datagram d = {.len = 3}, tampered = seal_ipv4(p, kp, 50, PAIR_A);
        struct wg_peer *c;
        struct batch batch = {0};
        uint64_t counts[WG_VERDICT_END] = {0};
        static const enum wg_verdict wanted[] = {
                WG_VERDICT_DATA,          WG_VERDICT_DATA,     WG_VERDICT_REPLAYED,
                WG_VERDICT_TAG_INVALID,   WG_VERDICT_DATA,     WG_VERDICT_MALFORMED,
                WG_VERDICT_DATA,          WG_VERDICT_DATA,     WG_VERDICT_SOURCE_REFUSED,
                WG_VERDICT_UNKNOWN_INDEX, WG_VERDICT_REPLAYED, WG_VERDICT_DATA,
                WG_VERDICT_KEEPALIVE,
        };

        assert_true(wg_engine_reserve(&p->b.engine, 1, 1));
        c = wg_engine_add_peer(&p->b.engine, (uint8_t[WG_KEY_LEN]){77});
        wg_engine_allow(c, &prefix);
        wg_engine_commit(&p->b.engine, SIZE_MAX);
        of_c = pair_new_keypair(p, c, true, 3);
        pair_begin_session(c, of_c);
        tampered.bytes[40] ^= 1;

        add_sealed(p, &batch, kp, 0, PAIR_A);
        add_sealed(p, &batch, kp, 2, PAIR_A);
        add_sealed(p, &batch, kp, 0, PAIR_A);
        add(&batch, &tampered);
        add_sealed(p, &batch, kp, 1, PAIR_A);
        add(&batch, &d);
        add_sealed(p, &batch, old, 0, PAIR_A);
        add_sealed(p, &batch, of_c, 0, 0x0a000009);
        add_sealed(p, &batch, of_c, 1, PAIR_A);
        tampered.bytes[WG_DATA_RECEIVER] ^= 1;
        add(&batch, &tampered);
        add_sealed(p, &batch, kp, 2, PAIR_A);
        add_sealed(p, &batch, kp, 3, PAIR_A);
        d = seal(p, kp, 4, NULL, 0);
        add(&batch, &d);
        wg_receive(&p->b.worker, batch.slots, batch.n, p->now.ns);

        assert_int_equal(batch.n, WG_ARRAY_SIZE(wanted));
        for (size_t i = 0; i < batch.n; i++) {
                assert_int_equal(batch.slots[i].verdict, wanted[i]);
                counts[wanted[i]]++;
                if (wanted[i] == WG_VERDICT_DATA)
                        assert_int_equal(wg_be32_load(batch.slots[i].inner + 16), PAIR_B);
        }
        for (size_t v = 0; v < WG_VERDICT_END; v++)
                assert_int_equal(p->b.worker.counters[v], counts[v]);
        /* The last authentic packet of each peer determines its endpoint. */
        assert_int_equal(port_of(p->b.peer), p->a.at.port);
        assert_int_equal(port_of(c), 3008);
        assert_int_equal(p->b.peer->rx_bytes, 5 * 96 + 32);
        assert_int_equal(c->rx_bytes, 96);
        clear(&batch);
}

static void test_replay_inside_a_batch(void **state)
{
        struct pair *p = *state;
        struct wg_keypair *kp = begin(p, false, 1);
        struct batch batch = {0};

        for (size_t i = 0; i < WG_BATCH_MAX; i++)
                add_sealed(p, &batch, kp, i / 2, PAIR_A);
        wg_receive(&p->b.worker, batch.slots, batch.n, p->now.ns);
        for (size_t i = 0; i < batch.n; i++)
                assert_int_equal(batch.slots[i].verdict,
                                 i % 2 ? WG_VERDICT_REPLAYED : WG_VERDICT_DATA);
        /* The last new one, not the last. */
        assert_int_equal(port_of(p->b.peer), 3000 + WG_BATCH_MAX - 2);
        clear(&batch);
        wg_receive(&p->b.worker, batch.slots, 0, p->now.ns);
}

/* A batch decides as its datagrams would one by one: random ones, given to two engines. */
static void random_datagram(struct pair *p, struct wg_keypair *kp, uint64_t first_nonce,
                            struct pair_datagram *d)
{
        struct test_env *t = &p->a.t;
        uint64_t nonce = first_nonce + test_env_below(t, 10);

        *d = seal_ipv4(p, kp, nonce, test_env_below(t, 8) ? PAIR_A : PAIR_B);
        d->from.port = (uint16_t)test_env_random(t);
        if (!test_env_below(t, 8))
                d->bytes[20] ^= 1;
}

static void test_batch_like_single_datagrams(void **state)
{
        struct pair *p = *state, *twin;
        struct wg_keypair *kps[2], *twins[2];
        void *twin_state;

        pair_setup(&twin_state);
        twin = twin_state;
        p->a.t.random = test_seed("receive");
        for (uint32_t i = 0; i < 2; i++) {
                kps[i] = begin(p, true, i);
                twins[i] = begin(twin, true, i);
        }
        for (uint64_t round = 0; round < 300; round++) {
                enum wg_verdict wanted[WG_BATCH_MAX];
                struct batch batch = {0};
                size_t n = test_env_below(&p->a.t, 20);

                for (size_t i = 0; i < n; i++) {
                        uint32_t which = test_env_below(&p->a.t, 2);
                        struct pair_datagram d;

                        random_datagram(p, kps[which], 3 * round, &d);
                        add(&batch, &d);
                        wg_le32_store(d.bytes + WG_DATA_RECEIVER, twins[which]->entry.index);
                        wanted[i] = receive(twin, d);
                }
                wg_receive(&p->b.worker, batch.slots, n, p->now.ns);
                for (size_t i = 0; i < n; i++)
                        assert_int_equal(batch.slots[i].verdict, wanted[i]);
                assert_int_equal(port_of(p->b.peer), port_of(twin->b.peer));
                assert_int_equal(p->b.peer->rx_bytes, twin->b.peer->rx_bytes);
                clear(&batch);
        }
        assert_true(p->b.worker.counters[WG_VERDICT_REPLAYED]);
        pair_teardown(&twin_state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pair_setup, pair_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_data),
                TEST(test_keepalive),
                TEST(test_handshake_messages),
                TEST(test_a_forger_is_mostly_ignored),
                TEST(test_cookie_users_come_first_under_load),
                TEST(test_malformed),
                TEST(test_unknown_index),
                TEST(test_order_of_checks),
                TEST(test_key_age),
                TEST(test_counter_limit),
                TEST(test_tag),
                TEST(test_replay),
                TEST(test_inner),
                TEST(test_source),
                TEST(test_ecn),
                TEST(test_proof),
                TEST(test_previous_current_and_next),
                TEST(test_notes),
                TEST(test_rekey_late),
                TEST(test_rekey_late_only_by_the_current),
                TEST(test_mixed_batch),
                TEST(test_replay_inside_a_batch),
                TEST(test_batch_like_single_datagrams),
        };

        return cmocka_run_group_tests_name("receive", tests, test_crypto_up, test_crypto_down);
}
