/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/send.h"

#include "base/ip.h"
#include "test/lib/cmocka.h"
#include "test/lib/pair.h"

#define S WG_NS_PER_S
#define REJECT WG_REJECT_AFTER_MESSAGES
#define REKEY WG_REKEY_AFTER_MESSAGES

/* A batch, in memory of its own that ends with the tailroom, so that sanitizers see any access
 * beyond. */
struct batch {
        size_t n;
        struct wg_send_slot slots[WG_BATCH_MAX];
};

static uint8_t *add_packet(struct batch *batch, size_t len)
{
        struct wg_send_slot *slot = &batch->slots[batch->n++];

        memset(slot, 0xaa, sizeof(*slot));
        slot->buf = malloc(WG_SEND_HEADROOM + len + WG_SEND_TAILROOM);
        assert_non_null(slot->buf);
        slot->len = (uint32_t)len;
        slot->sealed_len = 0;
        slot->is_more = false;
        return slot->buf + WG_SEND_HEADROOM;
}

static void add_ipv4(struct batch *batch, size_t len, uint32_t destination)
{
        packet_ipv4(add_packet(batch, len), len, PAIR_A, destination);
}

static void add_ipv6(struct batch *batch, size_t len, uint8_t destination)
{
        packet_ipv6(add_packet(batch, len), len, 1, destination);
}

static void clear(struct batch *batch)
{
        while (batch->n)
                free(batch->slots[--batch->n].buf);
}

static void send_batch(struct pair *p, struct batch *batch)
{
        wg_send(&p->a.worker, batch->slots, batch->n, p->now.ns);
}

/* A session of a's peer, begun by a or by the peer. */
static struct wg_keypair *begin(struct pair *p, struct wg_peer *peer, bool is_initiator,
                                uint32_t number)
{
        struct wg_keypair *kp = pair_new_keypair(p, peer, is_initiator, number);

        pair_begin_session(peer, kp);
        if (!is_initiator) {
                assert_true(wg_session_prove(peer, kp));
                wg_session_reconcile(peer);
        }
        return kp;
}

/* Opens a sealed slot; returns the length of the padded plaintext. */
static size_t open_slot(const struct wg_keypair *kp, const struct wg_send_slot *slot,
                        uint64_t nonce, uint8_t *text)
{
        const uint8_t *datagram = slot->buf;

        assert_int_equal(slot->verdict, WG_VERDICT_SEALED);
        assert_int_equal(wg_le32_load(datagram), WG_MESSAGE_DATA);
        assert_int_equal(wg_le32_load(datagram + WG_DATA_RECEIVER), kp->remote_index);
        assert_true(wg_le64_load(datagram + WG_DATA_COUNTER) == nonce);
        assert_true(wg_aead_open(text, datagram + WG_DATA_TEXT, slot->len - WG_DATA_TEXT, NULL, 0,
                                 nonce, kp->send_key));
        return slot->len - WG_DATA_OVERHEAD;
}

/* ---- padding ---- */

static const struct {
        int number;
        const char *what;
        uint32_t mtu, len, padded;
} paddings[] = {
        {1, "the shortest packet", 1420, 20, 32},
        {2, "a multiple of 16", 1420, 32, 32},
        {3, "one more", 1420, 33, 48},
        {4, "one less", 1420, 31, 32},
        {5, "just below the MTU", 1420, 1408, 1408},
        {6, "up to the MTU, which is no multiple", 1420, 1409, 1420},
        {7, "the MTU", 1420, 1420, 1420},
        {8, "the last multiple below it", 1416, 1400, 1408},
        {9, "one more than an MTU: like a packet of 1", 1420, 1421, 1436},
        {10, "an MTU and 16", 1420, 1436, 1436},
        {11, "two MTUs", 1420, 2840, 2840},
        {12, "two MTUs but one", 1420, 2839, 2840},
        {13, "two MTUs and one", 1420, 2841, 2856},
        {14, "no MTU: always a multiple of 16", 0, 1421, 1424},
        {15, "the smallest MTU", 68, 68, 68},
        {16, "the longest packet", 65535, 65535, 65535},
        {17, "the longest, over a small MTU", 1420, 65535, 65544},
        {18, "an MTU above all packets", 100000, 65535, 65536},
};

