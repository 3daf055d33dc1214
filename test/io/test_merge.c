/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_merge.c - io/merge.h. Cases are two packets of a flow that differ in one thing, and rows of
 * lengths. Then follow streams of many flows with everything that may happen to them: cutting a run
 * again must give its packets, in the order of each flow, and the runs must be those of a naive
 * coalescer (merge_check.h). */
#include "io/merge.h"

#include <stdio.h>

#include "test/lib/cmocka.h"
#include "test/lib/merge_check.h"

enum { ALL_KINDS = 1u << TL_OFFLOAD_TCP4 | 1u << TL_OFFLOAD_TCP6 | 1u << TL_OFFLOAD_UDP };

static struct tl_merge merge;
static struct merge_batch batch;
static unsigned int compared; /* batches compared with the naive coalescer */

/* Merges the batch, checks it, and forgets it. Returns the number of runs. */
static unsigned int arrange(uint32_t kinds, const char *what)
{
        struct naive_merge naive;
        const char *fault = NULL;

        tl_merge(&merge, batch.packets, batch.count, kinds);
        if (merge_count_flows(&batch, kinds) <= MERGE_OPEN_AT_ONCE) {
                naive_merge(&naive, &batch, kinds);
                fault = merge_differs(&merge, &naive);
                compared++;
        }
        if (!fault)
                fault = merge_fault(&merge, &batch);
        if (fault)
                fail_msg("%s: %s", what, fault);
        merge_batch_done(&batch);
        return merge.count;
}

/* ---- two packets that differ in one thing ---- */

enum { TCP4, TCP6, UDP4, UDP6 };

