/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_travelview.c - cli/travelview.h: what people and programs see. */
#include "cli/travelview.h"

#include <stdlib.h>
#include <string.h>

#include "test/lib/cmocka.h"
#include "test/lib/office.h"

#define YAML \
        "network: acme\n" \
        "addresses: 10.70.0.0/24\n" \
        "hubs:\n" \
        "  z: {endpoint: z.example, key: " TEST_KEY_1 "}\n" \
        "sites:\n" \
        "  s1: {lan: 192.168.1.0/24, gateway: untouchable, virtual: {192.168.1.9: d}}\n" \
        "  s2: {lan: 192.168.2.0/24, gateway: drops-invalid, devices: {d: 192.168.2.7}}\n" \
        "  s3: {lan: 192.168.2.0/24, gateway: self}\n" \
        "people:\n" \
        "  e: {devices: {laptop: {key: " TEST_KEY_2 ", lan: 192.168.1.0/24}}}\n"

static void check(const struct tl_pen *like, const char *expected)
{
        struct tl_pen pen = *like;
        struct test_office office;
        char *text = NULL;
        size_t size;

        test_office_init(&office, YAML);
        pen.out = open_memstream(&text, &size);
        assert_non_null(pen.out);
        assert_true(tl_travelview_print(&pen, &office.model));
        assert_int_equal(fclose(pen.out), 0);
        assert_string_equal(text, expected);
        free(text);
        test_office_done(&office);
}

static void test_matrix(void **state WG_UNUSED)
{
        check(&(struct tl_pen){.width = 200},
              "How packets travel\n"
              "\n"
              "  from \\ to  s1                                 s2                                 "
              "          s3                            e/laptop\n"
              "  s1         local                              virtual + netmap + via gateway "
              "(some) 1,2,3  none 4,5                      none 4\n"
              "  s2         netmap + via gateway + snat 2,4,3  local                               "
              "         netmap + via gateway 2,5,3,6  netmap + via gateway 2,3\n"
              "  s3         netmap + snat 5,4,6                netmap + via gateway 5,2,6,3        "
              "         local                         netmap 5,6\n"
              "  e/laptop   netmap + snat 4,7                  netmap + via gateway 2,3            "
              "         netmap 5,6                    local\n"
              "\n"
              "    1  s1: the LAN's router cannot be changed, but an address of the LAN stands for "
              "it [line 6]\n"
              "    2  s2: the LAN's router drops connections of which it sees only one direction "
              "[line 7]\n"
              "    3  s2: its LAN overlaps another network [line 7]\n"
              "    4  s1: the LAN's router sends replies elsewhere [line 6]\n"
              "    5  s3: the node is the LAN's router [line 8]\n"
              "    6  s3: its LAN overlaps another network [line 8]\n"
              "    7  e/laptop: it is in a network with the same addresses [line 10]\n");
}

static void test_list(void **state WG_UNUSED)
{
        check(&(struct tl_pen){.width = 60},
              "How packets travel\n"
              "\n"
              "  s1\n"
              "    virtual + netmap + via gateway (some) 1,2,3 to s2\n"
              "    none 4 to s3, e/laptop\n"
              "  s2\n"
              "    netmap + via gateway + snat 2,4,3 to s1\n"
              "    netmap + via gateway 2,3 to s3, e/laptop\n"
              "  s3\n"
              "    netmap + snat 5,4,6 to s1\n"
              "    netmap + via gateway 5,2,6,3 to s2\n"
              "    netmap 5,6 to e/laptop\n"
              "  e/laptop\n"
              "    netmap + snat 4,7 to s1\n"
              "    netmap + via gateway 2,3 to s2\n"
              "    netmap 5,6 to s3\n"
              "\n"
              "    1  s1: the LAN's router cannot be changed, but an\n"
              "       address of the LAN stands for it [line 6]\n"
              "    2  s2: the LAN's router drops connections of which it\n"
              "       sees only one direction [line 7]\n"
              "    3  s2: its LAN overlaps another network [line 7]\n"
              "    4  s1: the LAN's router sends replies elsewhere [line 6]\n"
              "    5  s3: the node is the LAN's router [line 8]\n"
              "    6  s3: its LAN overlaps another network [line 8]\n"
              "    7  e/laptop: it is in a network with the same addresses\n"
              "       [line 10]\n");
}

static void test_json(void **state WG_UNUSED)
{
        struct test_office office;
        json_t *object, *pairs;

        test_office_init(&office, YAML);
        object = tl_travelview_json(&office.model);
        assert_non_null(object);
        assert_int_equal(json_array_size(json_object_get(object, "parties")), 4);
        pairs = json_object_get(object, "pairs");
        for (size_t i = 0; i < json_array_size(pairs); i++) {
                json_t *pair = json_array_get(pairs, i);

                assert_true(json_array_size(json_object_get(pair, "ways")) > 0);
                assert_true(json_is_string(json_object_get(pair, "from")));
        }
        json_decref(object);
        test_office_done(&office);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_matrix),
                cmocka_unit_test(test_list),
                cmocka_unit_test(test_json),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