static void test_padding(void **state)
{
        static uint8_t text[66000], wanted[66000];
        struct pair *p = *state;
        struct wg_keypair *kp = begin(p, p->a.peer, true, 1);

        for (size_t i = 0; i < WG_ARRAY_SIZE(paddings); i++) {
                struct batch batch = {0};
                size_t len;

                wg_engine_set_mtu(&p->a.engine, paddings[i].mtu);
                add_ipv4(&batch, paddings[i].len, PAIR_B);
                memset(wanted, 0, sizeof(wanted));
                memcpy(wanted, batch.slots[0].buf + WG_SEND_HEADROOM, paddings[i].len);
                send_batch(p, &batch);
                len = open_slot(kp, &batch.slots[0], i, text);
                if (len != paddings[i].padded || memcmp(text, wanted, len) != 0)
                        fail_msg("case %d (%s): %zu", paddings[i].number, paddings[i].what, len);
                clear(&batch);
        }
}

/* A keepalive is never padded. */
static void test_empty_packet(void **state)
{
        struct pair *p = *state;
        struct wg_keypair *kp = begin(p, p->a.peer, true, 1);
        struct batch batch = {0};
        uint8_t text[1];

        add_packet(&batch, 0);
        wg_send_to(&p->a.worker, p->a.peer, batch.slots, 1, p->now.ns);
        assert_int_equal(open_slot(kp, &batch.slots[0], 0, text), 0);
        assert_int_equal(batch.slots[0].tos, 0);
        clear(&batch);
}

/* ---- the outer header ---- */

/* RFC 3168, 9.1.1, full functionality: outer = inner, but CE is sent as ECT(0). No DSCP. */
static void test_ecn(void **state)
{
        static const uint8_t outer[] = {0, 1, 2, 2};
        struct pair *p = *state;
        struct batch batch = {0};

        begin(p, p->a.peer, true, 1);
        for (unsigned int tos = 0; tos < 256; tos++) {
                add_ipv4(&batch, 40, PAIR_B);
                batch.slots[0].buf[WG_SEND_HEADROOM + 1] = (uint8_t)tos;
                add_ipv6(&batch, 60, 2);
                batch.slots[1].buf[WG_SEND_HEADROOM] = (uint8_t)(0x60 | tos >> 4);
                batch.slots[1].buf[WG_SEND_HEADROOM + 1] = (uint8_t)(tos << 4);
                send_batch(p, &batch);
                assert_int_equal(batch.slots[0].tos, outer[tos & 3]);
                assert_int_equal(batch.slots[1].tos, outer[tos & 3]);
                clear(&batch);
        }
}

static void test_goes_to_the_endpoint(void **state)
{
        struct wg_endpoint moved = {.ip = {WG_FAMILY_IPV6, {0x20, [15] = 9}},
                                    .port = 9,
                                    .source = {WG_FAMILY_IPV6, {0x20, [15] = 1}},
                                    .source_ifindex = 3};
        struct pair *p = *state;
        struct batch batch = {0};

        begin(p, p->a.peer, true, 1);
        wg_path_write(&p->a.peer->path, &p->a.t.env, &moved);
        add_ipv4(&batch, 40, PAIR_B);
        send_batch(p, &batch);
        assert_true(wg_endpoint_is_same_remote(&batch.slots[0].to, &moved));
        assert_true(wg_ip_equal(&batch.slots[0].to.source, &moved.source));
        assert_int_equal(batch.slots[0].to.source_ifindex, 3);
        clear(&batch);
}

/* ---- routing ---- */

static struct wg_peer *add_peer(struct pair *p, uint8_t number, uint8_t last_byte, uint8_t cidr)
{
        uint8_t key[WG_KEY_LEN] = {number, 99};
        struct wg_prefix prefix = {.ip = {WG_FAMILY_IPV4, {10, 0, 0, last_byte}}, .cidr = cidr};
        struct wg_endpoint at = {.ip = {WG_FAMILY_IPV4, {198, 51, 100, number}}, .port = number};
        struct wg_peer *peer;

        assert_true(wg_engine_reserve(&p->a.engine, 1, 1));
        peer = wg_engine_add_peer(&p->a.engine, key);
        wg_engine_set_endpoint(peer, &at);
        wg_engine_allow(peer, &prefix);
        wg_engine_commit(&p->a.engine, SIZE_MAX);
        return peer;
}

/* One batch to many peers: runs for one peer interrupted by others, by non-IP packets, and by
 * packets without a peer, endpoint or session. */
