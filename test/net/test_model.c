/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_model.c - net/model.h: the sample network, mistakes as text, lookups. */
#include "net/model.h"

#include <stdlib.h>

#include "net/derive.h"
#include "test/lib/cmocka.h"
#include "test/lib/env.h"
#include "test/lib/heap.h"
#include "test/lib/ip.h"
#include "test/lib/office.h"

/* ---- the sample ---- */

static const struct tl_entity *find(const struct tl_model *model, const char *name)
{
        return tl_model_find(model, name, strlen(name));
}

static void check_ip(const struct wg_ip *ip, const char *text)
{
        struct wg_ip expected = test_ip(text);

        assert_true(wg_ip_equal(ip, &expected));
}

static void test_sample(void **state WG_UNUSED)
{
        static const char *const names[] = {"z", "a", "c", "e/laptop", "f/laptop", "f/phone"};
        struct test_office office;
        const struct tl_model *model = &office.model;

        test_office_init(&office, TEST_OFFICE_SAMPLE);
        assert_string_equal(model->domain, "acme.internal");
        assert_int_equal(model->node_count, WG_ARRAY_SIZE(names));
        assert_int_equal(model->hub_count, 1);
        for (uint32_t i = 0; i < model->node_count; i++) {
                assert_string_equal(model->nodes[i].name, names[i]);
                assert_int_equal(model->nodes[i].hub, 0);
        }
        check_ip(&model->nodes[0].ip4, "10.70.0.1");
        check_ip(&model->nodes[5].ip6, "fd01:203:405::6");
        assert_true(model->nodes[5].is_stock);
        assert_int_equal(model->person_nodes[0], 3);
        assert_int_equal(model->person_nodes[1], 4);
        assert_int_equal(model->person_nodes[2], 6);
        assert_int_equal(model->pool6.cidr, 64);

        assert_int_equal(model->lan_count, 2);
        check_ip(&model->lans[1].prefix.ip, "192.168.200.0");
        check_ip(&model->lans[1].mapped.ip, "10.200.1.0");
        assert_int_equal(model->sites[1].node, 2);
        assert_int_equal(model->nodes[2].site, 1);
        assert_int_equal(model->sites[1].host_first, 1);
        check_ip(&model->hosts[1].ip4, "192.168.200.244");
        assert_int_equal(model->group_count, 1);
        assert_int_equal(model->groups[0].count, 2);
        test_office_done(&office);
}

static void test_lookups(void **state WG_UNUSED)
{
        struct test_office office;
        const struct tl_model *model = &office.model;
        uint8_t key[TL_CONF_KEY_LEN];
        struct wg_ip ip;

        test_office_init(&office, TEST_OFFICE_SAMPLE);
        for (uint32_t i = 0; i < model->entity_count; i++)
                assert_ptr_equal(find(model, model->entities[i].name), &model->entities[i]);
        assert_int_equal(find(model, "d")->kind, TL_ENTITY_HOST);
        assert_int_equal(find(model, "f")->kind, TL_ENTITY_PERSON);
        assert_int_equal(find(model, "developers")->kind, TL_ENTITY_GROUP);
        assert_int_equal(find(model, "f/phone")->index, 5);
        assert_null(find(model, ""));
        assert_null(find(model, "F"));
        assert_null(find(model, "f/phon"));
        assert_null(find(model, "f/phone1"));
        assert_non_null(tl_model_find(model, "f/phone1", 7));

        for (uint8_t i = 0; i < 8; i++) {
                memset(key, i, sizeof(key));
                assert_int_equal(tl_model_find_key(model, key),
                                 i >= 1 && i <= 6 ? i - 1u : TL_MODEL_NONE);
        }
        ip = test_ip("192.168.200.1");
        assert_int_equal(tl_model_find_lan(model, &ip), 1);
        ip = test_ip("192.168.202.1");
        assert_int_equal(tl_model_find_lan(model, &ip), TL_MODEL_NONE);
        for (uint32_t i = 0; i < model->node_count; i++) {
                assert_int_equal(tl_model_find_address(model, &model->nodes[i].ip4), i);
                assert_int_equal(tl_model_find_address(model, &model->nodes[i].ip6), i);
        }
        ip = test_ip("10.70.0.7");
        assert_int_equal(tl_model_find_address(model, &ip), TL_MODEL_NONE);
        ip = (struct wg_ip){0};
        assert_int_equal(tl_model_find_address(model, &ip), TL_MODEL_NONE);
        assert_int_equal(tl_model_find_lan(model, &ip), TL_MODEL_NONE);
        assert_string_equal(tl_model_suggest(model, "bejing", 6), "beijing");
        assert_null(tl_model_suggest(model, "berlin", 6));
        test_office_done(&office);
}

