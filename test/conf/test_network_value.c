/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/network_value.h"

#include <stdio.h>
#include <string.h>

#include "conf/address.h"
#include "test/lib/cmocka.h"

static struct tl_text text_of(const char *text)
{
        return (struct tl_text){text, strlen(text)};
}

/* "HOST PORT" or "HOST PORT ip"; NULL: refused. */
static const struct {
        const char *text, *expected;
} endpoints[] = {
        {"h", "h 51820"},
        {"h:1", "h 1"},
        {"Hub.Acme.Example:65535", "Hub.Acme.Example 65535"},
        {"3com.example", "3com.example 51820"},
        {"10.0.0.1", "10.0.0.1 51820 ip"},
        {"10.0.0.1:7", "10.0.0.1 7 ip"},
        {"2001:db8::1", "2001:db8::1 51820 ip"},
        {"[2001:db8::1]", "2001:db8::1 51820 ip"},
        {"[2001:db8::1]:7", "2001:db8::1 7 ip"},
        {"", NULL},
        {":7", NULL},
        {"h:", NULL},
        {"h:0", NULL},
        {"h:65536", NULL},
        {"h:x", NULL},
        {"h:7:8", NULL},
        {"h.", NULL},
        {"-h", NULL},
        {"h_1", NULL},
        {"h h", NULL},
        {"10.0.0.256", NULL},
        {"10.0.0", NULL},
        {"[h]", NULL},
        {"[h]:7", NULL},
        {"[10.0.0.1]", NULL},
        {"[10.0.0.1]:7", NULL},
        {"[2001:db8::1", NULL},
        {"[2001:db8::1]7", NULL},
        {"2001:db8::1:99999", NULL},
        {"1:2:3:4:5:6:7:8:9", NULL},
        {"[]", NULL},
        {"[]:7", NULL},
};

static void test_endpoints(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(endpoints); i++) {
                const char *expected = endpoints[i].expected;
                struct tl_text host;
                struct wg_ip ip;
                uint16_t port;
                char result[128] = "refused";

                if (tl_value_endpoint(text_of(endpoints[i].text), &host, &ip, &port))
                        snprintf(result, sizeof(result), "%.*s %u%s", (int)host.len, host.at, port,
                                 ip.family ? " ip" : "");
                if (strcmp(result, expected ? expected : "refused") != 0)
                        fail_msg("case %zu: \"%s\" gives \"%s\"", i, endpoints[i].text, result);
        }
}

/* The prefix, with "!" after it if it had host bits; NULL: refused. */
static const struct {
        const char *text, *expected;
} prefixes[] = {
        {"10.0.0.0/8", "10.0.0.0/8"},
        {"10.1.0.0/8", "10.0.0.0/8!"},
        {"0.0.0.0/0", "0.0.0.0/0"},
        {"1.2.3.4/32", "1.2.3.4/32"},
        {"fd00::/64", "fd00::/64"},
        {"fd00::1/64", "fd00::/64!"},
        {"::/0", "::/0"},
        {"10.0.0.0", NULL},
        {"10.0.0.0/", NULL},
        {"10.0.0.0/33", NULL},
        {"fd00::/129", NULL},
        {"/8", NULL},
        {"10.0.0.0/8/8", NULL},
        {"10.0.0.0/-1", NULL},
        {"", NULL},
};

static void test_prefixes(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(prefixes); i++) {
                const char *expected = prefixes[i].expected;
                char result[TL_ADDRESS_PREFIX_SIZE + 1] = "refused";
                struct wg_prefix prefix;
                bool has_host_bits;

                if (tl_value_prefix(text_of(prefixes[i].text), &prefix, &has_host_bits)) {
                        tl_address_format_prefix(result, &prefix);
                        strcat(result, has_host_bits ? "!" : "");
                }
                if (strcmp(result, expected ? expected : "refused") != 0)
                        fail_msg("case %zu: \"%s\" gives \"%s\"", i, prefixes[i].text, result);
        }
}

