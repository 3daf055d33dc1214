/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/dhcp.h"

#include <string.h>

#include "base/bytes.h"
#include "base/checksum.h"
#include "test/lib/cmocka.h"

enum { MESSAGE_AT = 28, OPTIONS_AT = MESSAGE_AT + 240, OFFER_SIZE = OPTIONS_AT + 64 };

static const struct wg_ip wanted = {WG_FAMILY_IPV4, {192, 168, 201, 193}};
static const struct wg_ip server = {WG_FAMILY_IPV4, {192, 168, 201, 1}};
static const struct tl_dhcp_question question = {
        .id = 0x12345678,
        .client = {2, 1, 2, 3, 4, 5},
        .ip = {WG_FAMILY_IPV4, {192, 168, 201, 193}},
};

static void test_discover(void **state)
{
        static const uint8_t options[] = {53, 1, 1, 55, 1, 1, 50, 4, 192, 168, 201, 193, 255};
        static const uint8_t options_of_any[] = {53, 1, 1, 55, 1, 1, 255};
        struct tl_dhcp_question any = question;
        uint8_t packet[TL_DHCP_SIZE];

        (void)state;
        assert_int_equal(tl_dhcp_discover(packet, &question), TL_DHCP_SIZE);
        assert_int_equal(wg_checksum_fold(wg_checksum_add(0, packet, 20)), 0);
        assert_int_equal(wg_be16_load(packet + 2), TL_DHCP_SIZE);
        assert_int_equal(wg_be32_load(packet + 12), 0);
        assert_int_equal(wg_be32_load(packet + 16), UINT32_MAX);
        assert_int_equal(wg_be16_load(packet + 20), 68);
        assert_int_equal(wg_be16_load(packet + 22), 67);
        assert_int_equal(wg_be16_load(packet + 24), TL_DHCP_SIZE - 20);
        assert_int_equal(packet[MESSAGE_AT], 1);
        assert_int_equal(wg_be32_load(packet + MESSAGE_AT + 4), question.id);
        assert_int_equal(wg_be16_load(packet + MESSAGE_AT + 10), 0x8000);
        assert_memory_equal(packet + MESSAGE_AT + 28, question.client, 6);
        assert_memory_equal(packet + OPTIONS_AT, options, sizeof(options));
        any.ip.family = WG_FAMILY_NONE;
        tl_dhcp_discover(packet, &any);
        assert_memory_equal(packet + OPTIONS_AT, options_of_any, sizeof(options_of_any));
}

static void test_inform(void **state)
{
        static const uint8_t options[] = {53, 1, 8, 55, 1, 1, 255};
        uint8_t packet[TL_DHCP_SIZE];

        (void)state;
        assert_int_equal(tl_dhcp_inform(packet, &question), TL_DHCP_SIZE);
        assert_int_equal(wg_checksum_fold(wg_checksum_add(0, packet, 20)), 0);
        assert_memory_equal(packet + 12, wanted.bytes, 4);
        assert_memory_equal(packet + MESSAGE_AT + 12, wanted.bytes, 4);
        assert_int_equal(wg_be16_load(packet + MESSAGE_AT + 10), 0);
        assert_memory_equal(packet + OPTIONS_AT, options, sizeof(options));
}

/* An offer, with options after the magic number. */
static size_t make_offer(uint8_t packet[OFFER_SIZE], const uint8_t *options, size_t len)
{
        uint8_t discover[TL_DHCP_SIZE];

        tl_dhcp_discover(discover, &question);
        memset(packet, 0, OFFER_SIZE);
        memcpy(packet, discover, OPTIONS_AT);
        packet[MESSAGE_AT] = 2;
        wg_be16_store(packet + 20, 67);
        wg_be16_store(packet + 22, 68);
        memcpy(packet + MESSAGE_AT + 16, wanted.bytes, 4);
        memcpy(packet + OPTIONS_AT, options, len);
        wg_be16_store(packet + 2, (uint16_t)(OPTIONS_AT + len));
        wg_be16_store(packet + 24, (uint16_t)(OPTIONS_AT + len - 20));
        return OPTIONS_AT + len;
}

#define FROM_SERVER 54, 4, 192, 168, 201, 1