/* What a node is in: in the file, or added as a fact of a machine; found by node and overlap. */
static void test_presences(void **state WG_UNUSED)
{
        static const char yaml[] =
                "network: n\naddresses: 10.70.0.0/24\nhubs: {z: {endpoint: z.example}}\n"
                "people:\n"
                "  e: {devices: {laptop: {}, phone: {lan: [192.168.1.0/24, \"fd00::/64\"]}}}\n"
                "  f: {devices: {phone: {lan: 192.168.1.128/25}}}\n";
        static const struct {
                uint32_t node, found; /* the presence; TL_MODEL_NONE: none */
                const char *prefix;
        } cases[] = {
                {0, TL_MODEL_NONE, "192.168.1.0/24"},
                {1, TL_MODEL_NONE, "192.168.1.0/24"},
                {2, 0, "192.168.1.0/24"},
                {2, 0, "192.168.0.0/16"},
                {2, 0, "192.168.1.7/32"},
                {2, 1, "fd00::/64"},
                {2, TL_MODEL_NONE, "192.168.2.0/24"},
                {2, 2, "172.17.5.0/24"},
                {3, 3, "192.168.1.0/24"},
                {3, TL_MODEL_NONE, "192.168.1.0/25"},
                {4, TL_MODEL_NONE, "192.168.1.0/24"},
        };
        const struct tl_presence local = {.node = 2, .prefix = test_prefix("172.17.0.0/16")};
        struct test_office office;

        test_office_init(&office, yaml);
        assert_int_equal(office.model.presence_count, 3);
        assert_true(office.model.presences[0].is_declared);
        assert_int_equal(office.model.presences[0].at.line, 5);
        assert_true(tl_model_add_presence(&office.model, &local));
        assert_false(office.model.presences[2].is_declared);
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                struct wg_prefix prefix = test_prefix(cases[i].prefix);
                const struct tl_presence *found = tl_model_find_presence(&office.model,
                                                                         cases[i].node, &prefix);

                if (found != (cases[i].found == TL_MODEL_NONE
                                      ? NULL
                                      : &office.model.presences[cases[i].found]))
                        fail_msg("case %zu", i);
        }
        test_office_done(&office);
}

/* ---- the way between nodes ---- */

#define THREE_HUBS \
        "network: n\naddresses: 10.70.0.0/24\n" \
        "hubs: {x: {endpoint: x.example}, y: {endpoint: y.example}, z: {endpoint: z.example}}\n" \
        "sites:\n" \
        "  a: {lan: 192.168.1.0/24, hub: x}\n" \
        "  b: {lan: 192.168.2.0/24, hub: y}\n" \
        "  c: {lan: 192.168.3.0/24, hub: y, endpoint: c.example}\n" \
        "  d: {lan: 192.168.4.0/24, hub: z, endpoint: d.example}\n" \
        "people: {e: {devices: {laptop: {hub: z}}}}\n"

/* Nodes by index: 0 x, 1 y, 2 z, 3 a, 4 b, 5 c, 6 d, 7 e/laptop. */
static const struct {
        int number;
        uint32_t from, to, next;
        bool is_peer;
} ways[] = {
        {1, 0, 1, 1, true},  {2, 3, 0, 0, true},   {3, 3, 1, 0, false},  {4, 0, 4, 1, false},
        {5, 1, 4, 4, true},  {6, 3, 4, 0, false},  {7, 5, 6, 6, true},   {8, 4, 5, 1, false},
        {9, 7, 5, 2, false}, {10, 2, 5, 1, false}, {11, 6, 0, 2, false}, {12, 2, 7, 7, true},
};