static void test_mixed_batch(void **state)
{
        enum { B, C, D, E, NOBODY };
        static const struct {
                uint32_t destination; /* 0: not IP */
                size_t len;
                uint8_t whose;
                enum wg_verdict verdict;
                uint64_t nonce;
        } packets[] = {
                {PAIR_B, 40, B, WG_VERDICT_SEALED, 0},
                {PAIR_B, 400, B, WG_VERDICT_SEALED, 1},
                {0x0a000010, 40, C, WG_VERDICT_SEALED, 0},
                {PAIR_B, 41, B, WG_VERDICT_SEALED, 2},
                {0, 40, NOBODY, WG_VERDICT_NOT_IP, 0},
                {PAIR_B, 42, B, WG_VERDICT_SEALED, 3},
                {PAIR_B, 19, NOBODY, WG_VERDICT_NOT_IP, 0},
                {0x0b000001, 40, NOBODY, WG_VERDICT_NO_PEER, 0},
                {0x0b000001, 40, NOBODY, WG_VERDICT_NO_PEER, 0},
                {0x0a000011, 40, C, WG_VERDICT_SEALED, 1},
                {0x0a000010, 40, C, WG_VERDICT_SEALED, 2},
                {0x0a000020, 40, D, WG_VERDICT_NO_ENDPOINT, 0},
                {0x0a000021, 40, D, WG_VERDICT_NO_ENDPOINT, 0},
                {0x0a000030, 40, E, WG_VERDICT_NO_SESSION, 0},
                {0x0a00001f, 40, C, WG_VERDICT_SEALED, 3},
                {0x0a000030, 40, E, WG_VERDICT_NO_SESSION, 0},
                {PAIR_B, 40, B, WG_VERDICT_SEALED, 4},
        };
        struct pair *p = *state;
        struct wg_peer *peers[NOBODY + 1] = {p->a.peer};
        struct wg_keypair *kps[NOBODY + 1] = {NULL};
        struct batch batch = {0};
        uint64_t counts[WG_VERDICT_END] = {0};
        uint8_t text[512];

        peers[C] = add_peer(p, 3, 0x10, 28);
        peers[D] = add_peer(p, 4, 0x20, 28);
        peers[E] = add_peer(p, 5, 0x30, 28);
        wg_path_write(&peers[D]->path, &p->a.t.env, &(struct wg_endpoint){.port = 0});
        for (uint32_t i = 0; i < E; i++)
                kps[i] = begin(p, peers[i], true, 100 + i);
        for (size_t i = 0; i < WG_ARRAY_SIZE(packets); i++) {
                if (packets[i].len >= 20)
                        add_ipv4(&batch, packets[i].len, packets[i].destination);
                else
                        memset(add_packet(&batch, packets[i].len), 0x45, packets[i].len);
                if (!packets[i].destination)
                        batch.slots[i].buf[WG_SEND_HEADROOM] = 0x50;
        }
        send_batch(p, &batch);
        for (size_t i = 0; i < batch.n; i++) {
                const struct wg_send_slot *slot = &batch.slots[i];

                assert_int_equal(slot->verdict, packets[i].verdict);
                assert_ptr_equal(slot->peer, peers[packets[i].whose]);
                counts[slot->verdict]++;
                if (slot->verdict != WG_VERDICT_SEALED) {
                        assert_int_equal(slot->len, packets[i].len);
                        continue;
                }
                open_slot(kps[packets[i].whose], slot, packets[i].nonce, text);
                assert_int_equal(wg_be32_load(text + 16), packets[i].destination);
                assert_int_equal(wg_be16_load(text + 2), packets[i].len);
        }
        for (size_t v = 0; v < WG_VERDICT_END; v++)
                assert_int_equal(p->a.worker.counters[v], counts[v]);
        clear(&batch);
}

/* As if the outer packet of slot `from` of another batch had been routed to us. */
static void add_outer(struct batch *batch, const struct wg_send_slot *from, unsigned int family,
                      bool is_fragment)
{
        size_t header = family == 4 ? 20 : is_fragment ? 48 : 40;
        uint8_t *packet = add_packet(batch, header + 8 + from->len);

        if (family == 4) {
                packet_ipv4(packet, header + 8 + from->len, PAIR_A, PAIR_B);
                packet[6] = is_fragment ? 0x20 : 0;
                packet[9] = 17;
        } else {
                packet_ipv6(packet, header + 8 + from->len, 1, PAIR_B & 0xff);
                packet[6] = is_fragment ? 44 : 17;
                memset(packet + 40, 0, header - 40);
                packet[40] = is_fragment ? 17 : 0;
                packet[43] = is_fragment ? 1 : 0;
        }
        memcpy(packet + header + 8, from->buf, from->len);
}

