/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/address.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "test/lib/cmocka.h"

static struct tl_text text_of(const char *string)
{
        return (struct tl_text){string, strlen(string)};
}

/* inet_pton() is the naive twin, and ours is as strict. */
static void check_against_system(const char *string)
{
        struct wg_ip ip = {.family = 99}, expected = {0};
        bool is_good = tl_address_parse_ip(text_of(string), &ip);

        if (inet_pton(AF_INET, string, expected.bytes) == 1)
                expected.family = WG_FAMILY_IPV4;
        else if (inet_pton(AF_INET6, string, expected.bytes) == 1)
                expected.family = WG_FAMILY_IPV6;
        if (is_good != (expected.family != WG_FAMILY_NONE))
                fail_msg("\"%s\": %d", string, is_good);
        if (!is_good)
                assert_int_equal(ip.family, 99);
        else if (!wg_ip_equal(&ip, &expected))
                fail_msg("\"%s\" is misread", string);
}

static const char *const addresses[] = {
        "0.0.0.0",
        "255.255.255.255",
        "1.2.3.4",
        "256.1.1.1",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.4.",
        ".1.2.3.4",
        "1..2.3",
        "01.2.3.4",
        "1.2.3.00",
        "0.0.0.0x",
        "1.2.3.-4",
        "1.2.3.1000",
        "",
        ".",
        "...",
        "1",
        "::",
        ":",
        ":::",
        "::1",
        "1::",
        "1::2::3",
        "::ffff:1.2.3.4",
        "::1.2.3.4",
        "1:2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7::",
        "::2:3:4:5:6:7:8",
        "1:2:3:4::5:6:7:8",
        "1:2:3:4:5:6:7:8::",
        "1:2:3:4:5:6:1.2.3.4",
        "1:2:3:4:5:6:7:1.2.3.4",
        "1:2:3:4:5:1.2.3.4",
        "::5:6:7:8:1:2:1.2.3.4",
        "1.2.3.4::",
        "::1.2.3.4:5",
        "::1.2.3",
        "::ffff:01.2.3.4",
        "12345::",
        "0000:0000::",
        "00000::",
        "g::",
        "ABCD:ef01::",
        ":1:2:3:4:5:6:7",
        ":1::2",
        "1:",
        "1:2:3:4:5:6:7:",
        "::1:",
        "1:::2",
        "fe80::1%1",
        "::1 ",
        " ::1",
        "0x1::",
        "::0x1",
        "::-1",
        "::+1",
        "[::1]",
        "2001:db8:0:0:1:0:0:1",
};

static void test_addresses(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(addresses); i++)
                check_against_system(addresses[i]);
}

/* Texts that are almost addresses: groups, separators and mistakes in random order. */
static void test_random_addresses(void **state)
{
        static const char *const pieces[] = {"::", ":",       "0", "1",  "f00d",
                                             "00", "1.2.3.4", ".", "255"};
        unsigned int seed = (unsigned int)time(NULL);

        (void)state;
        print_message("seed %u\n", seed);
        srand(seed);
        for (unsigned int round = 0; round < 300000; round++) {
                unsigned int count = (unsigned int)rand() % 18;
                bool is_tidy = rand() % 2;
                char string[128] = "";

                for (unsigned int i = 0; i < count; i++) {
                        if (is_tidy && i % 2)
                                strcat(string, rand() % 8 ? ":" : "::");
                        else
                                strcat(string, pieces[(size_t)rand() % WG_ARRAY_SIZE(pieces)]);
                }
                check_against_system(string);
        }
}

/* The length ends a text, not a terminator. */
static void test_length_counts(void **state)
{
        struct wg_ip ip;

        (void)state;
        assert_true(tl_address_parse_ip(tl_text_head(text_of("1.2.3.45"), 7), &ip));
        assert_int_equal(ip.bytes[3], 4);
        assert_false(tl_address_parse_ip((struct tl_text){"1.2.3.4\0", 8}, &ip));
        assert_false(tl_address_parse_ip((struct tl_text){NULL, 0}, &ip));
}

static void test_format_ip(void **state)
{
        unsigned int seed = (unsigned int)time(NULL);

        (void)state;
        print_message("seed %u\n", seed);
        srand(seed);
        for (unsigned int round = 0; round < 100000; round++) {
                struct wg_ip ip = {.family = WG_FAMILY_IPV6}, back;
                char text[TL_ADDRESS_IP_SIZE], expected[INET6_ADDRSTRLEN];
                size_t len;

                /* Groups are often zero, so that all kinds of runs occur. */
                for (unsigned int i = 0; i < 16; i++)
                        ip.bytes[i] = rand() % 4 ? 0 : (uint8_t)rand();
                /* The system writes ::1.2.3.4 where RFC 5952 does not. */
                ip.bytes[0] |= 1;
                len = tl_address_format_ip(text, &ip);
                assert_non_null(inet_ntop(AF_INET6, ip.bytes, expected, sizeof(expected)));
                assert_string_equal(text, expected);
                assert_int_equal(len, strlen(text));
                assert_true(tl_address_parse_ip(text_of(text), &back));
                assert_true(wg_ip_equal(&ip, &back));
        }
}