static void test_ways(void **state WG_UNUSED)
{
        struct test_office office;

        test_office_init(&office, THREE_HUBS);
        for (size_t i = 0; i < WG_ARRAY_SIZE(ways); i++) {
                uint32_t next = tl_model_next(&office.model, ways[i].from, ways[i].to);

                if (next != ways[i].next ||
                    tl_model_is_peer(&office.model, ways[i].from, ways[i].to) != ways[i].is_peer)
                        fail_msg("way %d: next is %u", ways[i].number, next);
        }
        /* Each way ends, and each step of it is between peers. */
        for (uint32_t from = 0; from < office.model.node_count; from++)
                for (uint32_t to = 0; to < office.model.node_count; to++) {
                        uint32_t at = from, steps = 0;

                        assert_int_equal(tl_model_is_peer(&office.model, from, to),
                                         tl_model_is_peer(&office.model, to, from));
                        for (; at != to; steps++) {
                                uint32_t next = tl_model_next(&office.model, at, to);

                                assert_true(steps < 3);
                                assert_true(tl_model_is_peer(&office.model, at, next));
                                at = next;
                        }
                }
        test_office_done(&office);
}

/* ---- mistakes ---- */

#define HEAD "network: n\naddresses: 10.70.0.0/24\nhubs: {z: {endpoint: z.example}}\n" /* 3 lines */
#define SITE "sites: {oslo: {lan: 192.168.1.0/24, node: a, devices: {d: 192.168.1.9}}}\n" /* 4 */
#define PEOPLE "people: {eve: {groups: [devs], devices: {laptop: {}, phone: {}}}}\n"      /* 5 */

