/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/members.h"

#include <stdio.h>
#include <string.h>

#include "conf/address.h"
#include "test/lib/cmocka.h"
#include "test/lib/heap.h"
#include "test/lib/office.h"

#define FILE_TEXT \
        "network: acme\n" \
        "addresses: 10.70.0.0/24\n" \
        "hubs:\n" \
        "  z: {endpoint: z.example, key: " TEST_KEY_1 "}\n" \
        "sites:\n" \
        "  s1: {node: {name: a, at: 192.168.1.2}, lan: 192.168.1.0/24, devices: {b: " \
        "192.168.1.9}}\n" \
        "  s2: {lan: [192.168.2.0/24, \"fd77::/64\"], devices: {d: [192.168.2.9, \"fd77::9\"]}}\n" \
        "  s3: {lan: 192.168.3.0/24, devices: {p: 192.168.3.9}}\n" \
        "  s4: {lan: 192.168.3.0/24, devices: {q: 192.168.3.9}}\n" \
        "people:\n" \
        "  e: {groups: [developers], devices: {laptop: {}}}\n" \
        "  f: {groups: [developers, night], devices: {laptop: {}, phone: {}}}\n" \
        "services: {git: {at: d, ports: [443]}, web: {at: 192.168.1.7, ports: [80]}, " \
        "wiki: {at: z, ports: [80]}, vpn: {at: 10.70.0.1, ports: [80]}}\n"

/* The IPv4 prefixes, and how many of IPv6 there are. */
static void describe(char *out, const struct tl_prefixes *list)
{
        uint32_t others = 0;

        *out = '\0';
        for (uint32_t i = 0; i < list->count; i++) {
                char text[TL_ADDRESS_PREFIX_SIZE];

                if (list->items[i].ip.family != WG_FAMILY_IPV4) {
                        others++;
                        continue;
                }
                tl_address_format_prefix(text, &list->items[i]);
                strcat(strcat(out, text), " ");
        }
        sprintf(out + strlen(out), "+%u", others);
}

static void test_words(void **unused)
{
        static const struct {
                const char *word, *members;
        } cases[] = {
                {"z", "10.70.0.1/32 +1"},
                /* Also its address in the LAN, which is not known of s2-node. */
                {"a", "10.70.0.2/32 192.168.1.2/32 10.200.0.2/32 +1"},
                {"s2-node", "10.70.0.3/32 +1"},
                {"s1", "10.70.0.2/32 192.168.1.0/24 10.200.0.0/24 +1"},
                {"s2", "10.70.0.3/32 192.168.2.0/24 10.200.1.0/24 +2"},
                {"b", "192.168.1.9/32 10.200.0.9/32 +0"},
                {"d", "192.168.2.9/32 10.200.1.9/32 +1"},
                {"git", "192.168.2.9/32 10.200.1.9/32 +1"},
                {"web", "192.168.1.7/32 10.200.0.7/32 +0"},
                {"wiki", "10.70.0.1/32 +1"},
                {"vpn", "10.70.0.1/32 +0"},
                /* In the tunnel, LANs with one prefix have their mapped ones. */
                {"s3", "10.70.0.4/32 10.200.2.0/24 +1"},
                {"s4", "10.70.0.5/32 10.200.3.0/24 +1"},
                {"p", "10.200.2.9/32 +0"},
                {"q", "10.200.3.9/32 +0"},
                {"e", "10.70.0.6/32 +1"},
                {"f/phone", "10.70.0.8/32 +1"},
                {"f", "10.70.0.7/32 10.70.0.8/32 +2"},
                {"developers", "10.70.0.6/32 10.70.0.7/32 10.70.0.8/32 +3"},
                {"night", "10.70.0.7/32 10.70.0.8/32 +2"},
                {"hubs", "10.70.0.1/32 +1"},
                {"sites",
                 "10.70.0.2/32 10.70.0.3/32 10.70.0.4/32 10.70.0.5/32 192.168.1.0/24 10.200.0.0/24 "
                 "192.168.2.0/24 10.200.1.0/24 10.200.2.0/24 10.200.3.0/24 +5"},
                {"people", "10.70.0.6/32 10.70.0.7/32 10.70.0.8/32 +3"},
                {"all", "10.70.0.0/24 192.168.1.0/24 10.200.0.0/24 192.168.2.0/24 10.200.1.0/24 "
                        "10.200.2.0/24 10.200.3.0/24 +2"},
                {"nobody", "+0"},
        };
        struct test_office office;

        (void)unused;
        test_office_init(&office, FILE_TEXT);
        for (unsigned int i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                struct tl_prefixes list = {0};
                struct tl_arena arena = {0};
                char text[512];

                assert_true(tl_members_add(&list, &arena, &office.model, cases[i].word));
                describe(text, &list);
                if (strcmp(text, cases[i].members) != 0)
                        fail_msg("%s: %s", cases[i].word, text);
                tl_arena_done(&arena);
        }
        test_office_done(&office);
}

static void test_memory(void **unused)
{
        struct test_office office;
        struct tl_prefixes list = {0};
        struct tl_arena arena = {0};

        (void)unused;
        test_office_init(&office, FILE_TEXT);
        heap_fail_after(0);
        assert_false(tl_members_add(&list, &arena, &office.model, "all"));
        heap_fail_after(-1);
        tl_arena_done(&arena);
        test_office_done(&office);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_words),
                cmocka_unit_test(test_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
