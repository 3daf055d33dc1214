/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/pathmtu.h"

#include <string.h>

#include "test/lib/cmocka.h"
#include "test/lib/office.h"

/* Nodes in this order: z1 1500, z2 1480, z3 9000; a1 1492, a2 1400, a3 1500 and a4 1500, which are
 * public; p/d1 1300, p/d2 9000, p/s 1500. */
#define FILE_TEXT(addresses) \
        "network: acme\n" \
        "addresses: " addresses "\n" \
        "hubs:\n" \
        "  z1: {endpoint: z1.example}\n" \
        "  z2: {endpoint: z2.example, mtu: 1480}\n" \
        "  z3: {endpoint: z3.example, mtu: 9000}\n" \
        "sites:\n" \
        "  s1: {node: a1, lan: 192.168.1.0/24, mtu: 1492}\n" \
        "  s2: {node: a2, lan: 192.168.2.0/24, mtu: 1400, hub: z2}\n" \
        "  s3: {node: a3, lan: 192.168.3.0/24, hub: z2, endpoint: a3.example}\n" \
        "  s4: {node: a4, lan: 192.168.4.0/24, hub: z2, endpoint: a4.example}\n" \
        "people:\n" \
        "  p: {devices: {d1: {mtu: 1300}, d2: {mtu: 9000, hub: z3}, s: {stock: true, hub: z3}}}\n"

static void test_links(void **unused)
{
        static const struct {
                const char *node;
                uint32_t own_uplink, mtu;
        } cases[] = {
                {"z1", 0, 1420},    {"z1", 1500, 1420},
                {"z1", 9000, 1420}, /* the file is the limit: others rely on it */
                {"z1", 1420, 1340}, /* a tunnel in a tunnel */
                {"z1", 1361, 1281}, {"z1", 1360, 1280},
                {"z1", 1359, 1280}, /* the minimum for IPv6 */
                {"z1", 576, 1280},  {"z2", 0, 1400},
                {"z3", 0, 8920},    {"a1", 0, 1412}, /* not that of its hub */
                {"a2", 1300, 1280}, {"p/d1", 0, 1280},
                {"p/s", 0, 1280}, /* a stock device: its narrowest path */
        };
        struct test_office office;

        (void)unused;
        test_office_init(&office, FILE_TEXT("10.70.0.0/24"));
        for (unsigned int i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                uint32_t node = test_office_node(&office.model, cases[i].node);
                uint32_t mtu = tl_pathmtu_link(&office.model, node, cases[i].own_uplink);

                if (mtu != cases[i].mtu)
                        fail_msg("case %u: %u", i, mtu);
        }
        test_office_done(&office);
}

static void test_paths(void **unused)
{
        static const struct {
                const char *from, *to;
                uint32_t mtu;
        } cases[] = {
                {"z1", "z1", 1420},   {"z1", "a1", 1412},   {"z1", "z2", 1400},
                {"z3", "p/d2", 8920}, {"a1", "p/d2", 1412}, {"a1", "a2", 1320},
                {"a2", "p/d1", 1280}, {"a3", "a4", 1420}, /* directly */
                {"a3", "a1", 1400},                       /* through z2 and z1 */
                {"p/d2", "a3", 1400}, {"p/d2", "z1", 1420},
        };
        struct test_office office;

        (void)unused;
        test_office_init(&office, FILE_TEXT("10.70.0.0/24"));
        for (unsigned int i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                uint32_t from = test_office_node(&office.model, cases[i].from);
                uint32_t to = test_office_node(&office.model, cases[i].to);

                if (tl_pathmtu_between(&office.model, from, to) != cases[i].mtu ||
                    tl_pathmtu_between(&office.model, to, from) != cases[i].mtu)
                        fail_msg("case %u: %u", i, tl_pathmtu_between(&office.model, from, to));
        }
        test_office_done(&office);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_links),
                cmocka_unit_test(test_paths),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
