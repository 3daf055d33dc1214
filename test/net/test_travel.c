/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/travel.h"

#include <string.h>

#include "conf/address.h"
#include "test/lib/cmocka.h"
#include "test/lib/office.h"

/* One site of each kind; LAN i belongs to site i, and LAN 8 is IPv6. Line 6 + i has site i. */
#define FILE_TEXT \
        "network: acme\n" \
        "addresses: 10.70.0.0/24\n" \
        "hubs:\n" \
        "  z: {endpoint: z.example, key: " TEST_KEY_1 "}\n" \
        "sites:\n" \
        "  s0: {lan: 192.168.0.0/24}\n" \
        "  s1: {lan: 192.168.1.0/24, gateway: static-routes}\n" \
        "  s2: {lan: 192.168.2.0/24, gateway: self}\n" \
        "  s3: {lan: 192.168.3.0/24, gateway: drops-invalid}\n" \
        "  s4: {lan: 192.168.4.0/24, gateway: dhcp-121}\n" \
        "  s5: {lan: 192.168.5.0/24, gateway: untouchable}\n" \
        "  s6: {lan: 192.168.6.0/24, gateway: {kind: static-routes, routes: [192.168.0.0/22]}}\n" \
        "  s7: {lan: 192.168.7.0/24, gateway: {kind: static-routes, routes: []}}\n" \
        "  s8: {lan: \"fd77::/64\", gateway: untouchable}\n" \
        "  s9: {lan: 192.168.9.0/24, gateway: {kind: drops-invalid, routes: [192.168.0.0/22]}}\n"

static void check(const char *what, unsigned int number, struct tl_travel_choice choice,
                  enum tl_travel mode, enum tl_travel_reason reason, uint32_t line)
{
        if (choice.mode != mode || choice.reason != reason || choice.at.line != line)
                fail_msg("case %u, %s: %s, %s, line %u", number, what, tl_travel_name(choice.mode),
                         tl_travel_reason_name(choice.reason), choice.at.line);
}