static void test_routing_loop_is_not_sealed_again(void **state)
{
        struct pair *p = *state;
        struct wg_keypair *kp = begin(p, p->a.peer, true, 1);
        struct batch first = {0}, again = {0};

        add_ipv4(&first, 100, PAIR_B);
        send_batch(p, &first);
        assert_int_equal(first.slots[0].verdict, WG_VERDICT_SEALED);
        for (unsigned int family = 4; family <= 6; family += 2)
                for (unsigned int is_fragment = 0; is_fragment < 2; is_fragment++) {
                        struct wg_send_slot *slots = again.slots;

                        printf("IPv%u, fragment: %u\n", family, is_fragment);
                        add_ipv4(&again, 60, PAIR_B);
                        add_outer(&again, &first.slots[0], family, is_fragment);
                        add_ipv4(&again, 70, PAIR_B);
                        /* Another session's, as of a tunnel inside this one. */
                        add_outer(&again, &first.slots[0], family, is_fragment);
                        slots[3].buf[WG_SEND_HEADROOM +
                                     (family == 4   ? 20
                                      : is_fragment ? 48
                                                    : 40) +
                                     8 + WG_DATA_RECEIVER] ^= 1;
                        wg_send_to(&p->a.worker, p->a.peer, slots, again.n, p->now.ns);
                        assert_int_equal(slots[0].verdict, WG_VERDICT_SEALED);
                        assert_int_equal(slots[1].verdict, WG_VERDICT_LOOP);
                        assert_int_equal(slots[2].verdict, WG_VERDICT_SEALED);
                        assert_int_equal(slots[3].verdict, WG_VERDICT_SEALED);
                        assert_true(wg_le64_load(slots[2].buf + WG_DATA_COUNTER) ==
                                    wg_le64_load(slots[0].buf + WG_DATA_COUNTER) + 1);
                        clear(&again);
                }
        assert_true(kp->send_counter >= 1);
        clear(&first);
}

/* Adjacent slots, as for packets that leave as one superpacket: none may touch the next, even if
 * the MTU changes after they were laid out. */
static void test_slots_without_a_gap(void **state)
{
        static const uint32_t mtus[] = {1420, 0, 1409, 100, 65535};
        static uint8_t memory[1 << 16], text[1 << 12];
        struct pair *p = *state;
        struct wg_keypair *kp = begin(p, p->a.peer, true, 1);
        uint64_t nonce = 0;

        for (size_t i = 0; i < WG_ARRAY_SIZE(mtus); i++) {
                struct wg_send_slot slots[40] = {0};
                uint32_t used = 0;

                wg_engine_set_mtu(&p->a.engine, mtus[i]);
                for (uint32_t at = 0; at < WG_ARRAY_SIZE(slots); at++) {
                        slots[at].buf = memory + used;
                        slots[at].len = 20 + 35 * at;
                        slots[at].sealed_len = wg_send_sealed_len(slots[at].len, mtus[i]);
                        packet_ipv4(slots[at].buf + WG_SEND_HEADROOM, slots[at].len, PAIR_A,
                                    PAIR_B);
                        used += slots[at].sealed_len;
                }
                memset(memory + used, 0x77, 32);
                wg_engine_set_mtu(&p->a.engine, mtus[(i + 1) % WG_ARRAY_SIZE(mtus)]);
                wg_send(&p->a.worker, slots, WG_ARRAY_SIZE(slots), p->now.ns);
                for (uint32_t at = 0; at < WG_ARRAY_SIZE(slots); at++) {
                        assert_int_equal(slots[at].len, slots[at].sealed_len);
                        assert_true(open_slot(kp, &slots[at], nonce++, text) >= 20 + 35 * at);
                        assert_int_equal(wg_be16_load(text + 2), 20 + 35 * at);
                }
                for (uint32_t at = used; at < used + 32; at++)
                        assert_int_equal(memory[at], 0x77);
        }
}

/* Packets cut from one packet go to the same peer as its first part, whatever their own headers
 * say. */