static const struct {
        int number;
        const char *text;
        const char *back; /* NULL: refused */
} prefixes[] = {
        {1, "0.0.0.0/0", "0.0.0.0/0"},
        {2, "255.255.255.255/0", "0.0.0.0/0"},
        {3, "255.255.255.255/1", "128.0.0.0/1"},
        {4, "255.255.255.255/7", "254.0.0.0/7"},
        {5, "255.255.255.255/8", "255.0.0.0/8"},
        {6, "255.255.255.255/9", "255.128.0.0/9"},
        {7, "255.255.255.255/31", "255.255.255.254/31"},
        {8, "255.255.255.255/32", "255.255.255.255/32"},
        {9, "1.2.3.4", "1.2.3.4/32"},
        {10, "1.2.3.4/33", NULL},
        {11, "1.2.3.4/", NULL},
        {12, "1.2.3.4/08", "1.0.0.0/8"},
        {13, "1.2.3.4/-1", NULL},
        {14, "1.2.3.4/255.0.0.0", NULL},
        {15, "1.2.3.4/8/8", NULL},
        {16, "1.2.3.4/256", NULL},
        {17, "/8", NULL},
        {18, "::/0", "::/0"},
        {19, "::", "::/128"},
        {20, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128",
         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"},
        {21, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/127",
         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127"},
        {22, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/65", "ffff:ffff:ffff:ffff:8000::/65"},
        {23, "ffff::/129", NULL},
        {24, "::ffff:1.2.3.4/128", "::ffff:1.2.3.4/128"},
        {25, "::ffff:1.2.3.4/96", "::ffff:0.0.0.0/96"},
        {26, "::ffff:1.2.3.4/95", "::fffe:0:0/95"},
        {27, "fe80::1%1/64", NULL},
};

static void test_prefixes(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(prefixes); i++) {
                char text[TL_ADDRESS_PREFIX_SIZE];
                struct wg_prefix prefix = {.cidr = 99};
                bool is_good = tl_address_parse_prefix(text_of(prefixes[i].text), &prefix);
                size_t len;

                if (is_good != (prefixes[i].back != NULL))
                        fail_msg("prefix %d: %s", prefixes[i].number, prefixes[i].text);
                if (!is_good) {
                        assert_int_equal(prefix.cidr, 99);
                        continue;
                }
                len = tl_address_format_prefix(text, &prefix);
                assert_string_equal(text, prefixes[i].back);
                assert_int_equal(len, strlen(text));
        }
}

static const struct {
        int number;
        const char *text;
        const char *ip; /* NULL: refused */
        uint32_t scope;
        const char *zone;
} hosts[] = {
        {1, "192.0.2.1", "192.0.2.1", 0, ""},
        {2, "2001:db8::1", "2001:db8::1", 0, ""},
        {3, "::ffff:192.0.2.1", "192.0.2.1", 0, ""},
        {4, "fe80::1", "fe80::1", 0, ""},
        {5, "fe80::1%eth0", "fe80::1", 0, "eth0"},
        {6, "febf::1%eth0", "febf::1", 0, "eth0"},
        {7, "fec0::1%eth0", NULL, 0, ""},
        {8, "fe80::1%1", "fe80::1", 1, ""},
        {9, "fe80::1%4294967295", "fe80::1", UINT32_MAX, ""},
        {10, "fe80::1%4294967296", NULL, 0, ""},
        {11, "fe80::1%0", NULL, 0, ""},
        {12, "fe80::1%", NULL, 0, ""},
        {13, "fe80::1%1a", "fe80::1", 0, "1a"},
        {14, "fe80::1%abcdefghijklmno", "fe80::1", 0, "abcdefghijklmno"},
        {15, "fe80::1%abcdefghijklmnop", NULL, 0, ""},
        {16, "fe80::1%a/b", NULL, 0, ""},
        {17, "fe80::1%a b", NULL, 0, ""},
        {18, "fe80::1%a%b", NULL, 0, ""},
        {19, "fe80::1%a\x80", NULL, 0, ""},
        {20, "2001:db8::1%1", "2001:db8::1", 0, ""},
        {21, "192.0.2.1%eth0", NULL, 0, ""},
        {22, "::ffff:192.0.2.1%1", "192.0.2.1", 0, ""},
        {23, "%eth0", NULL, 0, ""},
        {24, "example.com", NULL, 0, ""},
        {25, "2001:db8::1%eth0", NULL, 0, ""},
        {26, "2001:db8::1%4294967296", NULL, 0, ""},
        {27, "ff02::1%eth0", "ff02::1", 0, ""},
        {28, "ff02::1%", NULL, 0, ""},
        {29, "ff05::1%eth0", NULL, 0, ""},
};

static void test_hosts(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(hosts); i++) {
                char zone[TL_CONF_ZONE_SIZE] = "before", text[TL_ADDRESS_IP_SIZE];
                struct wg_ip ip;
                uint32_t scope = 99;

                if (tl_address_parse_host(text_of(hosts[i].text), &ip, &scope, zone) !=
                    (hosts[i].ip != NULL))
                        fail_msg("host %d: %s", hosts[i].number, hosts[i].text);
                if (!hosts[i].ip) {
                        assert_int_equal(scope, 99);
                        assert_string_equal(zone, "before");
                        continue;
                }
                tl_address_format_ip(text, &ip);
                assert_string_equal(text, hosts[i].ip);
                assert_int_equal(scope, hosts[i].scope);
                assert_string_equal(zone, hosts[i].zone);
        }
}

static const struct {
        int number;
        const char *text;
        const char *host; /* NULL: refused */
        const char *port;
        bool is_bracketed;
} splits[] = {
        {1, "a:1", "a", "1", false},     {2, "[a]:1", "a", "1", true},
        {3, "::1:2", "::1", "2", false}, {4, "[::1]:2", "::1", "2", true},
        {5, ":", "", "", false},         {6, "[]:", "", "", true},
        {7, "a", NULL, NULL, false},     {8, "", NULL, NULL, false},
        {9, "[a", NULL, NULL, false},    {10, "[a]", NULL, NULL, false},
        {11, "[a]1", NULL, NULL, false}, {12, "[a]]:1", NULL, NULL, false},
        {13, "[", NULL, NULL, false},    {14, "a]:1", "a]", "1", false},
};

static void test_splits(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(splits); i++) {
                struct tl_text host, port;
                bool is_bracketed;

                if (tl_address_split_endpoint(text_of(splits[i].text), &host, &port,
                                              &is_bracketed) != (splits[i].host != NULL))
                        fail_msg("split %d: %s", splits[i].number, splits[i].text);
                if (!splits[i].host)
                        continue;
                assert_true(tl_text_is(host, splits[i].host));
                assert_true(tl_text_is(port, splits[i].port));
                assert_int_equal(is_bracketed, splits[i].is_bracketed);
        }
}