static const struct {
        const char *what;
        int packets;           /* TCP4 .. UDP6 */
        int at;                /* offset of a byte; not one computed from others */
        uint8_t first, second; /* changed by these (exclusive or) */
        unsigned int runs;
        bool has_wrong_checksum; /* or set to its value before the change */
} cases[] = {
        {"TCP4, nothing", TCP4, 0, 0, 0, 1, false},
        {"TCP4, TOS", TCP4, 1, 0, 0x10, 2, false},
        {"TCP4, TOS in both", TCP4, 1, 0x10, 0x10, 1, false},
        {"TCP4, ECN", TCP4, 1, 0, 0x03, 2, false},
        {"TCP4, ECN in both", TCP4, 1, 0x03, 0x03, 1, false},
        {"TCP4, constant identification", TCP4, 5, 0, 0x01, 1, false},
        {"TCP4, identification skips", TCP4, 5, 0, 0x02, 2, false},
        {"TCP4, identification goes back", TCP4, 5, 0x02, 0x00, 2, false},
        {"TCP4, identification far away", TCP4, 4, 0, 0x80, 2, false},
        {"TCP4, DF in the first", TCP4, 6, 0, 0x40, 2, false},
        {"TCP4, DF in neither", TCP4, 6, 0x40, 0x40, 1, false},
        {"TCP4, the reserved bit", TCP4, 6, 0x80, 0x80, 2, false},
        {"TCP4, more fragments", TCP4, 6, 0x60, 0x60, 2, false},
        {"TCP4, a later fragment", TCP4, 7, 0x01, 0x01, 2, false},
        {"TCP4, TTL", TCP4, 8, 0, 0x01, 2, false},
        {"TCP4, TTL in both", TCP4, 8, 0x01, 0x01, 1, false},
        {"TCP4, another protocol", TCP4, 9, 0x80, 0x80, 2, false},
        {"TCP4, IP checksum of the first", TCP4, 10, 0x01, 0, 2, true},
        {"TCP4, IP checksum of the second", TCP4, 11, 0, 0x80, 2, true},
        {"TCP4, source", TCP4, 15, 0, 0x01, 2, false},
        {"TCP4, destination", TCP4, 16, 0, 0x01, 2, false},
        {"TCP4, source port", TCP4, 20, 0, 0x01, 2, false},
        {"TCP4, destination port", TCP4, 23, 0, 0x80, 2, false},
        {"TCP4, sequence", TCP4, 24, 0, 0x80, 2, false},
        {"TCP4, sequence, last byte", TCP4, 27, 0, 0x01, 2, false},
        {"TCP4, acknowledgement", TCP4, 28, 0, 0x01, 2, false},
        {"TCP4, acknowledgement, last byte", TCP4, 31, 0, 0x01, 2, false},
        {"TCP4, a longer header", TCP4, 32, 0, 0x10, 2, false},
        {"TCP4, a reserved bit", TCP4, 32, 0, 0x01, 2, false},
        {"TCP4, a reserved bit in both", TCP4, 32, 0x01, 0x01, 1, false},
        {"TCP4, a header that is too short", TCP4, 32, 0xc0, 0xc0, 2, false},
        {"TCP4, a header without payload", TCP4, 32, 0x70, 0x70, 2, false},
        {"TCP4, FIN", TCP4, 33, 0, 0x01, 2, false},
        {"TCP4, FIN in both", TCP4, 33, 0x01, 0x01, 2, false},
        {"TCP4, SYN", TCP4, 33, 0, 0x02, 2, false},
        {"TCP4, SYN in both", TCP4, 33, 0x02, 0x02, 2, false},
        {"TCP4, RST", TCP4, 33, 0, 0x04, 2, false},
        {"TCP4, RST in both", TCP4, 33, 0x04, 0x04, 2, false},
        {"TCP4, PSH in the second", TCP4, 33, 0, 0x08, 1, false},
        {"TCP4, PSH in the first", TCP4, 33, 0x08, 0, 2, false},
        {"TCP4, PSH in both", TCP4, 33, 0x08, 0x08, 2, false},
        {"TCP4, no ACK", TCP4, 33, 0, 0x10, 2, false},
        {"TCP4, no ACK in both", TCP4, 33, 0x10, 0x10, 2, false},
        {"TCP4, URG", TCP4, 33, 0, 0x20, 2, false},
        {"TCP4, URG in both", TCP4, 33, 0x20, 0x20, 2, false},
        {"TCP4, ECE", TCP4, 33, 0, 0x40, 2, false},
        {"TCP4, ECE in both", TCP4, 33, 0x40, 0x40, 1, false},
        {"TCP4, CWR", TCP4, 33, 0, 0x80, 2, false},
        {"TCP4, CWR in the first", TCP4, 33, 0x80, 0, 2, false},
        {"TCP4, CWR in both", TCP4, 33, 0x80, 0x80, 2, false},
        {"TCP4, window", TCP4, 34, 0, 0x01, 2, false},
        {"TCP4, checksum of the first", TCP4, 36, 0x01, 0, 2, true},
        {"TCP4, checksum of the second", TCP4, 37, 0, 0x01, 2, true},
        {"TCP4, urgent pointer", TCP4, 39, 0, 0x01, 2, false},
        {"TCP4, first byte of options", TCP4, 40, 0, 0x01, 2, false},
        {"TCP4, last byte of options", TCP4, 51, 0, 0x01, 2, false},
        {"TCP4, options in both", TCP4, 51, 0x01, 0x01, 1, false},
        {"TCP4, payload", TCP4, 52, 0, 0x01, 1, false},
        {"TCP4, payload of the first corrupted", TCP4, 60, 0x01, 0, 2, true},
        {"TCP4, payload of the second corrupted", TCP4, 61, 0, 0x40, 2, true},
        {"TCP6, nothing", TCP6, 0, 0, 0, 1, false},
        {"TCP6, traffic class", TCP6, 0, 0, 0x01, 2, false},
        {"TCP6, ECN", TCP6, 1, 0, 0x10, 2, false},
        {"TCP6, ECN in both", TCP6, 1, 0x30, 0x30, 1, false},
        {"TCP6, flow label", TCP6, 3, 0, 0x01, 2, false},
        {"TCP6, an extension header", TCP6, 6, 0x3a, 0x3a, 2, false},
        {"TCP6, hop limit", TCP6, 7, 0, 0x01, 2, false},
        {"TCP6, first byte of the source", TCP6, 8, 0, 0x01, 2, false},
        {"TCP6, last byte of the destination", TCP6, 39, 0, 0x01, 2, false},
        {"TCP6, ports", TCP6, 43, 0, 0x01, 2, false},
        {"TCP6, sequence", TCP6, 47, 0, 0x01, 2, false},
        {"TCP6, options", TCP6, 71, 0, 0x01, 2, false},
        {"TCP6, payload corrupted", TCP6, 80, 0, 0x01, 2, true},
        {"TCP6, source corrupted in both", TCP6, 8, 0x01, 0x01, 2, true},
        {"UDP4, nothing", UDP4, 0, 0, 0, 1, false},
        {"UDP4, TOS", UDP4, 1, 0, 0x01, 2, false},
        {"UDP4, constant identification", UDP4, 5, 0, 0x01, 1, false},
        {"UDP4, identification skips", UDP4, 5, 0, 0x03, 2, false},
        {"UDP4, ports", UDP4, 21, 0, 0x01, 2, false},
        {"UDP4, length", UDP4, 25, 0, 0x01, 2, false},
        {"UDP4, length in both", UDP4, 24, 0x01, 0x01, 2, false},
        {"UDP4, checksum of the first", UDP4, 26, 0x01, 0, 2, true},
        {"UDP4, payload of the second corrupted", UDP4, 40, 0, 0x01, 2, true},
        {"UDP6, nothing", UDP6, 0, 0, 0, 1, false},
        {"UDP6, flow label", UDP6, 2, 0, 0x01, 2, false},
        {"UDP6, payload of the first corrupted", UDP6, 60, 0x01, 0, 2, true},
};

