/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_cut.c - io/cut.h against the naive segmenter of superpacket.h, and its refusals. Packets and
 * output lie between inaccessible pages. test_offload_kernel.c shows that the kernel cuts in the
 * same way. */
#include "io/cut.h"

#include <errno.h>

#include "test/lib/cmocka.h"
#include "test/lib/fence.h"
#include "test/lib/superpacket.h"

static struct fence source, target;
static uint8_t wanted[SUPERPACKET_MAX];

/* Copies a packet so that it begins or ends at an inaccessible page. */
static uint8_t *fenced(const uint8_t *packet, uint32_t len, bool at_end)
{
        uint8_t *at = at_end ? source.end - len : source.begin;

        memcpy(at, packet, len);
        return at;
}

/* Cuts a packet and compares each piece; `step` identifies it in a failure. */
static void expect_cut(const uint8_t *packet, const struct shape *s,
                       const struct tl_offload *offload, bool at_end, int step)
{
        const uint8_t *at = fenced(packet, shape_len(s), at_end);
        struct tl_cut cut;
        uint32_t nth = 0, len;

        if (tl_cut_begin(&cut, offload, at, shape_len(s)) != 0)
                fail_msg("step %d: refused", step);
        for (; (len = tl_cut_next_len(&cut)) != 0; nth++) {
                uint8_t *to = at_end ? target.end - len : target.begin;

                if (nth == naive_count(s))
                        fail_msg("step %d: more than %u packets", step, nth);
                if (naive_packet(wanted, packet, s, nth) != len)
                        fail_msg("step %d: packet %u has %u bytes", step, nth, len);
                tl_cut_next(&cut, to);
                for (uint32_t i = 0; i < len; i++)
                        if (to[i] != wanted[i])
                                fail_msg("step %d: packet %u, byte %u: %02x instead of %02x", step,
                                         nth, i, to[i], wanted[i]);
        }
        if (nth != naive_count(s))
                fail_msg("step %d: %u packets instead of %u", step, nth, naive_count(s));
}

static void test_like_the_naive_segmenter(void **state WG_UNUSED)
{
        static uint8_t packet[SUPERPACKET_MAX];
        struct test_env t;

        test_env_init(&t, test_seed("cut"));
        for (int step = 0; step < 2000; step++) {
                struct shape s = shape_random(&t);
                struct tl_offload offload = shape_offload(&s);

                superpacket_make(&t, packet, &s);
                offload.header_len = (uint16_t)test_env_random(&t); /* a hint, never trusted */
                expect_cut(packet, &s, &offload, step & 1, step);
                /* If the checksum was not begun, its field has no meaning. */
                offload.needs_checksum = false;
                test_env_fill(&t, packet + s.ip_len + (s.is_udp ? 6 : 16), 2);
                expect_cut(packet, &s, &offload, step & 1, step);
        }
}

/* Each length around one more packet or one less, and each length of each header. */
static void test_boundaries(void **state WG_UNUSED)
{
        static uint8_t packet[SUPERPACKET_MAX];
        struct shape s = {.family = 4, .ip_len = 20, .transport_len = 20, .flags = 0xd9, .ttl = 9};
        struct tl_offload offload;
        struct test_env t;

        test_env_init(&t, test_seed("cut, boundaries"));
        for (s.segment = 1; s.segment < 20; s.segment++)
                for (s.payload = s.segment > 2 ? 0 : 1; s.payload < 60; s.payload++) {
                        superpacket_make(&t, packet, &s);
                        offload = shape_offload(&s);
                        expect_cut(packet, &s, &offload, true, (int)(s.segment * 100 + s.payload));
                }
        for (s.ip_len = 20; s.ip_len <= 60; s.ip_len += 4)
                for (s.transport_len = 20; s.transport_len <= 60; s.transport_len += 4) {
                        s.segment = 1000;
                        s.payload = 2001;
                        superpacket_make(&t, packet, &s);
                        offload = shape_offload(&s);
                        expect_cut(packet, &s, &offload, true,
                                   (int)(s.ip_len * 100 + s.transport_len));
                        s.segment = (uint16_t)UINT16_MAX;
                        s.payload = SUPERPACKET_MAX - shape_headers(&s);
                        superpacket_make(&t, packet, &s);
                        offload = shape_offload(&s);
                        expect_cut(packet, &s, &offload, true, 65535);
                }
}