static void test_ports(void **state)
{
        uint16_t port = 99;

        (void)state;
        assert_false(tl_address_parse_port(text_of("0"), &port));
        assert_false(tl_address_parse_port(text_of("65536"), &port));
        assert_false(tl_address_parse_port(text_of("domain"), &port));
        assert_false(tl_address_parse_port(text_of(""), &port));
        assert_int_equal(port, 99);
        assert_true(tl_address_parse_port(text_of("1"), &port));
        assert_int_equal(port, 1);
        assert_true(tl_address_parse_port(text_of("65535"), &port));
        assert_int_equal(port, 65535);
}

static void test_format_endpoint(void **state)
{
        struct wg_endpoint ipv4 = {
                .ip = {WG_FAMILY_IPV4, {255, 255, 255, 255}},
                .port = 65535,
        };
        struct wg_endpoint longest = {
                .ip.family = WG_FAMILY_IPV6, .port = 65535, .scope = UINT32_MAX};
        char text[TL_ADDRESS_ENDPOINT_SIZE];
        size_t len;

        (void)state;
        memset(longest.ip.bytes, 0xff, sizeof(longest.ip.bytes));
        len = tl_address_format_endpoint(text, &ipv4);
        assert_string_equal(text, "255.255.255.255:65535");
        assert_int_equal(len, strlen(text));
        len = tl_address_format_endpoint(text, &longest);
        assert_string_equal(text, "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535");
        assert_int_equal(len, strlen(text));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_addresses),       cmocka_unit_test(test_random_addresses),
                cmocka_unit_test(test_length_counts),   cmocka_unit_test(test_format_ip),
                cmocka_unit_test(test_prefixes),        cmocka_unit_test(test_hosts),
                cmocka_unit_test(test_splits),          cmocka_unit_test(test_ports),
                cmocka_unit_test(test_format_endpoint),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