/* Adds `count` packets of a flow whose payloads have these lengths; the first is the longest.
 * Identification and sequence number begin at fixed values, the rest comes from the seed. */
static void add_flow(struct test_env *t, int packets, const uint32_t *lens, unsigned int count)
{
        struct shape s = {.family = packets == TCP4 || packets == UDP4 ? 4 : 6,
                          .is_udp = packets >= UDP4,
                          .ttl = 64,
                          .flags = 0x10,
                          .fragment = 0x4000,
                          .segment = UINT16_MAX};
        static uint8_t packet[SUPERPACKET_MAX], base[SUPERPACKET_MAX];
        uint32_t sequence = 0x01fffff0;

        s.ip_len = s.family == 4 ? 20 : 40;
        s.transport_len = s.is_udp ? 8 : 32;
        s.payload = 60000;
        superpacket_make(t, base, &s);
        base[3] ^= s.family == 6; /* a flow label */
        for (unsigned int i = 0; i < count; i++) {
                uint8_t *transport = packet + s.ip_len;
                uint32_t len = shape_headers(&s) + lens[i];

                memcpy(packet, base, len);
                if (s.family == 4) {
                        wg_be16_store(packet + 2, (uint16_t)len);
                        wg_be16_store(packet + 4, (uint16_t)(0x1000 + i));
                } else {
                        wg_be16_store(packet + 4, (uint16_t)(len - 40));
                }
                if (s.is_udp)
                        wg_be16_store(transport + 4, (uint16_t)(len - s.ip_len));
                else
                        wg_be32_store(transport + 4, sequence);
                sequence += lens[i];
                test_env_fill(t, packet + shape_headers(&s), lens[i]);
                superpacket_refresh(packet, len);
                merge_batch_add(&batch, packet, len);
        }
}

static void change(unsigned int i, int at, uint8_t by, bool has_wrong_checksum)
{
        struct tl_packet *p = &batch.packets[i];

        p->buf[at] ^= by;
        if (!has_wrong_checksum)
                superpacket_refresh(p->buf, p->len);
        memcpy(batch.was[i], p->buf, p->len);
}

static void test_pairs(void **state WG_UNUSED)
{
        static const uint32_t lens[] = {100, 100};
        struct test_env t;

        test_env_init(&t, test_seed("merge, pairs"));
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                unsigned int runs;

                add_flow(&t, cases[i].packets, lens, 2);
                change(0, cases[i].at, cases[i].first, cases[i].has_wrong_checksum);
                change(1, cases[i].at, cases[i].second, cases[i].has_wrong_checksum);
                runs = arrange(ALL_KINDS, cases[i].what);
                if (runs != cases[i].runs)
                        fail_msg("%s: %u runs", cases[i].what, runs);
        }
}

/* ---- lengths ---- */

