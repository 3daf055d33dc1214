/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_standins.c - net/standins.h: mistakes and stand-ins as text, then lookups against a twin
 * that compares all of them. */
#include "net/standins.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/address.h"
#include "net/course.h"
#include "test/lib/cmocka.h"
#include "test/lib/env.h"
#include "test/lib/heap.h"
#include "test/lib/ip.h"
#include "test/lib/memfile.h"
#include "test/lib/office.h"

/* The site s with `rest` in line 5; t and u, whose LANs have one prefix, a hub, and e's devices. */
#define NETWORK(rest) \
        "network: n\n" \
        "addresses: 10.70.0.0/24\n" \
        "hubs: {z: {endpoint: z.example}}\n" \
        "sites:\n" \
        "  s: {lan: [192.168.1.0/24, \"fd77:1::/64\"], node: {name: a, at: 192.168.1.2}, " rest \
        "}\n" \
        "  t: {lan: [192.168.2.0/24, \"fd77:2::/64\"], devices: {d: [192.168.2.9, " \
        "\"fd77:2::9\"], v: \"fd77:2::4\"}}\n" \
        "  u: {lan: [192.168.3.0/24, 192.168.4.0/24], devices: {p: 192.168.3.9}}\n" \
        "  v-site: {lan: 192.168.3.0/24, devices: {q: 192.168.3.9}}\n" \
        "people: {e: {devices: {laptop: {}}}}\n" \
        "services: {web: {at: 192.168.2.7, ports: 80}, git: {at: d, ports: 1}, vpn: {at: z, " \
        "ports: 1}}\n" \
        "lab: {devices: {t: {x: 192.168.2.8}}}\n"
#define SHUT "gateway: {kind: untouchable, at: 192.168.1.1}, devices: {b: 192.168.1.9}, virtual: "

/* ---- what stands for what ---- */

static void describe(char *out, size_t size, const struct tl_model *model)
{
        FILE *file = test_memfile(out, size);

        for (uint32_t i = 0; i < model->stand_in_count; i++) {
                const struct tl_stand_in *item = &model->stand_ins[i];
                char here[TL_ADDRESS_PREFIX_SIZE], there[TL_ADDRESS_PREFIX_SIZE];

                tl_address_format_prefix(here, &item->here);
                tl_address_format_prefix(there, &item->there);
                fprintf(file, "%u: %s for %s (%s)\n", item->lan, here, there,
                        item->name ? item->name : "");
        }
        fclose(file);
}

