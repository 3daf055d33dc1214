/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/lanways.h"

#include <stdio.h>
#include <string.h>

#include "conf/address.h"
#include "test/lib/cmocka.h"
#include "test/lib/office.h"

/* LAN i belongs to site i, but LANs 5 and 6 to site 5. */
#define FILE_TEXT \
        "network: acme\n" \
        "addresses: [10.70.0.0/24, \"fd70::/64\"]\n" \
        "hubs:\n" \
        "  z: {endpoint: z.example, key: " TEST_KEY_1 "}\n" \
        "sites:\n" \
        "  s0: {lan: 192.168.0.0/24}\n" \
        "  s1: {lan: 192.168.1.0/24, gateway: self}\n" \
        "  s2: {lan: 192.168.2.0/24, gateway: drops-invalid}\n" \
        "  s3: {lan: 192.168.3.0/24, gateway: dhcp-121}\n" \
        "  s4: {lan: 192.168.4.0/24, gateway: untouchable}\n" \
        "  s5: {lan: [192.168.5.0/24, 192.168.6.0/24, \"fd05::/64\"], node: {name: n, at: " \
        "192.168.6.2}, gateway: {kind: static-routes, routes: [192.168.0.0/22]}}\n" \
        "  s6: {lan: \"fd06::/64\"}\n"

static const char *join(char *out, size_t size, const struct tl_prefixes *list)
{
        out[0] = '\0';
        for (uint32_t i = 0; i < list->count; i++) {
                char text[TL_ADDRESS_PREFIX_SIZE];
                size_t len = strlen(out);

                tl_address_format_prefix(text, &list->items[i]);
                snprintf(out + len, size - len, "%s%s", i ? " " : "", text);
        }
        return out;
}

static const struct {
        uint32_t site;
        uint8_t family;
        const char *routes;
} routes[] = {
        /* The router has no routes yet: halves of one prefix are joined, never with the own LAN. */
        {0, WG_FAMILY_IPV4,
         "10.70.0.0/24 192.168.1.0/24 192.168.2.0/23 192.168.4.0/23 192.168.6.0/24"},
        {0, WG_FAMILY_IPV6, ""}, /* no such LAN */
        {1, WG_FAMILY_IPV4, ""}, /* the node has them */
        {2, WG_FAMILY_IPV4,
         "10.70.0.0/24 192.168.0.0/23 192.168.3.0/24 192.168.4.0/23 "
         "192.168.6.0/24"},
        {3, WG_FAMILY_IPV4,
         "10.70.0.0/24 192.168.0.0/23 192.168.2.0/24 192.168.4.0/23 "
         "192.168.6.0/24"},
        {4, WG_FAMILY_IPV4, ""},                            /* nobody can enter them */
        {5, WG_FAMILY_IPV4, "10.70.0.0/24 192.168.4.0/24"}, /* what `routes:` lacks */
        {5, WG_FAMILY_IPV6, "fd06::/64 fd70::/64"},
        {6, WG_FAMILY_IPV6, "fd05::/64 fd70::/64"},
};

static void test_routes(void **unused)
{
        struct test_office office;

        (void)unused;
        test_office_init(&office, FILE_TEXT);
        for (size_t i = 0; i < WG_ARRAY_SIZE(routes); i++) {
                struct tl_arena arena = {0};
                struct tl_prefixes list;
                char text[512];

                assert_true(tl_lanways_routes(&list, &arena, &office.model, routes[i].site,
                                              routes[i].family));
                if (strcmp(join(text, sizeof(text), &list), routes[i].routes) != 0)
                        fail_msg("case %zu: %s", i, text);
                tl_arena_done(&arena);
        }
        test_office_done(&office);
}

/* Routers get routes to mapped prefixes where LANs have the same one. */
static void test_mapped(void **unused)
{
        static const struct {
                uint32_t site;
                const char *routes;
        } cases[] = {
                {0, "10.70.0.0/24 10.200.1.0/24 192.168.1.0/24"},
                {1, "10.70.0.0/24 10.200.0.0/24 192.168.1.0/24"},
                {2, "10.70.0.0/24 10.200.0.0/23"},
        };
        struct test_office office;

        (void)unused;
        test_office_init(&office, "network: acme\n"
                                  "addresses: 10.70.0.0/24\n"
                                  "hubs: {z: {endpoint: z.example, key: " TEST_KEY_1 "}}\n"
                                  "sites:\n"
                                  "  s0: {lan: 192.168.0.0/24}\n"
                                  "  s1: {lan: 192.168.0.0/24, gateway: drops-invalid}\n"
                                  "  s2: {lan: 192.168.1.0/24}\n");
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                struct tl_arena arena = {0};
                struct tl_prefixes list;
                char text[512];

                assert_true(tl_lanways_routes(&list, &arena, &office.model, cases[i].site,
                                              WG_FAMILY_IPV4));
                if (strcmp(join(text, sizeof(text), &list), cases[i].routes) != 0)
                        fail_msg("case %zu: %s", i, text);
                tl_arena_done(&arena);
        }
        test_office_done(&office);
}

static const struct {
        uint32_t lan;
        const char *ways;
} ways[] = {
        {0, "native has_routes;"},
        {1, "native node_is_router;"},
        {2, "via_gateway drops_half;"},
        {3, "native devices_have_routes;"},
        {4, "snat no_routes;"},
        {5, "native has_routes 192.168.0.0/24 192.168.1.0/24 192.168.2.0/24 192.168.3.0/24;"
            "impossible lacks_route 192.168.4.0/24 10.70.0.0/24;"},
        {8, "native has_routes;"},
};

static void test_ways(void **unused)
{
        struct test_office office;

        (void)unused;
        test_office_init(&office, FILE_TEXT);
        for (size_t i = 0; i < WG_ARRAY_SIZE(ways); i++) {
                struct tl_arena arena = {0};
                struct tl_lanways found;
                char text[512] = "";

                assert_true(tl_lanways_list(&found, &arena, &office.model, ways[i].lan));
                for (uint32_t j = 0; j < found.count; j++) {
                        const struct tl_lanway *way = &found.items[j];
                        size_t len = strlen(text);
                        char from[256];

                        join(from, sizeof(from), &way->from);
                        snprintf(text + len, sizeof(text) - len, "%s %s%s%s;",
                                 tl_travel_name(way->mode), tl_travel_reason_name(way->reason),
                                 found.count > 1 ? " " : "", found.count > 1 ? from : "");
                }
                if (strcmp(text, ways[i].ways) != 0)
                        fail_msg("LAN %u: %s", ways[i].lan, text);
                tl_arena_done(&arena);
        }
        test_office_done(&office);
}

static void test_lan(void **unused)
{
        struct test_office office;

        (void)unused;
        test_office_init(&office, FILE_TEXT);
        assert_int_equal(tl_lanways_lan(&office.model, 0, WG_FAMILY_IPV4), 0);
        assert_int_equal(tl_lanways_lan(&office.model, 0, WG_FAMILY_IPV6), TL_MODEL_NONE);
        assert_int_equal(tl_lanways_lan(&office.model, 5, WG_FAMILY_IPV4), 6); /* has the node's */
        assert_int_equal(tl_lanways_lan(&office.model, 5, WG_FAMILY_IPV6), 7);
        test_office_done(&office);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_routes),
                cmocka_unit_test(test_mapped),
                cmocka_unit_test(test_ways),
                cmocka_unit_test(test_lan),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
