/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/travelmap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/writer.h"
#include "test/lib/cmocka.h"
#include "test/lib/office.h"

#define HEAD \
        "network: acme\n" \
        "addresses: 10.70.0.0/24\n" \
        "hubs:\n" \
        "  z: {endpoint: z.example, key: " TEST_KEY_1 "}\n" \
        "sites:\n"

/* Rows as texts: "s0 1: native none", in the order of the columns. */
static void describe(const struct tl_travelmap *map, char *out, size_t size)
{
        struct tl_writer writer;

        tl_writer_init(&writer, out, size);
        for (uint32_t i = 0; i < map->count; i++) {
                tl_writer_add(&writer, "%s %u:", map->parties[i].name,
                              (unsigned int)map->parties[i].count);
                for (uint32_t k = 0; k < map->count; k++) {
                        const struct tl_travelmap_cell *cell = &map->cells[i * map->count + k];

                        tl_writer_add(&writer, "%s", cell->ways ? " " : " -");
                        for (int way = 0; way <= TL_PAIR_LOCAL; way++)
                                if (cell->ways >> way & 1)
                                        tl_writer_add(&writer, "%.3s",
                                                      tl_pair_way_name((enum tl_pair_way)way));
                        tl_writer_add(&writer, "%s%s", cell->is_part ? "+" : "",
                                      cell->is_mixed ? "?" : "");
                }
                tl_writer_add(&writer, "\n");
        }
        assert_false(writer.is_cut);
}

static void check(int number, const char *yaml, const char *expected)
{
        struct test_office office;
        struct tl_travelmap map;
        char text[2048];

        test_office_init(&office, yaml);
        assert_true(tl_travelmap_make(&map, &office.model));
        describe(&map, text, sizeof(text));
        if (strcmp(text, expected) != 0)
                fail_msg("%d:\n%sinstead of\n%s", number, text, expected);
        tl_travelmap_done(&map);
        test_office_done(&office);
}

static void test_table(void **state WG_UNUSED)
{
        check(1, HEAD "  s0: {lan: 192.168.0.0/24}\n", "s0 1: loc nat\nhubs 1: nat loc\n");
        /* Sites that are alike are one row. */
        check(2,
              HEAD "  s0: {lan: 192.168.0.0/24}\n  s1: {lan: 192.168.1.0/24}\n"
                   "  s2: {lan: 192.168.2.0/24, gateway: untouchable}\n"
                   "people:\n  p: {devices: {x: {key: " TEST_KEY_2 "}, y: {key: " TEST_KEY_3
                   "}}}\n",
              "s0 2: nat sna nat\ns2 1: non loc non\npeople 1: nat sna nat\n");
        /* Overlaps. */
        check(3, HEAD "  s0: {lan: 192.168.0.0/24}\n  s1: {lan: 192.168.0.0/24}\n",
              "s0 2: net net\nhubs 1: net loc\n");
        /* A router that knows one of two sites: connections fail from either side. LANs of
         * different families have no pairs. */
        check(4,
              HEAD "  s0: {lan: 192.168.0.0/24, gateway: {kind: static-routes, routes: "
                   "[192.168.1.0/24, 10.70.0.0/24]}}\n"
                   "  s1: {lan: 192.168.1.0/24}\n  s2: {lan: 192.168.2.0/24}\n"
                   "  s3: {lan: \"fd77::/64\"}\n",
              "s0 2: non nat - nat\ns1 1: nat loc - nat\ns3 1: - - loc -\nhubs 1: nat nat - loc\n");
}

/* All pairs of parties that are not mixed travel alike, and the rows of a large network are few. */
static void test_large(void **state WG_UNUSED)
{
        enum { SITES = 200 };
        static const char *const gateways[] = {"self", "static-routes", "untouchable", "dhcp-121"};
        static char yaml[SITES * 80 + 256];
        struct test_office office;
        struct tl_travelmap map;
        struct tl_writer out;
        uint32_t members = 0;

        tl_writer_init(&out, yaml, sizeof(yaml));
        tl_writer_add(&out, "%s", HEAD);
        for (unsigned int i = 0; i < SITES; i++)
                tl_writer_add(&out, "  s%u: {lan: 172.16.%u.0/24, gateway: %s}\n", i,
                              i < 180 ? i : 0, gateways[i % WG_ARRAY_SIZE(gateways)]);
        assert_false(out.is_cut);
        test_office_init(&office, yaml);
        assert_true(tl_travelmap_make(&map, &office.model));
        assert_in_range(map.count, 4, 20);
        for (uint32_t i = 0; i < map.count; i++)
                members += map.parties[i].count;
        assert_int_equal(members, map.item_count);
        for (uint32_t i = 0; i < map.count * map.count; i++) {
                struct tl_travelmap_reason reasons[TL_TRAVELMAP_REASONS];
                uint32_t count = tl_travelmap_explain(&office.model, &map.cells[i], reasons);

                assert_false(map.cells[i].is_mixed);
                for (uint32_t k = 0; k < count; k++)
                        assert_true(reasons[k].at.line > 0);
        }
        tl_travelmap_done(&map);
        test_office_done(&office);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_table),
                cmocka_unit_test(test_large),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
