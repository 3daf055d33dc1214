/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#define _GNU_SOURCE /* unshare */
#include "host/nft.h"

#include <stdlib.h>
#include <string.h>

#include "host/run.h"
#include "test/lib/cmocka.h"
#include "test/lib/netns.h"

#define NAME "tieline-test"

/* Everything that the tables of nodes use. */
#define SETS(elements) \
        "  map class { type ipv4_addr : mark; flags interval; elements = { " elements " } }\n" \
        "  set allowed { type mark . ipv4_addr . inet_proto . inet_service; flags interval;\n" \
        "    elements = { 1 . 192.168.200.0/24 . tcp . 443, 2 . 10.70.0.2 . udp . 1-65535 } }\n"
#define TABLE(elements, more) \
        "table inet " NAME " {\n" SETS( \
                elements) "  chain forward { type filter hook forward priority filter; policy " \
                          "accept;\n" \
                          "    ct state established,related accept\n" \
                          "    iifname \"acme\" meta mark set ip saddr map @class\n" \
                          "    iifname \"acme\" meta mark . ip daddr . meta l4proto . th dport " \
                          "@allowed accept\n" \
                          "    oifname \"acme\" tcp flags syn tcp option maxseg size set rt " \
                          "mtu\n" more "    iifname \"acme\" counter packets 5 bytes 10 drop\n" \
                          "  }\n" \
                          "  chain out { type nat hook postrouting priority srcnat;\n" \
                          "    iifname \"acme\" oifname { \"eth0\", \"eth1\" } masquerade\n  }\n" \
                          "}\n"

static const char base[] = TABLE("10.70.0.2 : 1, 192.168.200.0/24 : 2", "");
static const char reordered[] = TABLE("192.168.200.0/24 : 2, 10.70.0.2 : 1", "");
static const char another_rule[] = TABLE("10.70.0.2 : 1, 192.168.200.0/24 : 2", "    drop\n");
static const char another_element[] = TABLE("10.70.0.3 : 1, 192.168.200.0/24 : 2", "");

static void begin(void)
{
        if (!tl_run_has("nft")) {
                fprintf(stderr, "SKIPPED: nft is not installed\n");
                skip();
        }
        enter_netns();
}

static void expect_running(const char *text)
{
        char *form, *wanted;

        assert_true(tl_nft_read(&form, NAME));
        if (!text) {
                assert_null(form);
                return;
        }
        assert_true(tl_nft_try(&wanted, text, NAME));
        assert_string_equal(form, wanted);
        free(form);
        free(wanted);
}

/* A table that was loaded equals its text, whatever the order of elements; and trying a text
 * changes nothing here. */
static void test_compare(void **state)
{
        static const struct {
                const char *text;
                bool is_same;
        } cases[] = {
                {base, true}, {reordered, true}, {another_rule, false}, {another_element, false}};
        char *form;

        (void)state;
        begin();
        expect_running(NULL);
        assert_true(tl_nft_try(&form, base, NAME));
        expect_running(NULL);
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                char *other;

                assert_true(tl_nft_try(&other, cases[i].text, NAME));
                assert_int_equal(strcmp(form, other) == 0, cases[i].is_same);
                free(other);
        }
        free(form);
}

static void test_replace(void **state)
{
        char *text;

        (void)state;
        begin();
        assert_true(tl_nft_replace(NAME, base));
        expect_running(base);
        expect_running(reordered);
        assert_true(tl_nft_replace(NAME, another_rule));
        expect_running(another_rule);
        /* A list can be loaded again. */
        text = tl_nft_list(NAME);
        assert_non_null(text);
        assert_true(tl_nft_replace(NAME, base));
        assert_true(tl_nft_replace(NAME, text));
        expect_running(another_rule);
        free(text);
        for (int turn = 0; turn < 2; turn++) {
                assert_true(tl_nft_replace(NAME, NULL));
                expect_running(NULL);
        }
}

/* A mistake changes nothing, nor does a failure in the kernel. */
static void test_mistakes(void **state)
{
        static const char *const wrong[] = {
                "table inet " NAME " { chain x { nonsense } }",
                "table inet " NAME " { chain x { type filter hook forward priority filter; "
                "masquerade\n } }",
                "",
        };
        char *form;

        (void)state;
        begin();
        assert_true(tl_nft_replace(NAME, base));
        for (size_t i = 0; i < WG_ARRAY_SIZE(wrong); i++) {
                assert_false(tl_nft_try(&form, wrong[i], NAME));
                if (wrong[i][0])
                        assert_false(tl_nft_replace(NAME, wrong[i]));
                expect_running(base);
        }
}