static const struct {
        int number;
        const char *yaml, *findings;
} mistakes[] = {
        {1, HEAD SITE PEOPLE, ""},
        {2, HEAD "sites: {oslo: {lan: 192.168.1.0/24, hub: y}}\n", "4:42: unknown hub \"y\"\n"},
        {3, HEAD "sites: {oslo: {lan: 192.168.1.0/24, hub: oslo}}\n",
         "4:42: \"oslo\" is a site: a hub is needed here [4:9]\n"},
        {4, HEAD SITE PEOPLE "policy:\n  - {from: dev, to: [oslo, bergen, all]}\n",
         "7:12: unknown name \"dev\": did you mean \"devs\"?\n"
         "7:28: unknown name \"bergen\"\n"},
        {5, HEAD SITE PEOPLE "policy:\n  - {from: eve/phone, to: [d, z, a, people, sites, hubs]}\n",
         ""},
        {6,
         HEAD SITE PEOPLE "services: {git: {at: dd, ports: [443/tcp]}, "
                          "web: {at: eve, ports: [80/tcp]}, "
                          "dns: {at: 192.168.2.1, ports: [53/udp]}, "
                          "ssh: {at: 10.70.0.77, ports: [22/tcp]}}\n",
         "6:22: unknown machine \"dd\": did you mean \"d\"?\n"
         "6:55: \"eve\" is a person: a service is on one machine [5:10]\n"
         "6:88: 192.168.2.1 is in no LAN of a site, and no node has it\n"
         "6:129: 10.70.0.77 is in no LAN of a site, and no node has it\n"},
        {7,
         HEAD SITE PEOPLE "services: {git: {at: d, ports: [443/tcp]}, "
                          "web: {at: eve/phone, ports: [80/tcp]}, "
                          "dns: {at: 192.168.1.1, ports: [53/udp]}, "
                          "ssh: {at: 10.70.0.1, ports: [22/tcp]}}\n",
         ""},
        {8,
         HEAD SITE PEOPLE "expect:\n  - eve -> dee:443\n  - not d -> eve\n  - d -> 10.0.0.1\n"
                          "  - not evi -> dd\n",
         "7:12: unknown name \"dee\"\n"
         "10:9: unknown name \"evi\": did you mean \"eve\"?\n"
         "10:16: unknown name \"dd\": did you mean \"d\"?\n"},
        {9, HEAD "sites: {d: {lan: 192.168.1.0/24, devices: {d: 192.168.1.9}}}\n",
         "4:44: \"d\" is already the name of a site [4:9]; rename one of them: names are unique "
         "across all kinds\n"},
        {10, HEAD SITE "people: {a: {groups: [oslo, z]}}\n",
         "5:10: \"a\" is already the name of a node [4:43]; rename one of them: names are unique "
         "across all kinds\n"
         "5:23: \"oslo\" is already the name of a site [4:9]; rename one of them: names are unique "
         "across all kinds\n"
         "5:29: \"z\" is already the name of a node [3:8]; rename one of them: names are unique "
         "across all kinds\n"},
        {11, HEAD "sites: {oslo: {lan: 192.168.1.0/24, devices: {d: 192.168.2.9}}}\n",
         "4:50: 192.168.2.9 is in no LAN of site \"oslo\" [4:9]\n"},
        {12,
         HEAD "sites: {oslo: {lan: 192.168.1.0/24, devices: {d: 192.168.1.0, "
              "p: 192.168.1.255}}}\n",
         "4:50: 192.168.1.0 is the network or broadcast address of 192.168.1.0/24\n"
         "4:66: 192.168.1.255 is the network or broadcast address of 192.168.1.0/24\n"},
        {13,
         HEAD "sites: {oslo: {lan: [192.168.1.0/24, 192.168.2.0/24, \"2001:db8::/64\"], "
              "devices: {d: [192.168.1.9, \"2001:db8::9\"], p: [192.168.1.8, 192.168.2.8]}}}\n",
         "4:132: \"p\" has two addresses of one family; give each address a name of its own\n"},
        {14,
         HEAD "sites: {oslo: {lan: 192.168.1.0/24, node: {name: a, at: 192.168.2.1}, "
              "gateway: {kind: untouchable, at: 192.168.3.1}}}\n",
         "4:57: 192.168.2.1 is in no LAN of site \"oslo\" [4:9]\n"
         "4:104: 192.168.3.1 is in no LAN of site \"oslo\" [4:9]\n"},
        {15,
         HEAD "sites: {oslo: {lan: 192.168.1.0/24, node: {name: a, at: 192.168.1.2}, "
              "gateway: {kind: self, at: 192.168.1.1}}}\n",
         "4:87: with gateway `self`, the node and the router have one address, not two; give one "
         "of the two "
         "addresses\n"},
        {16, "network: n\naddresses: 10.70.0.0/24\n" SITE PEOPLE,
         "3:43: \"a\" needs a hub, and the network has none; add a hub with a public endpoint "
         "under `hubs:`\n"},
        {17,
         "network: n\naddresses: 10.70.0.0/24\n"
         "sites: {oslo: {lan: 192.168.1.0/24, endpoint: oslo.example}, "
         "rome: {lan: 192.168.2.0/24, endpoint: rome.example}}\n",
         ""},
        {18,
         "network: n\naddresses: 10.70.0.0/24\nhubs:\n"
         "  z: {endpoint: z.example, key: " TEST_KEY_1 "}\n"
         "  y: {endpoint: y.example, key: " TEST_KEY_1 "}\n",
         "5:33: \"z\" and \"y\" have the same key [4:33]; run `tieline key` on each machine: a key "
         "belongs to one\n"},
        {19,
         "network: n\naddresses: 10.70.0.0/24\nhubs:\n"
         "  z: {endpoint: z.example, address: 10.71.0.1}\n",
         "4:37: 10.71.0.1 is not in the network's addresses, 10.70.0.0/24\n"},
        {20,
         "network: n\naddresses: 2001:db8::/64\nhubs:\n"
         "  z: {endpoint: z.example, address: 10.71.0.1}\n",
         "4:37: 10.71.0.1: the network has no addresses of this family\n"},
        {21,
         HEAD SITE PEOPLE "lab:\n"
                          "  homes: {eve/phone: {nat: none}, eve: {}, oslo: {}, z: {}, rome: {}}\n"
                          "  devices: {oslo: {x: 192.168.1.7}, rome: {y: 192.168.2.7}}\n"
                          "policy:\n  - {from: x, to: d}\n",
         "7:54: \"z\" is a node: a site, a person or a device is needed here [3:8]\n"
         "7:61: unknown site or device \"rome\"\n"
         "8:37: unknown site \"rome\"\n"
         "10:12: \"x\" is a device on a LAN: it exists in the lab only [8:20]\n"},
        {22,
         HEAD SITE PEOPLE "lab:\n"
                          "  networks: {z: 10.9.0.0/24, eve: 10.8.0.0/24, oslo: 10.7.0.0/24, x: "
                          "10.6.0.0/24}\n",
         "7:48: \"oslo\" is a site: a node or a person is needed here [4:9]\n"
         "7:67: unknown node \"x\"\n"},
        {23, HEAD SITE PEOPLE "lab:\n  devices: {oslo: {d: 192.168.1.7, y: 192.168.2.7}}\n",
         "7:20: \"d\" is already the name of a device on a LAN [4:56]; rename one of them: names "
         "are unique across all kinds\n"
         "7:39: 192.168.2.7 is in no LAN of site \"oslo\" [4:9]\n"},
        {23,
         HEAD "sites:\n  oslo: {lan: 192.168.1.0/24, devices: {d: 192.168.1.9}}\n"
              "  rome: {lan: 192.168.0.0/20}\n"
              "services: {git: {at: 192.168.1.9, ports: [443]}, web: {at: d, ports: [80]}, "
              "dns: {at: 192.168.2.9, ports: [53]}}\n",
         "7:22: 192.168.1.9 is in LANs of two sites, \"rome\" and \"oslo\"; name the machine under "
         "`devices:` of its site, and give its name here\n"},
};

