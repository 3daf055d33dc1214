/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/stockfile.h"

#include <stdlib.h>
#include <string.h>

#include "test/lib/cmocka.h"
#include "test/lib/heap.h"
#include "test/lib/office.h"

static uint32_t node_named(const struct tl_model *model, const char *name)
{
        const struct tl_entity *entity = tl_model_find(model, name, strlen(name));

        assert_non_null(entity);
        assert_int_equal(entity->kind, TL_ENTITY_NODE);
        return entity->index;
}

static void check(const char *yaml, const char *device, const char *wanted)
{
        struct test_office office;
        size_t key_at = 0;
        char *text;

        test_office_init(&office, yaml);
        text = tl_stockfile_make(&office.model, node_named(&office.model, device), &key_at,
                                 &office.findings);
        assert_non_null(text);
        assert_string_equal(text, wanted);
        assert_int_equal(key_at, strlen("[Interface]\n"));
        free(text);
        test_office_done(&office);
}

/* The network of doc/examples/remote-work.yaml. */
static void test_remote_work(void **unused)
{
        (void)unused;
        check(TEST_OFFICE_SAMPLE, "f/phone",
              "[Interface]\n"
              "Address = 10.70.0.6/32, fd01:203:405::6/128\n"
              "MTU = 1420\n"
              "\n"
              "[Peer]\n"
              "PublicKey = " TEST_KEY_1 "\n"
              "AllowedIPs = 10.70.0.0/24, 10.200.0.0/16, 192.168.200.0/24, 192.168.201.0/24, "
              "fd01:203:405::/64\n"
              "Endpoint = 203.0.113.10:51820\n"
              "PersistentKeepalive = 25\n");
}

/* It has one hub, which leads to the others; that one has a name, and a narrow uplink. */
static void test_three_hubs(void **unused)
{
        (void)unused;
        check("network: globex\n"
              "addresses: [10.80.0.0/16, fd5c:1f2e:77a0::/64]\n"
              "mapped: 10.240.0.0/12\n"
              "hubs:\n"
              "  fra: {endpoint: fra.globex.example, key: " TEST_KEY_1 "}\n"
              "  sgp: {endpoint: sgp.globex.example, key: " TEST_KEY_2 "}\n"
              "  nyc: {endpoint: \"nyc.globex.example:4500\", mtu: 1492, key: " TEST_KEY_3 "}\n"
              "sites:\n"
              "  london: {lan: [10.1.0.0/16, \"fd4d:8a2b:1::/64\"], endpoint: london.example,\n"
              "           key: " TEST_KEY_4 "}\n"
              "  boston: {lan: [10.4.0.0/24, 10.4.1.0/24], hub: nyc, key: " TEST_KEY_5 "}\n"
              "people:\n"
              "  lee: {devices: {phone: {key: " TEST_KEY_6 ", stock: true, hub: nyc}}}\n",
              "lee/phone",
              "[Interface]\n"
              "Address = 10.80.0.6/32, fd5c:1f2e:77a0::6/128\n"
              "MTU = 1412\n"
              "\n"
              "[Peer]\n"
              "PublicKey = " TEST_KEY_3 "\n"
              "AllowedIPs = 10.1.0.0/16, 10.4.0.0/24, 10.4.1.0/24, 10.80.0.0/16, "
              "10.240.0.0/12, fd4d:8a2b:1::/64, fd5c:1f2e:77a0::/64\n"
              "Endpoint = nyc.globex.example:4500\n"
              "PersistentKeepalive = 25\n");
}

/* The home of e has a part of beijing's prefix: only the mapped one leads to beijing. */
static void test_home(void **unused)
{
        (void)unused;
        check("network: acme\n"
              "addresses: 10.70.0.0/24\n"
              "hubs: {z: {endpoint: 203.0.113.10, key: " TEST_KEY_1 "}}\n"
              "sites:\n"
              "  shenzhen: {lan: 192.168.201.0/24, key: " TEST_KEY_2 ", mtu: 1492}\n"
              "  beijing: {lan: [192.168.200.0/24, \"fd77::/64\"], key: " TEST_KEY_3 "}\n"
              "people:\n"
              "  e: {devices: {phone: {lan: 192.168.200.128/25, stock: true, key: " TEST_KEY_4
              "}}}\n",
              "e/phone",
              "[Interface]\n"
              "Address = 10.70.0.4/32, fd01:203:405::4/128\n"
              "MTU = 1412\n"
              "\n"
              "[Peer]\n"
              "PublicKey = " TEST_KEY_1 "\n"
              "AllowedIPs = 10.70.0.0/24, 10.200.0.0/16, 192.168.201.0/24, fd01:203:405::/64, "
              "fd77::/64\n"
              "Endpoint = 203.0.113.10:51820\n"
              "PersistentKeepalive = 25\n");
}

static void test_hub_without_key(void **unused)
{
        struct test_office office;
        char text[512];
        size_t key_at;

        (void)unused;
        test_office_init(&office, "network: n\naddresses: 10.70.0.0/24\n"
                                  "hubs: {z: {endpoint: 203.0.113.1}}\n"
                                  "people: {f: {devices: {phone: {stock: true}}}}\n");
        assert_null(tl_stockfile_make(&office.model, node_named(&office.model, "f/phone"), &key_at,
                                      &office.findings));
        assert_string_equal(test_office_findings(&office, text, sizeof(text)),
                            "3:8: z has no key yet, so f/phone leaves it out; run `tieline key` on "
                            "it, and add the key that it prints\n");
        test_office_done(&office);
}

static void test_no_memory(void **unused)
{
        struct test_office office;
        bool has_failed = true;

        (void)unused;
        test_office_init(&office, TEST_OFFICE_SAMPLE);
        for (int allocations = 0; has_failed; allocations++) {
                struct tl_findings findings = {.errors = 0};
                size_t key_at;
                char *text;

                heap_fail_after(allocations);
                text = tl_stockfile_make(&office.model, node_named(&office.model, "f/phone"),
                                         &key_at, &findings);
                heap_fail_after(-1);
                has_failed = !text;
                assert_int_equal(has_failed, tl_findings_has_errors(&findings));
                free(text);
                tl_findings_done(&findings);
        }
        test_office_done(&office);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_remote_work), cmocka_unit_test(test_three_hubs),
                cmocka_unit_test(test_home),        cmocka_unit_test(test_hub_without_key),
                cmocka_unit_test(test_no_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