static const struct {
        int number;
        const char *yaml, *stand_ins;
} rows[] = {
        {1, NETWORK(SHUT "{}"), ""},
        {2, NETWORK(SHUT "{192.168.1.240: d, \"fd77:1::f0\": d, 192.168.1.241: e/laptop}"),
         "0: 192.168.1.241/32 for 10.70.0.6/32 (e/laptop)\n"
         "0: 192.168.1.240/32 for 192.168.2.9/32 (d)\n"
         "1: fd77:1::f0/128 for fd77:2::9/128 (d)\n"},
        /* Nodes have addresses in the tunnel; services, those of their machines. */
        {3,
         NETWORK(SHUT "{192.168.1.240: z, 192.168.1.241: t-node, 192.168.1.242: web, "
                      "192.168.1.243: git, 192.168.1.244: vpn}"),
         "0: 192.168.1.240/32 for 10.70.0.1/32 (z)\n"
         "0: 192.168.1.244/32 for 10.70.0.1/32 (vpn)\n"
         "0: 192.168.1.241/32 for 10.70.0.3/32 (t-node)\n"
         "0: 192.168.1.242/32 for 192.168.2.7/32 (web)\n"
         "0: 192.168.1.243/32 for 192.168.2.9/32 (git)\n"},
        /* In the tunnel, LANs with one prefix have their mapped ones. */
        {4,
         NETWORK(SHUT "{192.168.1.240: p, 192.168.1.241: q, 192.168.1.128/26: 192.168.4.0/26, "
                      "192.168.1.64/28: 10.200.2.16/28, 192.168.1.80/28: 10.200.1.0/28}"),
         "0: 192.168.1.240/32 for 10.200.2.9/32 (p)\n"
         "0: 192.168.1.64/28 for 10.200.2.16/28 ()\n"
         "0: 192.168.1.241/32 for 10.200.4.9/32 (q)\n"
         "0: 192.168.1.80/28 for 192.168.2.0/28 ()\n"
         "0: 192.168.1.128/26 for 192.168.4.0/26 ()\n"},
        {5,
         NETWORK(SHUT "{192.168.1.240: 10.70.0.0, \"fd77:1::40/122\": \"fd77:2::40/122\", "
                      "192.168.1.241: 192.168.2.200}"),
         "0: 192.168.1.240/32 for 10.70.0.0/32 ()\n"
         "0: 192.168.1.241/32 for 192.168.2.200/32 ()\n"
         "1: fd77:1::40/122 for fd77:2::40/122 ()\n"},
        /* A machine that the file names has no second address. */
        {6, NETWORK(SHUT "{192.168.1.192/29: auto, 192.168.1.240: d, \"fd77:1::f0/126\": auto}"),
         "0: 192.168.1.195/32 for 10.70.0.1/32 (z)\n"
         "0: 192.168.1.196/32 for 10.70.0.3/32 (t-node)\n"
         "0: 192.168.1.197/32 for 10.70.0.4/32 (u-node)\n"
         "0: 192.168.1.198/32 for 10.70.0.5/32 (v-site-node)\n"
         "0: 192.168.1.199/32 for 10.70.0.6/32 (e/laptop)\n"
         "0: 192.168.1.192/32 for 10.200.2.9/32 (p)\n"
         "0: 192.168.1.193/32 for 10.200.4.9/32 (q)\n"
         "0: 192.168.1.194/32 for 192.168.2.7/32 (web)\n"
         "0: 192.168.1.240/32 for 192.168.2.9/32 (d)\n"
         "1: fd77:1::f2/128 for fd01:203:405::1/128 (z)\n"
         "1: fd77:1::f3/128 for fd01:203:405::3/128 (t-node)\n"
         "1: fd77:1::f1/128 for fd77:2::4/128 (v)\n"
         "1: fd77:1::f0/128 for fd77:2::9/128 (d)\n"},
};

static void test_rows(void **state WG_UNUSED)
{
        for (size_t i = 0; i < WG_ARRAY_SIZE(rows); i++) {
                struct test_office office;
                char text[4096];

                test_office_init(&office, rows[i].yaml);
                describe(text, sizeof(text), &office.model);
                if (strcmp(text, rows[i].stand_ins) != 0)
                        fail_msg("row %d:\n%s", rows[i].number, text);
                test_office_done(&office);
        }
}

/* ---- mistakes ---- */

#define FREE "; give addresses that no machine has\n"