static void test_parts_of_one_packet(void **state)
{
        struct pair *p = *state;
        struct batch first = {0}, batch = {0};

        begin(p, p->a.peer, true, 1);
        add_ipv4(&first, 100, PAIR_B);
        send_batch(p, &first);
        add_ipv4(&batch, 60, PAIR_B);
        batch.slots[0].buf[WG_SEND_HEADROOM + 1] = WG_ECN_CE;
        add_ipv4(&batch, 60, 0xfd000000);
        add_ipv4(&batch, 60, 0xfc000000); /* no peer, also for the packets that follow */
        add_ipv4(&batch, 60, PAIR_B);
        add_outer(&batch, &first.slots[0], 4, 0); /* our own, also for the packets that follow */
        add_ipv4(&batch, 60, PAIR_B);
        add_ipv4(&batch, 60, PAIR_B);
        batch.slots[1].is_more = batch.slots[3].is_more = batch.slots[5].is_more = true;
        send_batch(p, &batch);
        assert_int_equal(batch.slots[0].verdict, WG_VERDICT_SEALED);
        assert_int_equal(batch.slots[1].verdict, WG_VERDICT_SEALED);
        assert_int_equal(batch.slots[1].tos, WG_ECN_ECT0);
        assert_int_equal(batch.slots[2].verdict, WG_VERDICT_NO_PEER);
        assert_int_equal(batch.slots[3].verdict, WG_VERDICT_NO_PEER);
        assert_int_equal(batch.slots[4].verdict, WG_VERDICT_LOOP);
        assert_int_equal(batch.slots[5].verdict, WG_VERDICT_LOOP);
        assert_int_equal(batch.slots[6].verdict, WG_VERDICT_SEALED);
        assert_int_equal(batch.slots[6].tos, 0);
        clear(&batch);
        clear(&first);
}

/* Neighbours that agree in the first bytes of the other family's address are distinguished. */
static void test_families_side_by_side(void **state)
{
        struct pair *p = *state;
        struct batch batch = {0};
        uint8_t *packet;

        begin(p, p->a.peer, true, 1);
        add_ipv4(&batch, 60, 0xfd000000);
        add_ipv6(&batch, 60, 2);
        add_ipv6(&batch, 60, 3);
        add_ipv4(&batch, 60, PAIR_B);
        packet = add_packet(&batch, 39);
        packet_ipv6(batch.slots[1].buf + WG_SEND_HEADROOM, 60, 1, 2);
        memcpy(packet, batch.slots[1].buf + WG_SEND_HEADROOM, 39);
        send_batch(p, &batch);
        assert_int_equal(batch.slots[0].verdict, WG_VERDICT_NO_PEER);
        assert_int_equal(batch.slots[1].verdict, WG_VERDICT_SEALED);
        assert_int_equal(batch.slots[2].verdict, WG_VERDICT_NO_PEER);
        assert_int_equal(batch.slots[3].verdict, WG_VERDICT_SEALED);
        assert_int_equal(batch.slots[4].verdict, WG_VERDICT_NOT_IP);
        clear(&batch);
}

static void test_batch_sizes(void **state)
{
        struct pair *p = *state;
        struct wg_keypair *kp = begin(p, p->a.peer, true, 1);
        struct batch batch = {0};
        uint8_t text[128];

        send_batch(p, &batch);
        for (size_t i = 0; i < WG_BATCH_MAX; i++)
                add_ipv4(&batch, 20 + i % 64, PAIR_B);
        send_batch(p, &batch);
        for (size_t i = 0; i < WG_BATCH_MAX; i++)
                open_slot(kp, &batch.slots[i], i, text);
        assert_int_equal(kp->send_counter, WG_BATCH_MAX);
        assert_int_equal(p->a.worker.counters[WG_VERDICT_SEALED], WG_BATCH_MAX);
        clear(&batch);
}

/* ---- order ---- */

static enum wg_verdict send_one(struct pair *p, uint32_t destination)
{
        struct batch batch = {0};
        enum wg_verdict verdict;

        add_ipv4(&batch, 40, destination);
        send_batch(p, &batch);
        verdict = batch.slots[0].verdict;
        clear(&batch);
        return verdict;
}