static const struct {
        const char *what;
        uint32_t lens[8]; /* of payloads; 0 ends the row, unless more follow */
        unsigned int count;
        const char *runs; /* their sizes */
} rows[] = {
        {"one", {100}, 1, "1"},
        {"equal", {100, 100, 100}, 3, "3"},
        {"a shorter one ends it", {100, 100, 99}, 3, "3"},
        {"one byte ends it", {100, 1}, 2, "2"},
        {"nothing is added after a shorter one", {100, 50, 50}, 3, "2 1"},
        {"which begins the next run", {100, 50, 100, 100, 50}, 5, "2 3"},
        {"a longer one", {100, 101}, 2, "1 1"},
        {"a longer one later", {100, 100, 101, 101}, 4, "2 2"},
        {"no payload", {100, 0, 100}, 3, "1 1 1"},
        {"no payload in the first", {0, 100, 100}, 3, "1 2"},
        {"no payload in the last", {100, 100, 0}, 3, "2 1"},
        {"one byte each", {1, 1, 1, 1}, 4, "4"},
        {"as long as possible", {30000, 30000, 5000}, 3, "3"},
        {"longer than possible", {30000, 30000, 30000, 30000}, 4, "2 2"},
};

static void expect_sizes(const char *what, const char *wanted)
{
        char found[64] = "";
        size_t len = 0;

        for (unsigned int r = 0; r < merge.count; r++)
                len += (size_t)snprintf(found + len, sizeof(found) - len, "%s%u", r ? " " : "",
                                        merge.runs[r].count);
        if (strcmp(found, wanted) != 0)
                fail_msg("%s: runs of %s instead of %s", what, found, wanted);
}

static void test_lengths(void **state WG_UNUSED)
{
        struct test_env t;

        test_env_init(&t, test_seed("merge, lengths"));
        for (size_t i = 0; i < WG_ARRAY_SIZE(rows); i++)
                for (int packets = TCP4; packets <= UDP6; packets++) {
                        add_flow(&t, packets, rows[i].lens, rows[i].count);
                        arrange(ALL_KINDS, rows[i].what);
                        expect_sizes(rows[i].what, rows[i].runs);
                }
}

/* The longest superpacket has 65535 bytes, including headers. */
static void test_the_longest(void **state WG_UNUSED)
{
        static const uint32_t headers[] = {52, 72, 28, 48};
        uint32_t lens[TL_MERGE_MAX];
        struct test_env t;

        test_env_init(&t, test_seed("merge, the longest"));
        for (int packets = TCP4; packets <= UDP6; packets++)
                for (uint32_t more = 0; more < 3; more++) {
                        lens[0] = lens[1] = 25000;
                        lens[2] = 65535 - headers[packets] - 50000 - 1 + more;
                        add_flow(&t, packets, lens, 3);
                        arrange(ALL_KINDS, "the longest");
                        expect_sizes("the longest", more == 2 ? "2 1" : "3");
                }
        for (unsigned int i = 0; i < TL_MERGE_MAX; i++)
                lens[i] = 100;
        add_flow(&t, TCP6, lens, TL_MERGE_MAX);
        arrange(ALL_KINDS, "all of a batch");
        expect_sizes("all of a batch", "128");
        add_flow(&t, UDP4, lens, TL_MERGE_MAX);
        arrange(ALL_KINDS, "all of a batch");
        expect_sizes("all of a batch", "64 64");
        add_flow(&t, UDP6, lens, 65);
        arrange(ALL_KINDS, "one more than 64");
        expect_sizes("one more than 64", "64 1");
        tl_merge(&merge, NULL, 0, ALL_KINDS);
        assert_int_equal(merge.count, 0);
}

/* Each kind can be disabled. */
static void test_kinds(void **state WG_UNUSED)
{
        static const uint32_t lens[] = {100, 100};
        struct test_env t;

        test_env_init(&t, test_seed("merge, kinds"));
        for (uint32_t kinds = 0; kinds < 16; kinds++)
                for (int packets = TCP4; packets <= UDP6; packets++) {
                        static const uint8_t kind[] = {TL_OFFLOAD_TCP4, TL_OFFLOAD_TCP6,
                                                       TL_OFFLOAD_UDP, TL_OFFLOAD_UDP};

                        add_flow(&t, packets, lens, 2);
                        assert_int_equal(arrange(kinds, "kinds"),
                                         kinds & 1u << kind[packets] ? 1 : 2);
                }
}

/* ---- checksums ---- */

/* Changes the last two bytes of a packet so that its TCP checksum is 0. */
static void make_checksum_zero(unsigned int i, uint32_t ip_len)
{
        struct tl_packet *p = &batch.packets[i];
        uint8_t *last = p->buf + p->len - 2, *field = p->buf + ip_len + 16;
        uint32_t sum = (uint32_t)wg_be16_load(last) + wg_be16_load(field);

        wg_be16_store(last, (uint16_t)(sum > 0xffff ? sum - 0xffff : sum));
        superpacket_refresh(p->buf, p->len);
        assert_int_equal(wg_be16_load(field), 0);
        memcpy(batch.was[i], p->buf, p->len);
}