/* IPv4's identification and the sequence number wrap around. */
static void test_wraps(void **state WG_UNUSED)
{
        static uint8_t packet[SUPERPACKET_MAX];
        struct shape s = {.family = 4,
                          .ip_len = 20,
                          .transport_len = 32,
                          .flags = 0x10,
                          .segment = 1000,
                          .payload = 5000};
        struct tl_offload offload = shape_offload(&s);
        struct test_env t;
        struct tl_cut cut;
        uint8_t to[1052];

        test_env_init(&t, test_seed("cut, wraps"));
        superpacket_make(&t, packet, &s);
        wg_be16_store(packet + 4, 0xfffe);
        wg_be32_store(packet + 24, 0xffffff00);
        expect_cut(packet, &s, &offload, false, 0);
        assert_int_equal(tl_cut_begin(&cut, &offload, packet, shape_len(&s)), 0);
        for (int i = 0; i < 4; i++)
                tl_cut_next(&cut, to);
        assert_int_equal(wg_be16_load(to + 4), 1);
        assert_int_equal(wg_be32_load(to + 24), 0xffffff00u + 3000);
}

/* The destination that counts is the last one, which is not in IPv6's header; the kernel knows
 * it. */
static void test_routing_header(void **state WG_UNUSED)
{
        static uint8_t packet[SUPERPACKET_MAX], as_if[SUPERPACKET_MAX];
        struct shape s = {.family = 6,
                          .ip_len = 64,
                          .transport_len = 20,
                          .flags = 0x18,
                          .segment = 100,
                          .payload = 250};
        struct tl_offload offload = shape_offload(&s);
        struct test_env t;
        struct tl_cut cut;
        uint8_t to[184];

        test_env_init(&t, test_seed("cut, routing header"));
        superpacket_make(&t, packet, &s);
        packet[6] = 43;
        memcpy(packet + 40, "\x06\x02\x04\x01\0\0\0\0", 8);
        memcpy(packet + 48, "\xfd\x03\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16);
        memcpy(as_if, packet, sizeof(as_if));
        memcpy(as_if + 24, packet + 48, 16);
        wg_be16_store(packet + 80, superpacket_pseudo(as_if, false, 270));
        assert_int_equal(tl_cut_begin(&cut, &offload, packet, shape_len(&s)), 0);
        for (uint32_t nth = 0; nth < 3; nth++) {
                uint32_t len = tl_cut_next_len(&cut);

                assert_int_equal(naive_packet(wanted, as_if, &s, nth), len);
                memcpy(wanted + 24, packet + 24, 16);
                tl_cut_next(&cut, to);
                assert_memory_equal(to, wanted, len);
        }
        assert_int_equal(tl_cut_next_len(&cut), 0);
}

static void expect_one(const uint8_t *packet, uint32_t len, const struct tl_offload *offload,
                       const uint8_t *result)
{
        for (int at_end = 0; at_end < 2; at_end++) {
                const uint8_t *at = fenced(packet, len, at_end);
                uint8_t *to = at_end ? target.end - len : target.begin;
                struct tl_cut cut;

                assert_int_equal(tl_cut_begin(&cut, offload, at, len), 0);
                assert_int_equal(tl_cut_next_len(&cut), len);
                tl_cut_next(&cut, to);
                assert_memory_equal(to, result, len);
                assert_int_equal(tl_cut_next_len(&cut), 0);
        }
}

/* Arbitrary bytes pass unchanged. */
static void test_one_unchanged(void **state WG_UNUSED)
{
        static uint8_t packet[SUPERPACKET_MAX];
        struct tl_offload offload = {0};
        struct test_env t;

        test_env_init(&t, test_seed("cut, one"));
        test_env_fill(&t, packet, sizeof(packet));
        for (uint32_t len = 1; len <= SUPERPACKET_MAX; len += 1 + len / 50)
                expect_one(packet, len, &offload, packet);
        expect_one(packet, SUPERPACKET_MAX, &offload, packet);
}

/* The checksum of a single packet, of any protocol. */
static void test_one_with_checksum(void **state WG_UNUSED)
{
        static uint8_t packet[SUPERPACKET_MAX];
        struct test_env t;

        test_env_init(&t, test_seed("cut, checksum"));
        for (int step = 0; step < 3000; step++) {
                uint32_t len = 2 + test_env_below(&t, step % 9 ? 100 : SUPERPACKET_MAX - 1);
                uint32_t start = test_env_below(&t, len - 1);
                uint32_t offset = test_env_below(&t, len - start - 1);
                struct tl_offload offload = {.needs_checksum = true,
                                             .checksum_start = (uint16_t)start,
                                             .checksum_offset = (uint16_t)offset};
                uint16_t checksum;

                test_env_fill(&t, packet, len);
                if (step % 2 == 0)
                        memset(packet + start, 0xff, len - start); /* which sums to 0 */
                memcpy(wanted, packet, len);
                checksum = packet_checksum(packet + start, len - start);
                wg_be16_store(wanted + start + offset, checksum ? checksum : 0xffff);
                expect_one(packet, len, &offload, wanted);
        }
}

/* A row changes one thing in a valid packet to make it invalid. */
static const struct {
        const char *what;
        int family;
        bool is_udp;
        int at, value;                    /* a byte of the packet, if at is not negative */
        int len;                          /* of the packet, if not 0 */
        int kind, segment, start, offset; /* of the offload, if not negative */
} refused[] = {
        {"IPv4, unknown version", 4, false, 0, 0x55, 0, -1, -1, -1, -1},
        {"IPv6 declared as IPv4", 6, false, -1, 0, 0, TL_OFFLOAD_TCP4, -1, -1, -1},
        {"IPv4 declared as IPv6", 4, false, -1, 0, 0, TL_OFFLOAD_TCP6, -1, -1, -1},
        {"TCP declared as UDP", 4, false, -1, 0, 0, TL_OFFLOAD_UDP, -1, -1, -1},
        {"UDP declared as TCP", 4, true, -1, 0, 0, TL_OFFLOAD_TCP4, -1, -1, -1},
        {"UDP over IPv6 declared as TCP", 6, true, -1, 0, 0, TL_OFFLOAD_TCP6, -1, -1, -1},
        {"segments of 0 bytes", 4, false, -1, 0, 0, -1, 0, -1, -1},
        {"IPv4, one byte", 4, false, -1, 0, 1, -1, -1, -1, -1},
        {"IPv4 header truncated", 4, false, -1, 0, 19, -1, -1, -1, -1},
        {"IPv4 without TCP", 4, false, -1, 0, 20, -1, -1, -1, -1},
        {"TCP header truncated", 4, false, -1, 0, 39, -1, -1, -1, -1},
        {"IPv4 header of 16 bytes", 4, false, 0, 0x44, 0, -1, -1, -1, -1},
        {"IPv4 header longer than the packet", 4, false, 0, 0x4f, 59, -1, -1, -1, -1},
        {"IPv4 of another protocol", 4, false, 9, 132, 0, -1, -1, -1, -1},
        {"IPv4, first fragment", 4, false, 6, 0x20, 0, -1, -1, -1, -1},
        {"IPv4, later fragment", 4, false, 7, 1, 0, -1, -1, -1, -1},
        {"TCP header of 16 bytes", 4, false, 32, 0x40, 0, -1, -1, -1, -1},
        {"TCP header longer than the packet", 4, false, 32, 0xf0, 79, -1, -1, -1, -1},
        {"UDP header truncated", 4, true, -1, 0, 27, -1, -1, -1, -1},
        {"IPv6 header truncated", 6, false, -1, 0, 39, -1, -1, -1, -1},
        {"IPv6 without TCP", 6, false, -1, 0, 40, -1, -1, -1, -1},
        {"IPv6 of another protocol", 6, false, 6, 58, 0, -1, -1, -1, -1},
        {"IPv6, a fragment", 6, false, 6, 44, 0, -1, -1, -1, -1},
        {"IPv6, an extension header that leads nowhere", 6, false, 6, 60, 0, -1, -1, -1, -1},
        {"IPv6, half an extension header", 6, false, 6, 60, 47, -1, -1, -1, -1},
        {"checksum of another header", 4, false, -1, 0, 0, -1, -1, 24, -1},
        {"checksum of the IP header", 4, false, -1, 0, 0, -1, -1, 0, -1},
        {"checksum far away", 6, false, -1, 0, 0, -1, -1, 65535, 65535},
        {"checksum where TCP has none", 4, false, -1, 0, 0, -1, -1, -1, 6},
        {"checksum where UDP has none", 6, true, -1, 0, 0, -1, -1, -1, 16},
        {"one packet, checksum beyond its end", 4, true, -1, 0, 0, TL_OFFLOAD_NONE, -1, 20, 1007},
        {"one packet, checksum far away", 4, true, -1, 0, 0, TL_OFFLOAD_NONE, -1, 65535, 65535},
};

static void test_refuses(void **state WG_UNUSED)
{
        struct test_env t;

        test_env_init(&t, test_seed("cut, refuses"));
        for (size_t i = 0; i < WG_ARRAY_SIZE(refused); i++) {
                struct shape s = {.family = (uint8_t)refused[i].family,
                                  .is_udp = refused[i].is_udp,
                                  .ip_len = refused[i].family == 4 ? 20 : 40,
                                  .transport_len = refused[i].is_udp ? 8 : 20,
                                  .payload = 1000,
                                  .segment = 500,
                                  .ttl = 64,
                                  .flags = 0x10};
                struct tl_offload offload = shape_offload(&s);
                uint32_t len = refused[i].len ? (uint32_t)refused[i].len : shape_len(&s);
                static uint8_t packet[2000];
                struct tl_cut cut;

                superpacket_make(&t, packet, &s);
                expect_cut(packet, &s, &offload, true, (int)i);
                if (refused[i].at >= 0)
                        packet[refused[i].at] = (uint8_t)refused[i].value;
                if (refused[i].kind >= 0)
                        offload.kind = (uint8_t)refused[i].kind;
                if (refused[i].segment >= 0)
                        offload.segment = (uint16_t)refused[i].segment;
                if (refused[i].start >= 0)
                        offload.checksum_start = (uint16_t)refused[i].start;
                if (refused[i].offset >= 0)
                        offload.checksum_offset = (uint16_t)refused[i].offset;
                if (tl_cut_begin(&cut, &offload, fenced(packet, len, true), len) != -EINVAL)
                        fail_msg("not refused: %s", refused[i].what);
        }
}

static void test_refuses_lengths_beyond_ip(void **state WG_UNUSED)
{
        static uint8_t packet[SUPERPACKET_MAX + 1];
        struct shape s = {.family = 6, .ip_len = 40, .transport_len = 20, .segment = 1000};
        struct tl_offload offloads[2] = {{0}};
        struct test_env t;
        struct tl_cut cut;

        test_env_init(&t, test_seed("cut, lengths"));
        s.payload = SUPERPACKET_MAX - shape_headers(&s);
        superpacket_make(&t, packet, &s);
        offloads[1] = shape_offload(&s);
        for (int i = 0; i < 2; i++) {
                assert_int_equal(tl_cut_begin(&cut, &offloads[i], packet, 0), -EINVAL);
                assert_int_equal(tl_cut_begin(&cut, &offloads[i], packet, 65535), 0);
                assert_int_equal(tl_cut_begin(&cut, &offloads[i], packet, 65536), -EINVAL);
        }
}

/* A superpacket that ends anywhere before its payload. */
static void test_refuses_truncated_packets(void **state WG_UNUSED)
{
        static const struct shape shapes[] = {
                {.family = 4, .ip_len = 60, .transport_len = 60},
                {.family = 6, .ip_len = 64, .transport_len = 60},
                {.family = 4, .is_udp = true, .ip_len = 20, .transport_len = 8},
                {.family = 6, .is_udp = true, .ip_len = 64, .transport_len = 8},
        };
        static uint8_t packet[2000];
        struct test_env t;
        struct tl_cut cut;

        test_env_init(&t, test_seed("cut, cut off"));
        for (size_t i = 0; i < WG_ARRAY_SIZE(shapes); i++)
                for (int one_header = 0; one_header < 2; one_header++) {
                        struct shape s = shapes[i];
                        struct tl_offload offload;

                        s.payload = 100;
                        s.segment = 10;
                        offload = shape_offload(&s);
                        superpacket_make(&t, packet, &s);
                        if (s.ip_len == 64 && one_header) { /* instead of three of 8 bytes */
                                packet[40] = s.is_udp ? 17 : 6;
                                packet[41] = 2;
                        }
                        expect_cut(packet, &s, &offload, true, (int)i);
                        for (uint32_t len = 1; len < shape_headers(&s); len++)
                                if (tl_cut_begin(&cut, &offload, fenced(packet, len, true), len) !=
                                    -EINVAL)
                                        fail_msg("shape %zu: %u bytes are accepted", i, len);
                }
}

/* Random bytes that still resemble a superpacket: nothing beyond the buffers is read or written,
 * and the output adds up. */
static void test_nonsense(void **state WG_UNUSED)
{
        static uint8_t packet[SUPERPACKET_MAX];
        unsigned int taken = 0;
        struct test_env t;

        test_env_init(&t, test_seed("cut, nonsense"));
        for (int step = 0; step < 200000; step++) {
                struct shape s = {.family = step & 1 ? 4 : 6,
                                  .is_udp = step & 2,
                                  .ip_len = step & 1 ? 20 : 40,
                                  .transport_len = step & 2 ? 8 : 20,
                                  .payload = 1 + test_env_below(&t, 100),
                                  .segment = (uint16_t)(1 + test_env_below(&t, 20))};
                struct tl_offload offload = shape_offload(&s);
                uint32_t len, next, sum = 0;
                struct tl_cut cut;

                superpacket_make(&t, packet, &s);
                packet[test_env_below(&t, shape_len(&s))] = (uint8_t)test_env_random(&t);
                offload.kind = (uint8_t)test_env_below(&t, 4);
                if (step & 4)
                        offload.checksum_start = (uint16_t)test_env_below(&t, 100);
                len = 1 + test_env_below(&t, shape_len(&s));
                if (tl_cut_begin(&cut, &offload, fenced(packet, len, true), len) != 0)
                        continue;
                taken++;
                while ((next = tl_cut_next_len(&cut)) != 0) {
                        assert_true(next <= len);
                        sum += next - cut.header_len;
                        tl_cut_next(&cut, target.end - next);
                }
                assert_int_equal(sum + cut.header_len, len);
        }
        print_message("cut, nonsense: %u of 200000 accepted\n", taken);
        assert_true(taken > 20000);
}

static int set_up(void **state WG_UNUSED)
{
        source = fence_new(SUPERPACKET_MAX);
        target = fence_new(SUPERPACKET_MAX);
        return 0;
}

static int tear_down(void **state WG_UNUSED)
{
        fence_free(&source);
        fence_free(&target);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_like_the_naive_segmenter),
                cmocka_unit_test(test_boundaries),
                cmocka_unit_test(test_wraps),
                cmocka_unit_test(test_routing_header),
                cmocka_unit_test(test_one_unchanged),
                cmocka_unit_test(test_one_with_checksum),
                cmocka_unit_test(test_refuses),
                cmocka_unit_test(test_refuses_lengths_beyond_ip),
                cmocka_unit_test(test_refuses_truncated_packets),
                cmocka_unit_test(test_nonsense),
        };

        return cmocka_run_group_tests_name("cut", tests, set_up, tear_down);
}