/* While a packet is on its way through the engine, later ones follow it. */
static void test_order_behind_waiting_packets(void **state)
{
        struct pair *p = *state;
        struct wg_peer *peer = p->a.peer;

        assert_int_equal(send_one(p, PAIR_B), WG_VERDICT_NO_SESSION);
        begin(p, peer, true, 1);
        assert_true(wg_send_is_ready(peer, p->now.ns));
        assert_int_equal(send_one(p, PAIR_B), WG_VERDICT_NO_SESSION);
        assert_int_equal(wg_waiting_count(&peer->waiting), 2);
        wg_waiting_remove(&peer->waiting, 1);
        assert_int_equal(send_one(p, PAIR_B), WG_VERDICT_NO_SESSION);
        /* A packet that cannot be sent at all is refused first. */
        wg_path_write(&peer->path, &p->a.t.env, &(struct wg_endpoint){.port = 0});
        assert_int_equal(send_one(p, PAIR_B), WG_VERDICT_NO_ENDPOINT);
        assert_int_equal(wg_waiting_count(&peer->waiting), 2);
        wg_path_write(&peer->path, &p->a.t.env, &p->b.at);
        wg_waiting_remove(&peer->waiting, 2);
        assert_int_equal(send_one(p, PAIR_B), WG_VERDICT_SEALED);
        assert_int_equal(wg_waiting_count(&peer->waiting), 0);
}

/* A session begins while a batch is sealed that has packets of another peer in between. */
static struct pair *amid;
static void (*real_seal)(const uint8_t key[WG_AEAD_KEY_LEN], struct wg_aead_packet *packets,
                         size_t n);

static void seal_and_begin(const uint8_t key[WG_AEAD_KEY_LEN], struct wg_aead_packet *packets,
                           size_t n)
{
        real_seal(key, packets, n);
        if (amid)
                begin(amid, amid->a.peer, true, 1);
        amid = NULL;
}

static void test_session_begins_during_a_batch(void **state)
{
        struct pair *p = *state;
        struct wg_aead_backend aead = *p->a.worker.aead;
        struct wg_peer *other = add_peer(p, 3, 3, 32);
        struct batch batch = {0};

        real_seal = aead.seal;
        aead.seal = seal_and_begin;
        p->a.worker.aead = &aead;
        amid = p;
        begin(p, other, true, 2);
        add_ipv4(&batch, 40, PAIR_B);
        add_ipv4(&batch, 40, 0x0a000003);
        add_ipv4(&batch, 40, PAIR_B);
        send_batch(p, &batch);
        assert_null(amid);
        assert_int_equal(batch.slots[0].verdict, WG_VERDICT_NO_SESSION);
        assert_int_equal(batch.slots[1].verdict, WG_VERDICT_SEALED);
        assert_int_equal(batch.slots[2].verdict, WG_VERDICT_NO_SESSION);
        assert_int_equal(wg_waiting_count(&p->a.peer->waiting), 2);
        assert_int_equal(wg_waiting_count(&other->waiting), 0);
        clear(&batch);
}

/* If the engine cannot keep up, excess packets are dropped until it has caught up. */
static void test_too_many_wait(void **state)
{
        struct pair *p = *state;
        struct wg_waiting *waiting = &p->a.peer->waiting;

        for (uint32_t i = 0; i < WG_WAITING_PACKETS_MAX; i++)
                assert_int_equal(send_one(p, PAIR_B), WG_VERDICT_NO_SESSION);
        assert_int_equal(send_one(p, PAIR_B), WG_VERDICT_STAGED_FULL);
        wg_waiting_remove(waiting, 1);
        assert_int_equal(send_one(p, PAIR_B), WG_VERDICT_NO_SESSION);
        begin(p, p->a.peer, true, 1);
        while (wg_waiting_count(waiting)) {
                assert_int_equal(send_one(p, PAIR_B), WG_VERDICT_STAGED_FULL);
                wg_waiting_remove(waiting, 1);
        }
        assert_int_equal(send_one(p, PAIR_B), WG_VERDICT_SEALED);
}

/* The engine's inbox has no room for a worker's packet. */
static void test_refused(void **state)
{
        struct pair *p = *state;

        assert_int_equal(send_one(p, PAIR_B), WG_VERDICT_NO_SESSION);
        wg_worker_refuse(&p->a.worker, p->a.peer);
        assert_int_equal(pair_count(&p->a, WG_VERDICT_STAGED_FULL), 1);
        assert_int_equal(wg_waiting_count(&p->a.peer->waiting), 0);
        begin(p, p->a.peer, true, 1);
        assert_int_equal(send_one(p, PAIR_B), WG_VERDICT_SEALED);
}

/* ---- limits ---- */

