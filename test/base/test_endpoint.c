/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_endpoint.c - base/endpoint.h: when two remotes are the same. */
#include <stdint.h>

#include "base/endpoint.h"
#include "test/lib/cmocka.h"

static const struct wg_endpoint reference = {
        .ip = {WG_FAMILY_IPV6, {0xfe, 0x80, [15] = 1}},
        .port = 51820,
        .scope = 3,
        .source = {WG_FAMILY_IPV6, {0xfe, 0x80, [15] = 2}},
        .source_ifindex = 3,
};

static void test_ip(void **state)
{
        const struct wg_ip none = {0}, any4 = {WG_FAMILY_IPV4, {0}}, any6 = {WG_FAMILY_IPV6, {0}};
        struct wg_ip ip = reference.ip;

        (void)state;
        assert_int_equal(wg_ip_bits(&any4), 32);
        assert_int_equal(wg_ip_bits(&any6), 128);
        assert_true(wg_ip_equal(&ip, &reference.ip));
        assert_false(wg_ip_equal(&any4, &any6));
        assert_false(wg_ip_equal(&any4, &none));
        for (size_t i = 0; i < sizeof(ip.bytes); i++) {
                ip.bytes[i] ^= 1;
                assert_false(wg_ip_equal(&ip, &reference.ip));
                ip.bytes[i] ^= 1;
        }
}

static void test_same_remote(void **state)
{
        struct wg_endpoint other = reference;

        (void)state;
        assert_true(wg_endpoint_is_same_remote(&other, &reference));
        other.source.bytes[15]++;
        other.source_ifindex++;
        assert_true(wg_endpoint_is_same_remote(&other, &reference));
        other.port++;
        assert_false(wg_endpoint_is_same_remote(&other, &reference));
        other.port--;
        other.scope++;
        assert_false(wg_endpoint_is_same_remote(&other, &reference));
        other.scope--;
        other.ip.bytes[0]++;
        assert_false(wg_endpoint_is_same_remote(&other, &reference));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_ip),
                cmocka_unit_test(test_same_remote),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