/* All ones are as correct as all zeros. The segmenter makes zeros, so a packet with ones is not
 * merged. */
static void test_two_forms_of_a_checksum(void **state WG_UNUSED)
{
        static const uint32_t lens[] = {100, 100};
        struct test_env t;

        test_env_init(&t, test_seed("merge, two forms"));
        for (int packets = TCP4; packets <= TCP6; packets++) {
                uint32_t ip_len = packets == TCP4 ? 20 : 40;

                for (unsigned int i = 0; i < 2; i++) {
                        add_flow(&t, packets, lens, 2);
                        make_checksum_zero(i, ip_len);
                        assert_int_equal(arrange(ALL_KINDS, "zeros"), 1);
                        add_flow(&t, packets, lens, 2);
                        make_checksum_zero(i, ip_len);
                        memset(batch.packets[i].buf + ip_len + 16, 0xff, 2);
                        memset(batch.was[i] + ip_len + 16, 0xff, 2);
                        assert_int_equal(arrange(ALL_KINDS, "ones"), 2);
                }
        }
}

/* A datagram without a checksum has nothing to verify. */
static void test_udp_without_checksum(void **state WG_UNUSED)
{
        static const uint32_t lens[] = {100, 100};
        struct test_env t;

        test_env_init(&t, test_seed("merge, no checksum"));
        for (unsigned int i = 0; i < 3; i++) {
                add_flow(&t, UDP4, lens, 2);
                for (unsigned int j = 0; j < 2; j++)
                        if (i == j || i == 2) {
                                memset(batch.packets[j].buf + 26, 0, 2);
                                memset(batch.was[j] + 26, 0, 2);
                        }
                assert_int_equal(arrange(ALL_KINDS, "no checksum"), 2);
        }
}

/* A corrupted packet is not merged, wherever it is; its neighbours are merged without it. */
static void test_corruption_is_never_merged(void **state WG_UNUSED)
{
        static const uint32_t lens[] = {60, 60, 60, 60, 60};
        static const char *const sizes[] = {"1 4", "1 1 3", "2 1 2", "3 1 1", "4 1"};
        struct test_env t;

        test_env_init(&t, test_seed("merge, corruption"));
        for (int packets = TCP4; packets <= UDP6; packets++)
                for (unsigned int i = 0; i < 5; i++)
                        for (int round = 0; round < 100; round++) {
                                uint32_t payload, at;

                                add_flow(&t, packets, lens, 5);
                                payload = batch.packets[i].len - 60;
                                at = payload + test_env_below(&t, 60);
                                change(i, (int)at, (uint8_t)(1 + test_env_below(&t, 255)), true);
                                arrange(ALL_KINDS, "corruption");
                                expect_sizes("corruption", sizes[i]);
                        }
}

/* ---- several flows ---- */

/* The first bytes of each packet's ports identify its flow. */
static void set_flow(unsigned int from, unsigned int count, uint8_t flow)
{
        for (unsigned int i = from; i < from + count; i++)
                change(i, batch.packets[i].buf[0] >> 4 == 4 ? 20 : 40, flow, false);
}

static void swap(unsigned int a, unsigned int b)
{
        struct tl_packet packet = batch.packets[a];
        uint8_t *was = batch.was[a];

        batch.packets[a] = batch.packets[b];
        batch.was[a] = batch.was[b];
        batch.packets[b] = packet;
        batch.was[b] = was;
}

/* One packet of each flow in turn, repeatedly. */
static void interleave(struct test_env *t, unsigned int flows, unsigned int each)
{
        static struct tl_packet packets[TL_MERGE_MAX];
        static uint8_t *was[TL_MERGE_MAX];
        uint32_t lens[TL_MERGE_MAX];

        for (unsigned int i = 0; i < each; i++)
                lens[i] = 100;
        for (unsigned int flow = 0; flow < flows; flow++) {
                add_flow(t, (int)flow % 4, lens, each);
                set_flow(flow * each, each, (uint8_t)flow);
        }
        memcpy(packets, batch.packets, sizeof(packets));
        memcpy(was, batch.was, sizeof(was));
        for (unsigned int i = 0; i < flows * each; i++) {
                batch.packets[i] = packets[i % flows * each + i / flows];
                batch.was[i] = was[i % flows * each + i / flows];
        }
}

