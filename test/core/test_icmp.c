/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_icmp.c - core/icmp.h. The two errors written out were computed by an independent program. */
#include "core/icmp.h"

#include "test/lib/cmocka.h"
#include "test/lib/env.h"
#include "test/lib/packet.h"
#include "test/lib/vector.h"

enum { ROOM = 2048, ICMP_LEN = 8 };

static const char ipv4_packet[] = "4500001c1234400040112beec0a80001cb007105"
                                  "1388003500085555";
static const char ipv4_error[] = "450000380000000040017e16cb007105c0a80001"
                                 "030193e400000000"
                                 "4500001c1234400040112beec0a80001cb007105"
                                 "1388003500085555";
static const char ipv6_packet[] = "6000000000081140"
                                  "fd000000000000000000000000000001"
                                  "20010db8000000000000000000000009"
                                  "1388003500085555";
static const char ipv6_error[] = "6000000000383a40"
                                 "20010db8000000000000000000000009"
                                 "fd000000000000000000000000000001"
                                 "0103ce9f00000000"
                                 "6000000000081140"
                                 "fd000000000000000000000000000001"
                                 "20010db8000000000000000000000009"
                                 "1388003500085555";

static void check_error(const char *packet_text, const char *error_text)
{
        uint8_t packet[ROOM], wanted[ROOM], error[WG_ICMP_LEN_MAX];
        size_t len = hex_decode(packet, sizeof(packet), packet_text);
        size_t wanted_len = hex_decode(wanted, sizeof(wanted), error_text);

        assert_int_equal(wg_icmp_unreachable(packet, len, error), wanted_len);
        assert_memory_equal(error, wanted, wanted_len);
}

static void test_known_answers(void **state)
{
        (void)state;
        check_error(ipv4_packet, ipv4_error);
        check_error(ipv6_packet, ipv6_error);
}

/* UDP from 10.0.0.1 to 198.51.100.9 with some bytes changed: pairs of position and value. */
static const struct {
        int number;
        const char *what;
        size_t len;
        const char *changes;
        bool is_answered;
} ipv4_cases[] = {
        {1, "UDP", 60, "", true},
        {2, "only a header", 20, "", true},
        {3, "one byte less than a header", 19, "", false},
        {4, "don't fragment", 60, "0640", true},
        {5, "the first fragment", 60, "0620", true},
        {6, "the second fragment", 60, "0620 0701", false},
        {7, "the last possible fragment", 60, "061f 07ff", false},
        {8, "a late fragment, in the upper bits of the offset", 60, "0610", false},
        {9, "to the last unicast address", 60, "10df 11ff 12ff 13ff", true},
        {10, "to the first multicast address", 60, "10e0 1100 1200 1300", false},
        {11, "to a reserved address", 60, "10f0", false},
        {12, "broadcast", 60, "10ff 11ff 12ff 13ff", false},
        {13, "from 0.0.0.0", 60, "0c00 0f00", false},
        {14, "from 0.0.0.1", 60, "0c00", true},
        {15, "from loopback", 60, "0c7f", false},
        {16, "from multicast", 60, "0ce0", false},
        {17, "from broadcast", 60, "0cff 0dff 0eff 0fff", false},
        {18, "a header of 16 bytes", 60, "0044", false},
        {19, "a header of 60 bytes, complete", 60, "004f", true},
        {20, "a header of 60 bytes, one missing", 59, "004f", false},
        {21, "ICMP that ends after the IP header", 20, "0901", false},
        {22, "ICMP echo", 60, "0901 1408", true},
        {23, "ICMP echo behind options", 60, "0046 0901 1403 1808", true},
        {24, "ICMP error behind options", 60, "0046 0901 1408 1803", false},
        {25, "version 5", 60, "0055", false},
};

static size_t decode_spaced(uint8_t *out, size_t size, const char *text)
{
        char digits[256];
        size_t n = 0;

        for (; *text; text++)
                if (*text != ' ')
                        digits[n++] = *text;
        digits[n] = 0;
        return hex_decode(out, size, digits);
}