static void test_table(void **unused)
{
        static const struct {
                uint32_t lan;
                const char *other;
                enum tl_travel in, out;
                enum tl_travel_reason reason;
        } cases[] = {
#define CASE(lan, other, in, out, reason) \
        {lan, other, TL_TRAVEL_##in, TL_TRAVEL_##out, TL_TRAVEL_##reason}
                CASE(0, "10.70.0.4/32", NATIVE, NATIVE, HAS_ROUTES),
                CASE(0, "192.168.5.0/24", NATIVE, NATIVE, HAS_ROUTES),
                CASE(0, "fd01::4/128", IMPOSSIBLE, IMPOSSIBLE, NO_FAMILY),
                CASE(1, "10.70.0.4/32", NATIVE, NATIVE, HAS_ROUTES),
                CASE(1, "192.168.5.0/24", NATIVE, NATIVE, HAS_ROUTES),
                CASE(2, "10.70.0.4/32", NATIVE, NATIVE, NODE_IS_ROUTER),
                CASE(2, "192.168.5.0/24", NATIVE, NATIVE, NODE_IS_ROUTER),
                CASE(2, "fd77::/64", IMPOSSIBLE, IMPOSSIBLE, NO_FAMILY),
                CASE(3, "10.70.0.4/32", VIA_GATEWAY, NATIVE, DROPS_HALF),
                CASE(3, "192.168.5.0/24", VIA_GATEWAY, NATIVE, DROPS_HALF),
                CASE(4, "10.70.0.4/32", NATIVE, NATIVE, DEVICES_HAVE_ROUTES),
                CASE(4, "192.168.5.0/24", NATIVE, NATIVE, DEVICES_HAVE_ROUTES),
                CASE(5, "10.70.0.4/32", SNAT, IMPOSSIBLE, NO_ROUTES),
                CASE(5, "192.168.4.0/24", SNAT, IMPOSSIBLE, NO_ROUTES),
                CASE(5, "fd77::/64", IMPOSSIBLE, IMPOSSIBLE, NO_FAMILY),
                CASE(6, "192.168.3.0/24", NATIVE, NATIVE, HAS_ROUTES), /* within a route */
                CASE(6, "192.168.0.0/22", NATIVE, NATIVE, HAS_ROUTES),
                CASE(6, "192.168.0.0/21", IMPOSSIBLE, IMPOSSIBLE, LACKS_ROUTE), /* half of it */
                CASE(6, "192.168.4.0/24", IMPOSSIBLE, IMPOSSIBLE, LACKS_ROUTE),
                CASE(6, "10.70.0.4/32", IMPOSSIBLE, IMPOSSIBLE, LACKS_ROUTE),
                CASE(7, "192.168.3.0/24", IMPOSSIBLE, IMPOSSIBLE, LACKS_ROUTE),
                CASE(8, "fd01::4/128", SNAT, IMPOSSIBLE, NO_ROUTES),
                CASE(8, "10.70.0.4/32", IMPOSSIBLE, IMPOSSIBLE, NO_FAMILY),
                CASE(9, "192.168.3.0/24", VIA_GATEWAY, NATIVE, DROPS_HALF),
                CASE(9, "10.70.0.4/32", IMPOSSIBLE, IMPOSSIBLE, LACKS_ROUTE),
#undef CASE
        };
        struct test_office office;
        uint32_t kinds = 0;

        (void)unused;
        test_office_init(&office, FILE_TEXT);
        for (uint32_t i = 0; i < office.network.site_count; i++)
                kinds |= UINT32_C(1) << office.network.sites[i].gateway;
        assert_int_equal(kinds, (UINT32_C(1) << WG_ENUM_COUNT(tl_gateway)) - 1); /* all of them */
        for (unsigned int i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                uint32_t line = 6 + cases[i].lan;
                struct wg_prefix other;

                assert_true(tl_address_parse_prefix(
                        (struct tl_text){cases[i].other, strlen(cases[i].other)}, &other));
                check("in", i, tl_travel_in(&office.model, cases[i].lan, &other), cases[i].in,
                      cases[i].reason, line);
                check("out", i, tl_travel_out(&office.model, cases[i].lan, &other), cases[i].out,
                      cases[i].reason, line);
        }
        test_office_done(&office);
}

/* Stand-ins make a difference only on the way out of a LAN whose router nobody can change; the one
 * for the longest prefix counts. */
static void test_stand_ins(void **unused)
{
        static const struct {
                uint32_t lan;
                const char *to;
                enum tl_travel out;
                enum tl_travel_reason reason;
                uint32_t line;
        } cases[] = {
                {0, "192.168.1.9/32", TL_TRAVEL_VIRTUAL, TL_TRAVEL_HAS_STAND_IN, 6},
                {0, "192.168.1.0/24", TL_TRAVEL_IMPOSSIBLE, TL_TRAVEL_NO_ROUTES, 6},
                {0, "192.168.1.128/26", TL_TRAVEL_BLOCK, TL_TRAVEL_HAS_STAND_IN, 6},
                {0, "192.168.1.130/32", TL_TRAVEL_BLOCK, TL_TRAVEL_HAS_STAND_IN, 6},
                {0, "192.168.1.129/32", TL_TRAVEL_VIRTUAL, TL_TRAVEL_HAS_STAND_IN, 6},
                {0, "192.168.1.127/32", TL_TRAVEL_IMPOSSIBLE, TL_TRAVEL_NO_ROUTES, 6},
                {0, "192.168.1.192/32", TL_TRAVEL_IMPOSSIBLE, TL_TRAVEL_NO_ROUTES, 6},
                {0, "10.70.0.1/32", TL_TRAVEL_VIRTUAL, TL_TRAVEL_HAS_STAND_IN, 6},
                {0, "fd01::4/128", TL_TRAVEL_IMPOSSIBLE, TL_TRAVEL_NO_FAMILY, 6},
                {1, "192.168.0.9/32", TL_TRAVEL_NATIVE, TL_TRAVEL_HAS_ROUTES, 9},
        };
        struct test_office office;

        (void)unused;
        test_office_init(&office, "network: acme\n"
                                  "addresses: 10.70.0.0/24\n"
                                  "hubs:\n"
                                  "  z: {endpoint: z.example, key: " TEST_KEY_1 "}\n"
                                  "sites:\n"
                                  "  s0: {lan: 192.168.0.0/24, gateway: untouchable, virtual: "
                                  "{192.168.0.240: d, 192.168.0.241: x, 192.168.0.242: z, "
                                  "192.168.0.128/26: 192.168.1.128/26}}\n"
                                  "\n"
                                  "\n"
                                  "  s1: {lan: 192.168.1.0/24, devices: {d: 192.168.1.9, x: "
                                  "192.168.1.129}}\n");
        for (unsigned int i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                struct wg_prefix to;

                assert_true(tl_address_parse_prefix(
                        (struct tl_text){cases[i].to, strlen(cases[i].to)}, &to));
                check("out", i, tl_travel_out(&office.model, cases[i].lan, &to), cases[i].out,
                      cases[i].reason, cases[i].line);
        }
        test_office_done(&office);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_table),
                                           cmocka_unit_test(test_stand_ins)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