static void test_interleaved_flows(void **state WG_UNUSED)
{
        struct test_env t;

        test_env_init(&t, test_seed("merge, interleaved"));
        for (unsigned int flows = 1; flows <= 16; flows++) {
                interleave(&t, flows, TL_MERGE_MAX / flows);
                assert_int_equal(arrange(ALL_KINDS, "interleaved"), flows);
                for (unsigned int r = 0; r < merge.count; r++)
                        assert_int_equal(merge.runs[r].count,
                                         WG_MIN(TL_MERGE_MAX / flows, r % 4 < 2 ? 128u : 64u));
        }
}

/* More flows at once than open runs: some are closed early, with no other effect. */
static void test_more_flows_than_open_runs(void **state WG_UNUSED)
{
        struct test_env t;

        test_env_init(&t, test_seed("merge, many flows"));
        for (unsigned int flows = 17; flows <= 64; flows++) {
                interleave(&t, flows, TL_MERGE_MAX / flows);
                assert_true(arrange(ALL_KINDS, "many flows") >= flows);
        }
}

static void test_order_is_the_sequence(void **state WG_UNUSED)
{
        static const uint32_t lens[] = {100, 100, 100, 100};
        struct test_env t;

        test_env_init(&t, test_seed("merge, order"));
        for (int packets = TCP4; packets <= TCP6; packets++) {
                add_flow(&t, packets, lens, 4);
                swap(1, 2); /* packets out of order stay so */
                arrange(ALL_KINDS, "out of order");
                expect_sizes("out of order", "1 1 1 1");
                add_flow(&t, packets, lens, 4);
                add_flow(&t, packets, lens, 2); /* so does a repeated one, here of another flow */
                arrange(ALL_KINDS, "again");
                expect_sizes("again", "4 2");
        }
}

/* ---- streams ---- */

enum { STREAM_FLOWS = 16 };

struct flow {
        struct shape shape;
        uint8_t headers[120];
        uint32_t sequence;
        uint16_t id, id_step;
};

/* Small addresses and ports, so that flows have much in common. */
static void begin_flow(struct test_env *t, struct flow *flow, unsigned int number)
{
        static uint8_t packet[SUPERPACKET_MAX];
        struct shape *s = &flow->shape;
        uint8_t *transport = packet;

        *s = shape_random(t);
        s->ip_len = s->family == 4 ? 20 : 40;
        s->flags = 0x10;
        s->segment = (uint16_t)(1 + test_env_below(t, test_env_below(t, 6) ? 60 : 1400));
        s->payload = s->segment;
        superpacket_make(t, packet, s);
        transport += s->ip_len;
        packet[s->family == 4 ? 15 : 23] = (uint8_t)(number & 1);
        wg_be16_store(transport, (uint16_t)(number >> 1 & 1));
        wg_be16_store(transport + 2, (uint16_t)(number >> 2));
        memcpy(flow->headers, packet, shape_headers(s));
        flow->sequence = (uint32_t)test_env_random(t);
        flow->id = (uint16_t)test_env_random(t);
        flow->id_step = test_env_below(t, 3) ? 1 : 0;
}

/* What happens to a packet on its way, or to its flow before it. */
static void trouble(struct test_env *t, struct flow *flow, uint8_t *packet, uint32_t *len)
{
        uint32_t headers = shape_headers(&flow->shape);
        uint8_t *transport = packet + flow->shape.ip_len;

        switch (test_env_below(t, 12)) {
        case 0: /* a bit flips */
                packet[test_env_below(t, *len)] ^= (uint8_t)(1u << test_env_below(t, 8));
                return;
        case 1: /* the same, with corrected checksums */
                packet[test_env_below(t, *len)] ^= (uint8_t)(1u << test_env_below(t, 8));
                break;
        case 2: /* it is truncated */
                *len = test_env_below(t, *len + 1);
                return;
        case 3: /* a fragment, or something that looks like one */
                packet[6] ^= 0x20;
                break;
        case 4:
                wg_be16_store(transport + (flow->shape.is_udp ? 6 : 16), 0);
                return;
        case 5: /* not IP */
                packet[0] = (uint8_t)test_env_random(t);
                return;
        case 6: /* lost: the next one does not follow */
                flow->sequence += 1000;
                return;
        case 7: /* the other side acknowledged more */
                if (!flow->shape.is_udp)
                        flow->headers[flow->shape.ip_len + 11]++;
                return;
        case 8:
                if (!flow->shape.is_udp)
                        transport[13] = (uint8_t)test_env_random(t);
                break;
        case 9: /* ICMP */
                packet[flow->shape.family == 4 ? 9 : 6] = flow->shape.family == 4 ? 1 : 58;
                break;
        case 10: /* no payload */
                *len = headers;
                wg_be16_store(packet + (flow->shape.family == 4 ? 2 : 4),
                              (uint16_t)(flow->shape.family == 4 ? *len : *len - 40));
                if (flow->shape.is_udp)
                        wg_be16_store(transport + 4, 8);
                break;
        default: /* another segment size from now on */
                flow->shape.segment = (uint16_t)(1 + test_env_below(t, 60));
                return;
        }
        superpacket_refresh(packet, *len);
}