/* Whatever somebody does to the table is found, and what changes nothing is not. */
static void test_changes(void **state)
{
        static const struct {
                const char *commands;
                bool is_same;
        } cases[] = {
                {"reset counters", true},
                {"add element inet " NAME " class { 10.70.0.2 : 1 }", true},
                {"delete element inet " NAME " class { 10.70.0.2 };"
                 "add element inet " NAME " class { 10.70.0.2 : 1 }",
                 true},
                {"flush chain inet " NAME " out;"
                 "add rule inet " NAME " out iifname acme oifname { eth1, eth0 } masquerade",
                 true},
                {"add set inet " NAME " more { type mark; }; delete set inet " NAME " more", true},
                {"add element inet " NAME " class { 10.70.0.4 : 1 }", false},
                {"delete element inet " NAME " class { 10.70.0.2 }", false},
                {"delete element inet " NAME " class { 10.70.0.2 };"
                 "add element inet " NAME " class { 10.70.0.2 : 3 }",
                 false},
                {"delete element inet " NAME " class { 192.168.200.0/24 };"
                 "add element inet " NAME " class { 192.168.200.0/25 : 2 }",
                 false},
                {"flush map inet " NAME " class", false},
                {"add element inet " NAME " allowed { 1 . 192.168.201.0/24 . tcp . 443 }", false},
                {"delete element inet " NAME " allowed { 2 . 10.70.0.2 . udp . 1-65535 };"
                 "add element inet " NAME " allowed { 2 . 10.70.0.2 . udp . 1-65534 }",
                 false},
                {"add set inet " NAME " more { type mark; }", false},
                {"flush chain inet " NAME " forward", false},
                {"flush chain inet " NAME " out", false},
                {"flush chain inet " NAME " out;"
                 "add rule inet " NAME " out iifname acme oifname { eth0 } masquerade",
                 false},
                {"flush chain inet " NAME " out;"
                 "add rule inet " NAME " out iifname acme oifname { eth0, eth1 } masquerade random",
                 false},
                {"insert rule inet " NAME " forward drop", false},
                {"add rule inet " NAME " forward accept", false},
                {"add chain inet " NAME " forward { policy drop; }", false},
                {"add chain inet " NAME " more", false},
                {"add chain inet " NAME " more { type filter hook forward priority 1; }", false},
                {"delete chain inet " NAME " out", false},
                {"add counter inet " NAME " more", false},
                {"add table inet " NAME " { flags dormant; }", false},
        };
        char *wanted;

        (void)state;
        begin();
        assert_true(tl_nft_try(&wanted, base, NAME));
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                char *form;

                assert_true(tl_nft_replace(NAME, base));
                assert_true(tl_run_quietly("nft -f -", cases[i].commands));
                assert_true(tl_nft_read(&form, NAME));
                if ((strcmp(form, wanted) == 0) != cases[i].is_same)
                        fail_msg("case %zu, `%s': the form is\n%s", i, cases[i].commands, form);
                free(form);
        }
        free(wanted);
}

static void test_canonical(void **state)
{
        static const struct {
                const char *json, *form;
        } cases[] = {
                {"{\"nftables\": []}", ""},
                {"{\"nftables\": [{\"metainfo\": {\"version\": \"1\"}}]}", ""},
                {"{\"nftables\": [{\"table\": {\"name\": \"x\", \"handle\": 3}}]}",
                 "{\"table\":{\"name\":\"x\"}}\n"},
                {"{\"nftables\": [{\"set\": {\"elem\": [2, {\"prefix\": 1}, 1]}}]}",
                 "{\"set\":{\"elem\":[1,2,{\"prefix\":1}]}}\n"},
                {"{\"nftables\": [{\"rule\": {\"expr\": [{\"counter\": {\"packets\": 5}}]}}]}",
                 "{\"rule\":{\"expr\":[{\"counter\":{}}]}}\n"},
                {"{\"nftables\": {}}", NULL},
                {"{}", NULL},
                {"[", NULL},
                {"", NULL},
        };

        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                char *form = tl_nft_canonical(cases[i].json);

                if (cases[i].form)
                        assert_string_equal(form, cases[i].form);
                else
                        assert_null(form);
                free(form);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_compare),   cmocka_unit_test(test_replace),
                cmocka_unit_test(test_mistakes),  cmocka_unit_test(test_changes),
                cmocka_unit_test(test_canonical),
        };

        tl_run_init();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
