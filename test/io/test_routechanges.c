/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/routechanges.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "test/lib/cmocka.h"
#include "test/lib/ip.h"

static struct tl_route_change to(const char *address, uint8_t cidr)
{
        struct wg_ip there = test_ip(address);

        return (struct tl_route_change){.to = {there, cidr}, .from = {.ip.family = there.family}};
}

static void test_boundaries_of_a_prefix(void **state WG_UNUSED)
{
        static const struct {
                int number;
                const char *prefix;
                uint8_t cidr;
                const char *address;
                bool is_touched;
        } cases[] = {
                {1, "0.0.0.0", 0, "255.255.255.255", true},
                {2, "0.0.0.0", 0, "::", false},
                {3, "::", 0, "ffff::1", true},
                {4, "::", 0, "0.0.0.0", false},
                {5, "128.0.0.0", 1, "128.0.0.0", true},
                {6, "128.0.0.0", 1, "127.255.255.255", false},
                {7, "192.0.2.0", 31, "192.0.2.1", true},
                {8, "192.0.2.0", 31, "192.0.2.2", false},
                {9, "192.0.2.1", 32, "192.0.2.1", true},
                {10, "192.0.2.1", 32, "192.0.2.0", false},
                {11, "2001:db8::", 64, "2001:db8::ffff:0:0:1", true},
                {12, "2001:db8::", 64, "2001:db8:0:1::", false},
                {13, "2001:db8::", 65, "2001:db8::8000:0:0:0", false},
                {14, "2001:db8::1", 128, "2001:db8::1", true},
                {15, "2001:db8::1", 128, "2001:db8::", false},
        };

        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                struct tl_route_changes changes = {.count = 0};
                struct tl_route_change change = to(cases[i].prefix, cases[i].cidr);
                struct wg_endpoint e = {.ip = test_ip(cases[i].address)};

                e.source.family = e.ip.family;
                assert_false(tl_route_changes_touch(&changes, &e));
                tl_route_changes_add(&changes, &change);
                if (tl_route_changes_touch(&changes, &e) != cases[i].is_touched)
                        fail_msg("case %d", cases[i].number);
        }
}

static void test_a_covered_change_takes_no_room(void **state WG_UNUSED)
{
        struct tl_route_changes changes = {.count = 0};
        const struct tl_route_change narrow = to("192.0.2.7", 32), wide = to("192.0.2.0", 24);

        for (int i = 0; i < 1000; i++)
                tl_route_changes_add(&changes, &narrow);
        assert_int_equal(changes.count, 1);
        tl_route_changes_add(&changes, &wide);
        tl_route_changes_add(&changes, &narrow);
        assert_int_equal(changes.count, 1);
        assert_int_equal(changes.items[0].to.cidr, 24);
}

/* However many changes are added, the set contains them all, and no distant flow. */
static void test_a_full_set_forgets_nothing(void **state WG_UNUSED)
{
        enum { COUNT = 5000 };
        static struct wg_endpoint flows[COUNT];
        unsigned int seed = (unsigned int)time(NULL);
        struct tl_route_changes changes = {.count = 0};
        struct wg_endpoint far = {.ip = test_ip("10.0.0.1"), .source = test_ip("192.0.2.1")};

        print_message("seed %u\n", seed);
        srand(seed);
        for (size_t i = 0; i < COUNT; i++) {
                struct tl_route_change change = to("203.0.0.0", 32);

                change.to.ip.bytes[2] = (uint8_t)rand();
                change.to.ip.bytes[3] = (uint8_t)rand();
                flows[i] = (struct wg_endpoint){.ip = change.to.ip, .source = test_ip("192.0.2.1")};
                tl_route_changes_add(&changes, &change);
                assert_true(changes.count <= TL_ROUTE_CHANGES_MAX);
        }
        for (size_t i = 0; i < COUNT; i++)
                assert_true(tl_route_changes_touch(&changes, &flows[i]));
        assert_false(tl_route_changes_touch(&changes, &far));

        /* The first change of a family in a full set. */
        tl_route_changes_add(&changes,
                             &(struct tl_route_change){.to = {test_ip("2001:db8::1"), 128},
                                                       .from = {.ip.family = WG_FAMILY_IPV6}});
        far = (struct wg_endpoint){.ip = test_ip("2001:db8::1"), .source = test_ip("2001:db8::2")};
        assert_true(tl_route_changes_touch(&changes, &far));
        assert_true(tl_route_changes_touch(&changes, &flows[0]));
}

/* Truncated messages, or wrong lengths in them, cause no access outside the message. */
static void test_invalid_messages(void **state WG_UNUSED)
{
        const struct tl_route_sender sender = {.port = 7000};
        struct tl_route_links *links = calloc(1, sizeof(*links));
        unsigned int seed = (unsigned int)time(NULL);

        print_message("seed %u\n", seed);
        srand(seed);
        for (int i = 0; i < 20000; i++) {
                static const uint16_t types[] = {16, 17, 20, 21, 24, 25, 32, 33, 104};
                size_t len = (size_t)rand() % 96;
                uint32_t *message = malloc(len + 4);
                struct tl_route_changes changes = {.count = 0};

                for (size_t j = 0; j < len; j++)
                        ((uint8_t *)message)[j] = (uint8_t)(rand() % 3 ? rand() % 24 : rand());
                if (len >= 16) {
                        message[0] = (uint32_t)(rand() % 4 ? len : (size_t)rand());
                        ((uint16_t *)message)[2] = types[(size_t)rand() % WG_ARRAY_SIZE(types)];
                }
                tl_route_changes_heed(&changes, links, &sender, message, len);
                free(message);
        }
        free(links);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_boundaries_of_a_prefix),
                cmocka_unit_test(test_a_covered_change_takes_no_room),
                cmocka_unit_test(test_a_full_set_forgets_nothing),
                cmocka_unit_test(test_invalid_messages),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