static const struct {
        int number;
        const char *yaml, *findings;
} mistakes[] = {
        {1, NETWORK(SHUT "[192.168.2.192/27, 192.168.0.0/16, 192.168.1.192/27]"),
         "5:163: 192.168.2.192/27 is in no LAN of site \"s\" [5:3]; give addresses of the site's "
         "own LAN\n"
         "5:181: 192.168.0.0/16 is in no LAN of site \"s\" [5:3]; give addresses of the site's "
         "own LAN\n"},
        {2, NETWORK(SHUT "[192.168.1.0/30, 192.168.1.254/31, \"fd77:1::/126\"]"),
         "5:163: 192.168.1.0/30 contains the network or broadcast address of 192.168.1.0/24 "
         "[5:13]" FREE
         "5:179: 192.168.1.254/31 contains the network or broadcast address of 192.168.1.0/24 "
         "[5:13]" FREE},
        {3, NETWORK(SHUT "{192.168.1.1: d, 192.168.1.2/31: auto, 192.168.1.9: d}"),
         "5:163: 192.168.1.1 is the address of the router of \"s\" [5:112]" FREE
         "5:179: 192.168.1.2/31 contains 192.168.1.2, the address of \"a\" [5:65]" FREE
         "5:201: 192.168.1.9 is the address of \"b\" [5:136]" FREE},
        {4,
         NETWORK(SHUT "{192.168.1.160/27: auto, 192.168.1.170: d, 192.168.1.128/26: "
                      "192.168.2.0/26}"),
         "5:163: the virtual addresses 192.168.1.160/27 and 192.168.1.128/26 overlap [5:205]; "
         "give each address once\n"
         "5:187: the virtual addresses 192.168.1.170 and 192.168.1.160/27 overlap [5:163]; give "
         "each address once\n"},
        {5,
         NETWORK(SHUT "{192.168.1.240: b, 192.168.1.241: a, 192.168.1.242: dd, 192.168.1.243: "
                      "e, 192.168.1.244: x, 192.168.1.245: v, \"fd77:1::f0\": p}"),
         "5:178: \"b\" is at site \"s\" itself; remove it: devices reach it directly\n"
         "5:196: \"a\" is at site \"s\" itself; remove it: devices reach it directly\n"
         "5:214: unknown machine \"dd\": did you mean \"d\"?\n"
         "5:233: \"e\" is a person: an address stands for one machine [9:10]\n"
         "5:251: \"x\" is a device on a LAN: it exists in the lab only [11:21]\n"
         "5:269: \"v\" has no IPv4 address; give one that has an address of this family\n"
         "5:286: \"p\" has no IPv6 address; give one that has an address of this family\n"},
        {6,
         NETWORK(SHUT "{192.168.1.192/27: 192.168.2.0/28, 192.168.1.128/26: 192.168.2.0, "
                      "192.168.1.240: \"fd77:2::9\"}"),
         "5:181: 192.168.1.192/27 cannot stand for 192.168.2.0/28; give two prefixes of one family "
         "and one length\n"
         "5:215: 192.168.1.128/26 cannot stand for 192.168.2.0; give two prefixes of one family "
         "and one length\n"
         "5:243: 192.168.1.240 cannot stand for fd77:2::9; give two prefixes of one family and one "
         "length\n"},
        {7,
         NETWORK(SHUT "{192.168.1.128/28: 192.168.1.64/28, 192.168.1.144/28: 192.168.3.0/28, "
                      "192.168.1.160/28: 10.200.0.0/28, 192.168.1.176/28: 10.9.0.0/28, "
                      "192.168.1.192/27: 10.200.0.0/27}"),
         "5:181: 192.168.1.64/28 is in a LAN of this site itself; give one in the LAN of another "
         "site, or in the pool\n"
         "5:216: 192.168.3.0/28 is in LANs of several sites; use the mapped prefix of the LAN: "
         "`tieline show` lists them\n"
         "5:250: 10.200.0.0/28 is in the mapped prefix of this site itself; give one in the LAN of "
         "another site, or in the pool\n"
         "5:283: 10.9.0.0/28 is nowhere in the network; give one in the LAN of another site, or in "
         "the pool\n"
         "5:314: 10.200.0.0/27 is in the mapped prefix of this site itself; give one in the LAN of "
         "another site, or in the pool\n"},
        {8, NETWORK(SHUT "[\"fd77:1::1000/118\"]"), ""},
        {9, NETWORK(SHUT "[\"fd77:1::1000/118\", 192.168.1.192/32]"),
         "5:183: site \"s\" has more than 1024 virtual addresses; give longer prefixes\n"},
        {10, NETWORK("virtual: 192.168.1.192/27"),
         "5:88: virtual addresses are only needed where the gateway is `untouchable`; remove "
         "`virtual:`, or make the gateway `untouchable`\n"},
        {11, NETWORK("gateway: self, virtual: 192.168.1.192/27"),
         "5:103: virtual addresses are only needed where the gateway is `untouchable` [5:88]; "
         "remove `virtual:`, or make the gateway `untouchable`\n"},
        {12, NETWORK(SHUT "192.168.1.192/30"),
         "5:162: site \"s\" has no virtual address left for \"z\", \"t-node\", \"u-node\" and 2 "
         "others: its devices cannot reach them; give `virtual:` more addresses, or name the "
         "machines that need one\n"},
        {13, NETWORK(SHUT "[192.168.1.192/29, 192.168.1.200/32]"), ""},
        {14, NETWORK(SHUT "192.168.1.192/29"),
         "5:162: site \"s\" has no virtual address left for \"e/laptop\": its devices cannot reach "
         "it; give `virtual:` more addresses, or name the machines that need one\n"},
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
                    is_ok != (office.findings.errors == 0))
                        fail_msg("mistake %d:\n%sexpected:\n%s", mistakes[i].number, findings,
                                 mistakes[i].findings);
                test_office_done(&office);
        }
}