static void add_packet(struct test_env *t, struct flow *flow, unsigned int one_in)
{
        static uint8_t packet[SUPERPACKET_MAX];
        const struct shape *s = &flow->shape;
        uint8_t *transport = packet + s->ip_len;
        uint32_t payload = s->segment, len;

        if (!test_env_below(t, 6))
                payload = 1 + test_env_below(t, s->segment);
        len = shape_headers(s) + payload;
        memcpy(packet, flow->headers, shape_headers(s));
        test_env_fill(t, packet + shape_headers(s), payload);
        if (s->family == 4) {
                wg_be16_store(packet + 2, (uint16_t)len);
                wg_be16_store(packet + 4, flow->id);
        } else {
                wg_be16_store(packet + 4, (uint16_t)(len - 40));
        }
        if (s->is_udp) {
                wg_be16_store(transport + 4, (uint16_t)(len - s->ip_len));
        } else {
                wg_be32_store(transport + 4, flow->sequence);
                transport[13] |= test_env_below(t, 8) ? 0 : 0x08;
        }
        flow->sequence += payload;
        flow->id = (uint16_t)(flow->id + flow->id_step);
        superpacket_refresh(packet, len);
        if (!test_env_below(t, one_in))
                trouble(t, flow, packet, &len);
        merge_batch_add(&batch, packet, len);
}

static void test_streams(void **state WG_UNUSED)
{
        static struct flow flows[STREAM_FLOWS];
        unsigned int in = 0, out = 0;
        struct test_env t;

        test_env_init(&t, test_seed("merge, streams"));
        compared = 0;
        for (int step = 0; step < 1500; step++) {
                unsigned int count = test_env_below(&t, TL_MERGE_MAX + 1);
                unsigned int flow_count = 1 + test_env_below(&t, step % 4 ? 4 : STREAM_FLOWS);
                unsigned int one_in = 2 + test_env_below(&t, 60);
                char what[32];

                for (unsigned int i = 0; i < flow_count; i++)
                        begin_flow(&t, &flows[i], i);
                while (batch.count < count) {
                        struct flow *flow = &flows[test_env_below(&t, flow_count)];

                        for (uint32_t n = test_env_below(&t, 9); n && batch.count < count; n--)
                                add_packet(&t, flow, one_in);
                }
                in += count;
                snprintf(what, sizeof(what), "step %d", step);
                out += arrange(test_env_below(&t, 4) ? ALL_KINDS : (uint32_t)test_env_random(&t),
                               what);
        }
        print_message("merge, streams: %u packets, %u runs, %u batches compared\n", in, out,
                      compared);
        assert_true(in > 2 * out);
        assert_true(compared > 1000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_pairs),
                cmocka_unit_test(test_lengths),
                cmocka_unit_test(test_the_longest),
                cmocka_unit_test(test_kinds),
                cmocka_unit_test(test_two_forms_of_a_checksum),
                cmocka_unit_test(test_udp_without_checksum),
                cmocka_unit_test(test_corruption_is_never_merged),
                cmocka_unit_test(test_interleaved_flows),
                cmocka_unit_test(test_more_flows_than_open_runs),
                cmocka_unit_test(test_order_is_the_sequence),
                cmocka_unit_test(test_streams),
        };

        return cmocka_run_group_tests_name("merge", tests, NULL, NULL);
}
