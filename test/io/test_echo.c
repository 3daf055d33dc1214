/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/echo.h"

#include <string.h>

#include "base/bytes.h"
#include "base/checksum.h"
#include "test/lib/cmocka.h"

static const struct wg_ip node4 = {WG_FAMILY_IPV4, {192, 168, 200, 2}};
static const struct wg_ip tunnel4 = {WG_FAMILY_IPV4, {10, 70, 0, 3}};
static const struct wg_ip node6 = {WG_FAMILY_IPV6, {0x20, 1, 0x0d, 0xb8, [15] = 2}};
static const struct wg_ip tunnel6 = {WG_FAMILY_IPV6, {0xfd, 0x12, [15] = 3}};

static struct tl_echo sample(enum tl_echo_kind kind, bool is_ipv6)
{
        return (struct tl_echo){
                .kind = kind,
                .from = is_ipv6 ? node6 : node4,
                .to = is_ipv6 ? tunnel6 : tunnel4,
                .from_port = 40001,
                .to_port = 40000,
                .hop_limit = 4,
                .tag = 0x0123456789abcdef,
        };
}

/* The sum over the transport header, its pseudo header included, is 0 if it is right. */
static uint16_t transport_sum(const uint8_t *packet, size_t len, bool is_ipv6)
{
        size_t header_len = is_ipv6 ? WG_IPV6_HEADER_LEN : WG_IPV4_HEADER_LEN;
        uint8_t protocol = packet[is_ipv6 ? WG_IPV6_AT_NEXT : WG_IPV4_AT_PROTOCOL];
        uint32_t rest = (uint32_t)(len - header_len);

        return wg_checksum_fold(wg_checksum_join(
                wg_checksum_pseudo_of(packet, is_ipv6 ? WG_FAMILY_IPV6 : WG_FAMILY_IPV4, protocol,
                                      rest),
                wg_checksum_add(0, packet + header_len, rest)));
}

static void test_round_trip(void **state)
{
        (void)state;
        WG_ENUM_EACH(kind, &tl_echo_kind_enum) {
                for (int is_ipv6 = 0; is_ipv6 < 2; is_ipv6++) {
                        struct tl_echo echo = sample(kind->value, is_ipv6), got;
                        uint8_t family = echo.to.family, packet[TL_ECHO_SIZE];
                        size_t len = tl_echo_compose(packet, &echo);

                        print_message("%s, IPv%u\n", kind->name, family);
                        assert_true(len <= TL_ECHO_SIZE);
                        assert_int_equal(transport_sum(packet, len, is_ipv6), 0);
                        if (!is_ipv6)
                                assert_int_equal(wg_checksum_fold(wg_checksum_add(0, packet, 20)),
                                                 0);
                        memset(&got, 0, sizeof(got));
                        assert_true(tl_echo_read(&got, family, packet, len));
                        assert_memory_equal(&got.from, &echo.from, sizeof(got.from));
                        assert_memory_equal(&got.to, &echo.to, sizeof(got.to));
                        assert_int_equal(got.kind, echo.kind);
                        assert_int_equal(got.from_port, echo.from_port);
                        assert_int_equal(got.to_port, echo.to_port);
                        assert_int_equal(got.hop_limit, echo.hop_limit);
                        assert_true(got.tag == echo.tag);
                        for (size_t shorter = 0; shorter < len; shorter++)
                                assert_false(tl_echo_read(&got, family, packet, shorter));
                        assert_false(tl_echo_read(&got, family == 4 ? 6 : 4, packet, len));
                }
        }
}

/* A checksum of 0 would say that there is none, which IPv6 does not allow. */
static void test_no_zero_checksum(void **state)
{
        struct tl_echo echo = sample(TL_ECHO_UDP, true);
        uint8_t packet[TL_ECHO_SIZE];
        uint16_t field;

        (void)state;
        echo.tag = 0;
        tl_echo_compose(packet, &echo);
        field = wg_be16_load(packet + 46);
        echo.tag = field; /* the complement of the rest of the sum */
        tl_echo_compose(packet, &echo);
        assert_int_equal(wg_be16_load(packet + 46), 0xffff);
}