/* With this counter, a batch of `n` seals this many, and asks for a new session or does not. */
static const struct {
        int number;
        const char *what;
        uint64_t counter;
        size_t n, sealed;
        bool is_initiator, asks;
} limits[] = {
        {1, "far from any limit", 0, 3, 3, true, false},
        {2, "up to REKEY_AFTER_MESSAGES", REKEY - 3, 3, 3, true, false},
        {3, "one beyond", REKEY - 2, 3, 3, true, true},
        {4, "one beyond, as responder", REKEY - 2, 3, 3, false, true},
        {5, "far beyond", REKEY + 1000, 1, 1, false, true},
        {6, "the last nonces", REJECT - 3, 3, 3, true, true},
        {7, "one too many", REJECT - 2, 3, 2, true, true},
        {8, "two too many", REJECT - 1, 3, 1, false, true},
        {9, "none is left", REJECT, 3, 0, true, false},
        {10, "the end of the counter", UINT64_MAX - 3, 3, 0, true, false},
};

static void test_message_limits(void **state)
{
        uint8_t text[64];

        for (size_t i = 0; i < WG_ARRAY_SIZE(limits); i++) {
                struct pair *p = *state;
                struct wg_keypair *kp = begin(p, p->a.peer, limits[i].is_initiator, 1);
                struct batch batch = {0};
                size_t sealed = 0;
                bool asks;

                kp->send_counter = limits[i].counter;
                for (size_t n = 0; n < limits[i].n; n++)
                        add_ipv4(&batch, 40, PAIR_B);
                send_batch(p, &batch);
                while (sealed < batch.n && batch.slots[sealed].verdict == WG_VERDICT_SEALED) {
                        open_slot(kp, &batch.slots[sealed], limits[i].counter + sealed, text);
                        sealed++;
                }
                for (size_t n = sealed; n < batch.n; n++)
                        assert_int_equal(batch.slots[n].verdict, WG_VERDICT_NO_SESSION);
                asks = (p->a.peer->notes.bits & (uint32_t)WG_NOTE_REKEY) != 0;
                if (sealed != limits[i].sealed || asks != limits[i].asks)
                        fail_msg("case %d (%s): %zu", limits[i].number, limits[i].what, sealed);
                /* The counter never wraps, however often one tries. */
                if (limits[i].counter + limits[i].n >= REJECT)
                        for (int again = 0; again < 1000; again++)
                                assert_false(wg_send_is_ready(p->a.peer, p->now.ns));
                clear(&batch);
                pair_teardown(state);
                pair_setup(state);
        }
}

/* As many threads as possible have all seen room below the limit, and now take a batch each. */
static void test_threads_at_the_limit(void **state)
{
        enum { THREADS = 64 + 1 };
        struct pair *p = *state;
        struct wg_keypair *kp = begin(p, p->a.peer, true, 1);
        unsigned int used = 0;

        kp->send_counter = REJECT - 1;
        for (unsigned int i = 0; i < THREADS; i++) {
                uint64_t nonce = wg_keypair_take_nonces(kp, WG_BATCH_MAX);

                used += nonce < REJECT;
                assert_true(nonce >= REJECT - 1);
        }
        assert_int_equal(used, 1);
        assert_true(kp->send_counter >= REJECT); /* or nonces would be reused */
        assert_false(wg_send_is_ready(p->a.peer, p->now.ns));
}

static const struct {
        int number;
        const char *what;
        uint64_t age;
        bool is_initiator, is_sealed, asks;
} ages[] = {
        {1, "new", 0, true, true, false},
        {2, "not yet old", 120 * S - 1, true, true, false},
        {3, "old", 120 * S, true, true, true},
        {4, "old, but the peer began it", 120 * S, false, true, false},
        {5, "its last moment", 180 * S - 1, true, true, true},
        {6, "its last moment as responder", 180 * S - 1, false, true, false},
        {7, "too old", 180 * S, true, false, false},
        {8, "much too old", 100000 * S, false, false, false},
};

static void test_ages(void **state)
{
        for (size_t i = 0; i < WG_ARRAY_SIZE(ages); i++) {
                struct pair *p = *state;
                struct batch batch = {0};
                bool is_sealed, asks;

                begin(p, p->a.peer, ages[i].is_initiator, 1);
                pair_pass(p, ages[i].age);
                add_ipv4(&batch, 40, PAIR_B);
                send_batch(p, &batch);
                is_sealed = batch.slots[0].verdict == WG_VERDICT_SEALED;
                asks = (p->a.peer->notes.bits & (uint32_t)WG_NOTE_REKEY) != 0;
                if (is_sealed != ages[i].is_sealed || asks != ages[i].asks)
                        fail_msg("case %d (%s)", ages[i].number, ages[i].what);
                if (!is_sealed)
                        assert_int_equal(batch.slots[0].verdict, WG_VERDICT_NO_SESSION);
                clear(&batch);
                pair_teardown(state);
                pair_setup(state);
        }
}