static void change(uint8_t *packet, const char *changes)
{
        uint8_t pairs[16];
        size_t len = decode_spaced(pairs, sizeof(pairs), changes);

        for (size_t i = 0; i < len; i += 2)
                packet[pairs[i]] = pairs[i + 1];
}

static void test_packets_that_get_an_error_ipv4(void **state)
{
        uint8_t packet[ROOM], error[WG_ICMP_LEN_MAX];

        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(ipv4_cases); i++) {
                packet_ipv4(packet, 60, 0x0a000001, 0xc6336409);
                change(packet, ipv4_cases[i].changes);
                if ((wg_icmp_unreachable(packet, ipv4_cases[i].len, error) != 0) !=
                    ipv4_cases[i].is_answered)
                        fail_msg("case %d (%s)", ipv4_cases[i].number, ipv4_cases[i].what);
        }
}

/* Queries are answered; anything else may be an error. */
static void test_icmp_types_ipv4(void **state)
{
        static const char queries[] = {0, 8, 9, 10, 13, 14};
        uint8_t packet[ROOM], error[WG_ICMP_LEN_MAX];

        (void)state;
        packet_ipv4(packet, 60, 0x0a000001, 0xc6336409);
        packet[9] = 1;
        for (int type = 0; type < 256; type++) {
                packet[20] = (uint8_t)type;
                assert_int_equal(wg_icmp_unreachable(packet, 60, error) != 0,
                                 memchr(queries, type, sizeof(queries)) != NULL);
        }
}

/* A packet from fd00::1 to fd00::2 with some bytes changed, and the bytes after its 40. */
static const struct {
        int number;
        const char *what;
        const char *changes;
        const char *rest;
        bool is_answered;
} ipv6_cases[] = {
        {1, "UDP", "", "1388003500085555", true},
        {2, "only a header", "", "", true},
        {3, "to multicast", "18ff", "00", false},
        {4, "from multicast", "08ff", "00", false},
        {5, "from ::", "0800 1700", "00", false},
        {6, "from ::1:0", "0800 1501 1700", "00", true},
        {7, "ICMPv6 without a type", "063a", "", false},
        {8, "ICMPv6, the last error type", "063a", "7f", false},
        {9, "ICMPv6 echo", "063a", "80", true},
        {10, "hop by hop, then UDP", "0600", "1100000000000000", true},
        {11, "hop by hop, truncated", "0600", "11000000000000", false},
        {12, "hop by hop, then an error", "0600", "3a00000000000000 01", false},
        {13, "hop by hop, then echo", "0600", "3a00000000000000 80", true},
        {14, "16 bytes of options, then an error", "063c", "3a01000000000000 8000000000000000 01",
         false},
        {15, "routing of 24 bytes, then echo", "062b",
         "3a02000000000000 0100000000000000 0100000000000000 80", true},
        {16, "the first fragment of an error", "062c", "3a00000100000000 01", false},
        {17, "the first fragment of an echo", "062c", "3a00000100000000 80", true},
        {18, "the second fragment", "062c", "1100000800000000 00", false},
        {19, "a late fragment, in the upper bits of the offset", "062c", "1100800000000000 00",
         false},
        {20, "options of 16 bytes before a second fragment", "063c",
         "2c01000000000000 0000000000000000 3a00000800000000 80", false},
        {21, "options of 16 bytes before a first fragment", "063c",
         "2c01000000000000 0000000000000000 1100000000000000 80", true},
        {22, "a fragment header's reserved byte is no length", "062c",
         "3a02000100000000 0100000000000000 0100000000000000 80", false},
        {23, "options whose length exceeds the packet", "063c", "3c02000000000000", false},
        {24, "ESP, which reveals nothing", "0632", "01", true},
};