static void test_wrong(void **state)
{
        static const struct {
                const char *what;
                size_t at;
                uint8_t value;
        } cases[] = {
                {"a header shorter than the least", 0, 0x44},
                {"a header longer than the packet", 0, 0x4f},
                {"a total length below the header's", 3, 19},
                {"a first fragment", 6, 0x20},
                {"a later fragment", 7, 1},
                {"another protocol", 9, 47},
        };

        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                struct tl_echo echo = sample(TL_ECHO_UDP, false), got;
                uint8_t packet[TL_ECHO_SIZE];
                size_t len = tl_echo_compose(packet, &echo);

                print_message("%s\n", cases[i].what);
                packet[cases[i].at] = cases[i].value;
                assert_false(tl_echo_read(&got, WG_FAMILY_IPV4, packet, len));
        }
}

/* ---- redirects ---- */

static size_t make_redirect4(uint8_t packet[128])
{
        struct tl_echo echo = sample(TL_ECHO_UDP, false);
        size_t about;

        memset(packet, 0, 128);
        about = tl_echo_compose(packet + 28, &echo);
        packet[0] = 0x45;
        wg_be16_store(packet + 2, (uint16_t)(28 + about));
        packet[8] = 64;
        packet[9] = WG_PROTOCOL_ICMP;
        packet[20] = 5;
        packet[21] = 1;
        memcpy(packet + 24, node4.bytes, 4);
        wg_checksum_store(packet + 22,
                          wg_checksum_fold(wg_checksum_add(0, packet + 20, 8 + about)));
        return 28 + about;
}

static size_t make_redirect6(uint8_t packet[128])
{
        memset(packet, 0, 128);
        packet[0] = 0x60;
        wg_be16_store(packet + 4, 40);
        packet[6] = WG_PROTOCOL_ICMPV6;
        packet[7] = 255;
        packet[40] = 137;
        memcpy(packet + 48, node6.bytes, 16);
        memcpy(packet + 64, tunnel6.bytes, 16);
        wg_checksum_store(packet + 42, transport_sum(packet, 80, true));
        return 80;
}

static void test_redirects(void **state)
{
        (void)state;
        for (int is_ipv6 = 0; is_ipv6 < 2; is_ipv6++) {
                uint8_t packet[128], family = is_ipv6 ? WG_FAMILY_IPV6 : WG_FAMILY_IPV4;
                size_t len = (is_ipv6 ? make_redirect6 : make_redirect4)(packet);
                struct tl_echo_redirect redirect;
                struct tl_echo echo;

                assert_true(tl_echo_read_redirect(&redirect, family, packet, len));
                assert_true(wg_ip_equal(&redirect.to, is_ipv6 ? &tunnel6 : &tunnel4));
                assert_true(wg_ip_equal(&redirect.via, is_ipv6 ? &node6 : &node4));
                assert_false(tl_echo_read(&echo, family, packet, len));
                for (size_t shorter = 0; shorter < len; shorter++)
                        assert_false(tl_echo_read_redirect(&redirect, family, packet, shorter));
                for (size_t at = is_ipv6 ? 40 : 20; at < len; at++) {
                        packet[at] ^= 0x55;
                        assert_false(tl_echo_read_redirect(&redirect, family, packet, len));
                        packet[at] ^= 0x55;
                }
                if (is_ipv6) {
                        packet[7] = 254; /* a router has forwarded it */
                        assert_false(tl_echo_read_redirect(&redirect, family, packet, len));
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_no_zero_checksum),
                cmocka_unit_test(test_wrong),
                cmocka_unit_test(test_redirects),
        };

        return cmocka_run_group_tests_name("echo", tests, NULL, NULL);
}