/* ---- what workers record ---- */

static void test_notes_of_data(void **state)
{
        struct pair *p = *state;
        struct wg_peer *peer = p->a.peer;

        begin(p, peer, true, 1);
        pair_work(p, &p->a);
        peer->notes.unacknowledged_ns = 5;
        assert_int_equal(pair_send_any(p, &p->a), WG_VERDICT_SEALED);
        assert_int_equal(peer->notes.unanswered_ns, p->now.ns);
        assert_int_equal(peer->notes.unacknowledged_ns, 0);
        assert_int_equal(peer->notes.traversal_ns, p->now.ns);
        assert_true(peer->notes.bits & (uint32_t)WG_NOTE_DATA_SENT);
        assert_true(p->a.worker.wants_engine);
        /* Only the first counts; the sender counts what is sent. */
        pair_pass(p, S);
        assert_int_equal(pair_send_any(p, &p->a), WG_VERDICT_SEALED);
        assert_int_equal(peer->notes.unanswered_ns, p->now.ns - S);
        assert_int_equal(peer->notes.traversal_ns, p->now.ns);
        assert_int_equal(peer->tx_bytes, 0);
        wg_worker_count_sent(&p->a.worker, peer, 100);
        wg_worker_count_sent(&p->a.worker, peer, 32);
        assert_int_equal(peer->tx_bytes, 132);
        assert_int_equal(p->a.worker.tx_bytes, 132);
}

/* An empty packet needs no reply, and nothing is recorded about packets that were not sent. */
static void test_notes_of_other_packets(void **state)
{
        struct pair *p = *state;
        struct wg_peer *peer = p->a.peer;
        struct batch batch = {0};

        assert_int_equal(pair_send_any(p, &p->a), WG_VERDICT_NO_SESSION);
        assert_int_equal(peer->notes.traversal_ns, 0);
        assert_int_equal(peer->notes.unanswered_ns, 0);
        assert_int_equal(peer->notes.bits, 0);
        begin(p, peer, true, 1);
        peer->notes.unacknowledged_ns = 5;
        add_packet(&batch, 0);
        wg_send_to(&p->a.worker, peer, batch.slots, 1, p->now.ns);
        assert_int_equal(batch.slots[0].verdict, WG_VERDICT_SEALED);
        assert_int_equal(peer->notes.unanswered_ns, 0);
        assert_int_equal(peer->notes.unacknowledged_ns, 0);
        assert_int_equal(peer->notes.traversal_ns, p->now.ns);
        assert_int_equal(peer->notes.bits, 0);
        clear(&batch);
}

/* Steady traffic does not wake the engine: the second packet of a kind finds the note set. */
static void test_wakes_the_engine_once(void **state)
{
        struct pair *p = *state;

        begin(p, p->a.peer, true, 1);
        pair_send_any(p, &p->a);
        assert_true(p->a.worker.wants_engine);
        pair_work(p, &p->a);
        for (int i = 0; i < 14; i++) {
                p->a.worker.wants_engine = false;
                pair_pass(p, S);
                pair_send_any(p, &p->a);
                assert_false(p->a.worker.wants_engine);
                assert_true(wg_engine_deadline(&p->a.engine) > p->now.ns);
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pair_setup, pair_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_padding),
                TEST(test_empty_packet),
                TEST(test_ecn),
                TEST(test_goes_to_the_endpoint),
                TEST(test_mixed_batch),
                TEST(test_routing_loop_is_not_sealed_again),
                TEST(test_slots_without_a_gap),
                TEST(test_parts_of_one_packet),
                TEST(test_families_side_by_side),
                TEST(test_batch_sizes),
                TEST(test_order_behind_waiting_packets),
                TEST(test_session_begins_during_a_batch),
                TEST(test_too_many_wait),
                TEST(test_refused),
                TEST(test_message_limits),
                TEST(test_threads_at_the_limit),
                TEST(test_ages),
                TEST(test_notes_of_data),
                TEST(test_notes_of_other_packets),
                TEST(test_wakes_the_engine_once),
        };

        return cmocka_run_group_tests_name("send", tests, test_crypto_up, test_crypto_down);
}