/* A lock that was not copied along with the file. */
static void test_stale_lock(void **state WG_UNUSED)
{
        static const char yaml[] = NETWORK(SHUT "192.168.1.192/28");
        struct test_office office;
        char findings[1024];

        test_office_init(&office, yaml);
        for (uint32_t i = 0; i < office.lock.virtual_count; i++)
                office.lock.virtuals[i].is_retired |= !strcmp(office.lock.virtuals[i].name, "d");
        tl_model_done(&office.model);
        assert_false(
                tl_model_build(&office.model, &office.network, &office.lock, &office.findings));
        assert_string_equal(test_office_findings(&office, findings, sizeof(findings)),
                            "5:162: the lock file has no virtual address at \"s\" for \"d\"; run "
                            "`tieline check` where the file is edited, and copy the lock file "
                            "along with it\n");
        test_office_done(&office);
}

static void test_memory_runs_out(void **state WG_UNUSED)
{
        static const char yaml[] = NETWORK(SHUT "{192.168.1.240: d, 192.168.1.192/28: auto}");
        struct test_office office;
        bool has_failed = true;

        test_office_init(&office, yaml);
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

/* ---- lookups ---- */

enum { YAML_SIZE = 8192, BLOCKS = 12 };

/* Blocks and addresses of the site s, some of which stand for the same. */
static void random_network(struct test_env *t, char *out)
{
        FILE *file = test_memfile(out, YAML_SIZE);
        uint32_t next = 64;

        fprintf(file, "network: n\naddresses: 10.70.0.0/24\nhubs: {z: {endpoint: z.example}}\n"
                      "sites:\n  t: {lan: 192.168.2.0/24, devices: {d: 192.168.2.9}}\n"
                      "  s:\n    gateway: untouchable\n    lan: 192.168.1.0/24\n    virtual:\n"
                      "      192.168.1.2: d\n");
        for (int i = 0; i < BLOCKS && next < 224; i++) {
                uint32_t bits = test_env_below(t, 5), size = 1u << bits;
                uint32_t there = test_env_below(t, 64) & ~(size - 1);

                next = (next + size - 1) & ~(size - 1);
                fprintf(file, "      192.168.1.%u/%u: 192.168.2.%u/%u\n", next, 32 - bits, there,
                        32 - bits);
                next += size;
        }
        fprintf(file, "  u: {lan: 192.168.3.0/24}\n"); /* a LAN behind that of s */
        fclose(file);
}

static void check_twin(const struct tl_model *model)
{
        for (uint32_t lan = 0; lan < model->lan_count; lan++)
                for (unsigned int i = 0; i < 256; i++) {
                        const struct wg_prefix there = {{WG_FAMILY_IPV4, {192, 168, 2, (uint8_t)i}},
                                                        32};
                        const struct wg_ip here = {WG_FAMILY_IPV4, {192, 168, 1, (uint8_t)i}};
                        const struct tl_stand_in *found = tl_model_find_stand_in(model, lan,
                                                                                 &there);
                        int longest = -1;
                        bool is_here = false;

                        for (uint32_t k = 0; k < model->stand_in_count; k++) {
                                const struct tl_stand_in *item = &model->stand_ins[k];

                                if (item->lan != lan)
                                        continue;
                                if (wg_prefix_covers(&item->there, &there))
                                        longest = WG_MAX(longest, (int)item->there.cidr);
                                if (!wg_prefix_contains(&item->here, &here))
                                        continue;
                                is_here = true;
                                assert_ptr_equal(tl_model_find_here(model, lan, &here), item);
                        }
                        assert_int_equal(found ? found->there.cidr : -1, longest);
                        assert_true(!found ||
                                    (found->lan == lan && wg_prefix_covers(&found->there, &there)));
                        if (!is_here)
                                assert_null(tl_model_find_here(model, lan, &here));
                }
}

static void test_twin(void **state WG_UNUSED)
{
        struct test_env t;
        char yaml[YAML_SIZE];

        test_env_init(&t, test_seed("standins"));
        for (int round = 0; round < 300; round++) {
                struct test_office office;

                random_network(&t, yaml);
                test_office_init(&office, yaml);
                check_twin(&office.model);
                test_office_done(&office);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rows),       cmocka_unit_test(test_mistakes),
                cmocka_unit_test(test_stale_lock), cmocka_unit_test(test_memory_runs_out),
                cmocka_unit_test(test_twin),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