static void test_mistakes(void **state WG_UNUSED)
{
        for (size_t i = 0; i < WG_ARRAY_SIZE(mistakes); i++) {
                const char *yaml = mistakes[i].yaml;
                struct test_office office;
                char findings[4096];
                bool is_ok = test_office_read(&office, yaml, strlen(yaml));

                test_office_findings(&office, findings, sizeof(findings));
                if (strcmp(findings, mistakes[i].findings) != 0 ||
                    is_ok != (mistakes[i].findings[0] == '\0'))
                        fail_msg("mistake %d:\n%sexpected:\n%s", mistakes[i].number, findings,
                                 mistakes[i].findings);
                test_office_done(&office);
        }
}

/* Of a file that its reader found mistakes in, what is left is judged all the same. */
static void test_half_read(void **state WG_UNUSED)
{
        static const char yaml[] = HEAD "sites: {s: {lan: 192.168.1.0/24}, t: {}}\n"
                                        "services: {g: {ports: [443/tcp]}}\n"
                                        "lab: {devices: {S!: {x: 192.168.1.7}, s: {y: 10.0.0.1}}}\n"
                                        "policy: [{to: x}]\n"
                                        "expect: [foo]\n";
        static const uint8_t random[5];
        struct test_office office = {0};
        char findings[4096];
        uint32_t changes;

        assert_false(tl_network_parse(&office.network, yaml, strlen(yaml), &office.findings));
        tl_findings_done(&office.findings);
        assert_true(tl_derive(&office.lock, &office.network, random, &changes, &office.findings));
        assert_false(
                tl_model_build(&office.model, &office.network, &office.lock, &office.findings));
        test_office_findings(&office, findings, sizeof(findings));
        assert_string_equal(findings, "6:46: 10.0.0.1 is in no LAN of site \"s\" [4:9]\n"
                                      "7:15: unknown name \"x\"\n");
        test_office_done(&office);
}

/* Pools that are too small hide no other mistake, and nothing is reported twice. */
static void test_half_derived(void **state WG_UNUSED)
{
        static const char yaml[] =
                "network: acme\n"
                "addresses: 10.70.0.0/31\n"
                "mapped: 10.200.0.0/24\n"
                "hubs: {z: {endpoint: z.example, key: " TEST_KEY_1 "}}\n"
                "sites: {s: {lan: 10.0.0.0/8}, t: {lan: 192.168.1.0/24, hub: y}}\n";
        static const uint8_t random[5];
        struct test_office office = {0};
        char findings[4096];
        uint32_t changes;

        assert_true(tl_network_parse(&office.network, yaml, strlen(yaml), &office.findings));
        assert_false(tl_derive(&office.lock, &office.network, random, &changes, &office.findings));
        assert_false(
                tl_model_build(&office.model, &office.network, &office.lock, &office.findings));
        test_office_findings(&office, findings, sizeof(findings));
        assert_string_equal(findings,
                            "2:12: 10.70.0.0/31 has too few addresses for 3 nodes; give "
                            "`addresses:` a larger prefix\n"
                            "5:18: 10.200.0.0/24 has no free mapped prefix for LAN 10.0.0.0/8 of "
                            "site \"s\" [3:9]; give `mapped:` a larger prefix\n"
                            "5:61: unknown hub \"y\"\n");
        test_office_done(&office);
}