static void test_options(void **state)
{
        static const struct {
                const char *what;
                uint8_t options[24];
                size_t len;
                bool is_offer;
        } cases[] = {
                {"an offer", {53, 1, 2, FROM_SERVER, 255}, 10, true},
                {"no end", {53, 1, 2, FROM_SERVER}, 9, true},
                {"padding", {0, 0, 53, 1, 2, 0, FROM_SERVER, 255, 99}, 14, true},
                {"others between", {1, 4, 0, 0, 0, 0, FROM_SERVER, 15, 0, 53, 1, 2}, 17, true},
                {"a refusal", {53, 1, 6, FROM_SERVER, 255}, 10, false},
                {"no type", {FROM_SERVER, 255}, 7, false},
                {"no server", {53, 1, 2, 255}, 4, false},
                {"a server without address", {53, 1, 2, 54, 0, 255}, 6, false},
                {"the type after the end", {FROM_SERVER, 255, 53, 1, 2}, 10, false},
                {"an option that is cut", {53, 1, 2, 54, 4, 192, 168}, 7, false},
                {"a code without length", {53, 1, 2, 54}, 4, false},
                {"a type without value", {FROM_SERVER, 53, 1}, 8, false},
        };

        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                uint8_t packet[OFFER_SIZE];
                size_t len = make_offer(packet, cases[i].options, cases[i].len);
                struct tl_dhcp_answer answer;

                print_message("%s\n", cases[i].what);
                assert_int_equal(tl_dhcp_read(&answer, packet, len), cases[i].is_offer);
                if (!cases[i].is_offer)
                        continue;
                assert_int_equal(answer.id, question.id);
                assert_memory_equal(answer.client, question.client, 6);
                assert_true(wg_ip_equal(&answer.offered, &wanted));
                assert_true(wg_ip_equal(&answer.server, &server));
                /* What the link adds behind it does not count. */
                assert_true(tl_dhcp_read(&answer, packet, sizeof(packet)));
        }
}

static void test_headers(void **state)
{
        static const struct {
                const char *what;
                size_t at;
                uint8_t value;
        } cases[] = {
                {"version 6", 0, 0x65},
                {"a short header", 0, 0x44},
                {"TCP", 9, 6},
                {"a fragment", 7, 1},
                {"more fragments", 6, 0x20},
                {"from another port", 21, 68},
                {"to another port", 23, 67},
                {"a UDP length below the header's", 25, 7},
                {"a request", MESSAGE_AT, 1},
                {"not Ethernet", MESSAGE_AT + 1, 6},
                {"a long address", MESSAGE_AT + 2, 8},
                {"BOOTP", MESSAGE_AT + 236, 0},
        };
        static const uint8_t options[] = {53, 1, 2, FROM_SERVER, 255};
        uint8_t packet[OFFER_SIZE];
        struct tl_dhcp_answer answer;
        size_t len = make_offer(packet, options, sizeof(options));

        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                uint8_t before = packet[cases[i].at];

                print_message("%s\n", cases[i].what);
                packet[cases[i].at] = cases[i].value;
                if (cases[i].at == 25)
                        packet[24] = 0;
                assert_false(tl_dhcp_read(&answer, packet, len));
                packet[cases[i].at] = before;
                if (cases[i].at == 25)
                        wg_be16_store(packet + 24, (uint16_t)(len - 20));
        }
        assert_true(tl_dhcp_read(&answer, packet, len));
        for (size_t shorter = 0; shorter + 1 < len; shorter++)
                assert_false(tl_dhcp_read(&answer, packet, shorter));
        memset(packet + MESSAGE_AT + 16, 0, 4); /* offers nothing */
        assert_false(tl_dhcp_read(&answer, packet, len));
        packet[OPTIONS_AT + 2] = 5; /* an acknowledgement need not */
        assert_true(tl_dhcp_read(&answer, packet, len));
        assert_int_equal(answer.offered.family, WG_FAMILY_NONE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_discover),
                cmocka_unit_test(test_inform),
                cmocka_unit_test(test_options),
                cmocka_unit_test(test_headers),
        };

        return cmocka_run_group_tests_name("dhcp", tests, NULL, NULL);
}