static void test_packets_that_get_an_error_ipv6(void **state)
{
        uint8_t packet[ROOM], error[WG_ICMP_LEN_MAX];

        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(ipv6_cases); i++) {
                size_t len = 40;

                packet_ipv6(packet, len, 1, 2);
                change(packet, ipv6_cases[i].changes);
                len += decode_spaced(packet + len, sizeof(packet) - len, ipv6_cases[i].rest);
                if ((wg_icmp_unreachable(packet, len, error) != 0) != ipv6_cases[i].is_answered)
                        fail_msg("case %d (%s)", ipv6_cases[i].number, ipv6_cases[i].what);
        }
        packet_ipv6(packet, 40, 1, 2);
        assert_int_equal(wg_icmp_unreachable(packet, 39, error), 0);
        assert_int_equal(wg_icmp_unreachable(packet, 0, error), 0);
}

static void check_ipv6_checksum(const uint8_t *error, size_t len)
{
        uint8_t whole[40 + WG_ICMP_LEN_MAX] = {0};

        memcpy(whole, error + 8, 32);
        wg_be32_store(whole + 32, (uint32_t)(len - 40));
        whole[39] = 58;
        memcpy(whole + 40, error + 40, len - 40);
        assert_int_equal(packet_checksum(whole, len), 0);
}

/* It quotes as much as fits into the size that every host must accept. */
static void test_quotes_as_much_as_fits(void **state)
{
        uint8_t packet[ROOM], error[WG_ICMP_LEN_MAX];

        (void)state;
        for (size_t len = 40; len <= ROOM; len++) {
                size_t wanted = WG_MIN(len + 20 + ICMP_LEN, 576);

                packet_ipv4(packet, len, 0x0a000001, 0xc6336409);
                assert_int_equal(wg_icmp_unreachable(packet, len, error), wanted);
                assert_int_equal(wg_be16_load(error + 2), wanted);
                assert_int_equal(packet_checksum(error, 20), 0);
                assert_int_equal(packet_checksum(error + 20, wanted - 20), 0);
                assert_memory_equal(error + 20 + ICMP_LEN, packet, wanted - 20 - ICMP_LEN);

                wanted = WG_MIN(len + 40 + ICMP_LEN, 1280);
                packet_ipv6(packet, len, 1, 2);
                assert_int_equal(wg_icmp_unreachable(packet, len, error), wanted);
                assert_int_equal(wg_be16_load(error + 4), wanted - 40);
                check_ipv6_checksum(error, wanted);
                assert_memory_equal(error + 40 + ICMP_LEN, packet, wanted - 40 - ICMP_LEN);
        }
}

static unsigned int count_allowed(struct wg_icmp_limit *limit, uint64_t now_ns, unsigned int tries)
{
        unsigned int allowed = 0;

        while (tries--)
                allowed += wg_icmp_may_send(limit, now_ns);
        return allowed;
}

static void test_limit(void **state)
{
        struct wg_icmp_limit limit = {0};
        uint64_t now_ns = 5 * WG_NS_PER_S;

        (void)state;
        assert_int_equal(count_allowed(&limit, now_ns, 1000), 100);
        assert_int_equal(count_allowed(&limit, now_ns + WG_NS_PER_MS - 1, 1000), 0);
        assert_int_equal(count_allowed(&limit, now_ns + WG_NS_PER_MS, 1000), 1);
        assert_int_equal(count_allowed(&limit, now_ns + 50 * WG_NS_PER_MS, 1000), 49);
        now_ns += 10 * WG_NS_PER_S;
        assert_int_equal(count_allowed(&limit, now_ns, 1000), 100);
        /* Refused errors use up no tokens. */
        for (unsigned int i = 1; i <= 1000; i++)
                assert_int_equal(count_allowed(&limit, now_ns + i * WG_NS_PER_MS, 10), 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_known_answers),
                cmocka_unit_test(test_packets_that_get_an_error_ipv4),
                cmocka_unit_test(test_icmp_types_ipv4),
                cmocka_unit_test(test_packets_that_get_an_error_ipv6),
                cmocka_unit_test(test_quotes_as_much_as_fits),
                cmocka_unit_test(test_limit),
        };

        return cmocka_run_group_tests_name("icmp", tests, NULL, NULL);
}