/* A lock that a node has, but that lacks what the file needs. */
static void test_lock_lacks_values(void **state WG_UNUSED)
{
        struct tl_findings findings = {0};
        struct tl_network network;
        struct tl_lock lock = {0};
        struct tl_model model;

        assert_true(tl_network_parse(&network, TEST_OFFICE_SAMPLE, strlen(TEST_OFFICE_SAMPLE),
                                     &findings));
        assert_false(tl_model_build(&model, &network, &lock, &findings));
        assert_int_equal(findings.errors, 6 + 2);
        assert_string_equal(findings.items[0].message, "the lock file has no address for \"z\"");
        tl_model_done(&model);
        tl_network_done(&network);
        tl_findings_done(&findings);
}

/* ---- limits ---- */

/* 1,000 sites and 10,000 people, each with a mistake: all are found, and it takes no minutes. */
static void test_many_mistakes(void **state WG_UNUSED)
{
        enum { SITES = 1000, PEOPLE_COUNT = 10000, ROOM = 128 };
        size_t size = (SITES + 2 * PEOPLE_COUNT) * ROOM, len;
        char *yaml = malloc(size);
        struct test_office office;

        assert_non_null(yaml);
        len = (size_t)sprintf(yaml, "network: n\naddresses: 10.64.0.0/16\nmapped: 10.128.0.0/10\n"
                                    "hubs: {z: {endpoint: z.example}}\nsites:\n");
        for (int i = 0; i < SITES; i++)
                len += (size_t)sprintf(yaml + len, "  s%d: {lan: 172.%d.%d.0/24, hub: y%d}\n", i,
                                       16 + i / 256, i % 256, i);
        len += (size_t)sprintf(yaml + len, "people:\n");
        for (int i = 0; i < PEOPLE_COUNT; i++)
                len += (size_t)sprintf(yaml + len, "  p%d: {devices: {laptop: {}}}\n", i);
        len += (size_t)sprintf(yaml + len, "policy:\n");
        for (int i = 0; i < PEOPLE_COUNT; i++)
                len += (size_t)sprintf(yaml + len, "  - {from: p%d, to: q%d}\n", i, i);
        assert_false(test_office_read(&office, yaml, len));
        assert_int_equal(office.findings.errors, SITES + PEOPLE_COUNT);
        test_office_done(&office);
        free(yaml);
}

static void test_memory_runs_out(void **state WG_UNUSED)
{
        bool has_failed = true;
        struct test_office office;

        test_office_init(&office, TEST_OFFICE_SAMPLE);
        for (long allocations = 0; has_failed; allocations++) {
                struct tl_findings findings = {0};
                struct tl_model model;

                assert_true(allocations < 1000);
                heap_fail_after(allocations);
                has_failed = !tl_model_build(&model, &office.network, &office.lock, &findings);
                heap_fail_after(-1);
                assert_int_equal(has_failed, tl_findings_has_errors(&findings));
                tl_model_done(&model);
                tl_findings_done(&findings);
        }
        test_office_done(&office);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sample),        cmocka_unit_test(test_lookups),
                cmocka_unit_test(test_presences),     cmocka_unit_test(test_ways),
                cmocka_unit_test(test_mistakes),      cmocka_unit_test(test_half_read),
                cmocka_unit_test(test_half_derived),  cmocka_unit_test(test_lock_lacks_values),
                cmocka_unit_test(test_many_mistakes), cmocka_unit_test(test_memory_runs_out),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