/* "PROTOCOL FIRST LAST"; NULL: refused. */
static const struct {
        const char *text, *expected;
} ports[] = {
        {"1", "6 1 1"},
        {"65535", "6 65535 65535"},
        {"443/tcp", "6 443 443"},
        {"53/udp", "17 53 53"},
        {"1-65535", "6 1 65535"},
        {"5-5/udp", "17 5 5"},
        {"icmp", "1 0 0"},
        {"0443", "6 443 443"},
        {"", NULL},
        {"0", NULL},
        {"65536", NULL},
        {"0-1", NULL},
        {"2-1", NULL},
        {"1-", NULL},
        {"-1", NULL},
        {"1-65536", NULL},
        {"1/", NULL},
        {"1/sctp", NULL},
        {"1/TCP", NULL},
        {"icmp/tcp", NULL},
        {"/tcp", NULL},
        {"tcp", NULL},
        {"1 ", NULL},
        {"1-2-3", NULL},
        {"1/tcp/udp", NULL},
};

static void test_ports(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(ports); i++) {
                const char *expected = ports[i].expected;
                struct tl_port_range range = {.at = {7, 8}};
                char result[64] = "refused";

                if (tl_value_ports(text_of(ports[i].text), &range))
                        snprintf(result, sizeof(result), "%d %d %d", range.protocol, range.first,
                                 range.last);
                if (strcmp(result, expected ? expected : "refused") != 0)
                        fail_msg("case %zu: \"%s\" gives \"%s\"", i, ports[i].text, result);
                assert_int_equal(range.at.line, 7);
        }
}

static void test_keys(void **state)
{
        uint8_t key[TL_CONF_KEY_LEN] = {9};

        (void)state;
        assert_false(tl_value_key(text_of(""), key));
        assert_false(tl_value_key(text_of("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), key));
        assert_false(tl_value_key(text_of("BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB="), key));
        assert_int_equal(key[0], 9);
        assert_true(tl_value_key(text_of("BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), key));
        assert_int_equal(key[0], 4);
}

static void test_words(void **state)
{
        (void)state;
        assert_int_equal(tl_value_word(&tl_gateway_enum, text_of("drops-invalid"))->value,
                         TL_GATEWAY_DROPS_INVALID);
        assert_int_equal(tl_value_word(&tl_gateway_enum, text_of("self"))->value, TL_GATEWAY_SELF);
        assert_null(tl_value_word(&tl_gateway_enum, text_of("drops_invalid")));
        assert_null(tl_value_word(&tl_gateway_enum, text_of("")));
        assert_null(tl_value_word(&tl_gateway_enum, text_of("self ")));
        assert_null(tl_value_word(&tl_gateway_enum,
                                  text_of("selfselfselfselfselfselfselfselfselfselfselfselfselfself"
                                          "selfselfselfself")));
}

/* No text that may be a key, or has control characters, is quoted. */
static void test_quotable(void **state)
{
        (void)state;
        assert_true(tl_value_is_quotable(text_of("a b")));
        assert_true(tl_value_is_quotable(text_of("123456789012345678901234567890123456789")));
        assert_false(tl_value_is_quotable(text_of("1234567890123456789012345678901234567890")));
        assert_false(tl_value_is_quotable(text_of("")));
        assert_false(tl_value_is_quotable(text_of("a\nb")));
        assert_false(tl_value_is_quotable(text_of("a\033b")));
        assert_false(tl_value_is_quotable(text_of("\xc3\xa4")));
        assert_false(tl_value_is_quotable((struct tl_text){"a\0b", 3}));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_endpoints), cmocka_unit_test(test_prefixes),
                cmocka_unit_test(test_ports),     cmocka_unit_test(test_keys),
                cmocka_unit_test(test_words),     cmocka_unit_test(test_quotable),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
