/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/present.h"

#include <stdio.h>
#include <string.h>

#include "conf/address.h"
#include "test/lib/cmocka.h"
#include "test/lib/ip.h"
#include "test/lib/office.h"

enum { HUB = 0, NODE_A = 1, LAPTOP = 3, MAX = 8 };

struct made {
        struct tl_local local;
        struct tl_local_net nets[MAX];
        struct tl_local_route route;
        char text[512];
};

/* A machine in words: "eth0=192.168.200.7/24 wlan0=10.0.0.2/8". eth0 is the uplink. */
static void make(struct made *made, const char *text)
{
        char *rest = NULL;

        *made = (struct made){.route = {.prefix = test_prefix("0.0.0.0/0"), .link = "eth0"}};
        made->local.nets = made->nets;
        made->local.routes = &made->route;
        made->local.route_count = 1;
        snprintf(made->text, sizeof(made->text), "%s", text);
        for (char *word = strtok_r(made->text, " ", &rest); word;
             word = strtok_r(NULL, " ", &rest)) {
                struct tl_local_net *net = &made->nets[made->local.net_count++];
                char *address = strchr(word, '=');
                struct wg_prefix prefix;

                assert_non_null(address);
                *address++ = '\0';
                prefix = test_prefix(address);
                snprintf(net->link, sizeof(net->link), "%s", word);
                net->ip = prefix.ip;
                net->cidr = prefix.cidr;
        }
}

static const struct {
        uint32_t node;
        const char *machine, *present; /* in any order */
} cases[] = {
        {LAPTOP, "", ""},
        {LAPTOP, "lo=127.0.0.1/8 lo=::1/128 eth0=fe80::1/64 acme=10.70.0.4/32", ""},
        {LAPTOP, "eth0=192.168.1.7/24 eth0=2001:db8::7/64", "192.168.1.0/24 2001:db8::/64"},
        {LAPTOP, "wg0=192.168.200.7/32 wg0=2001:db8::7/128 ppp0=192.168.200.7/31",
         "192.168.200.6/31"},
        {LAPTOP, "eth0=192.168.201.7/24 docker0=172.17.0.1/16", "192.168.201.0/24 172.17.0.0/16"},
        {LAPTOP, "eth0=192.168.0.7/16", "192.168.0.0/16"},
        {NODE_A, "eth0=192.168.201.2/24 br0=192.168.200.1/24", "192.168.200.0/24"},
        {NODE_A, "eth0=192.168.201.2/25", ""},
        {NODE_A, "eth0=192.168.0.2/16", ""},
        /* a second link with the LAN's prefix is not the LAN */
        {NODE_A, "eth1=192.168.201.1/24 eth0=192.168.201.2/24", "192.168.201.0/24"},
        {HUB, "eth0=203.0.113.10/24 eth1=10.0.0.1/8", "203.0.113.0/24 10.0.0.0/8"},
};

static void expect_present(const struct tl_model *model, uint32_t node, const char *wanted,
                           size_t number)
{
        char text[TL_ADDRESS_PREFIX_SIZE], copy[256], *rest = NULL;
        uint32_t count = 0;

        for (uint32_t i = 0; i < model->presence_count; i++) {
                const struct tl_presence *presence = &model->presences[i];

                assert_int_equal(presence->node, node);
                assert_false(presence->is_declared);
                tl_address_format_prefix(text, &presence->prefix);
                if (!strstr(wanted, text))
                        fail_msg("case %zu: %s", number, text);
        }
        snprintf(copy, sizeof(copy), "%s", wanted);
        for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
                count++;
        assert_int_equal(model->presence_count, count);
}

/* The machine moves from one case to the next; nothing of the earlier one is left. */
static void test_cases(void **state WG_UNUSED)
{
        struct test_office office;
        struct made made;

        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                test_office_init(&office, TEST_OFFICE_SAMPLE);
                make(&made, "eth0=10.1.2.3/24 eth1=10.2.2.3/24");
                assert_true(tl_present_add(&office.model, cases[i].node, &made.local));
                make(&made, cases[i].machine);
                for (int turn = 0; turn < 2; turn++) {
                        assert_true(tl_present_add(&office.model, cases[i].node, &made.local));
                        expect_present(&office.model, cases[i].node, cases[i].present, i);
                }
                test_office_done(&office);
        }
}

/* What the file declares stays, and so do other nodes' networks. */
static void test_keeps_others(void **state WG_UNUSED)
{
        const struct tl_presence declared = {LAPTOP, test_prefix("10.9.0.0/16"), true, {1, 1}};
        const struct tl_presence other = {NODE_A, test_prefix("10.8.0.0/16"), false, {0, 0}};
        const struct wg_prefix prefix = test_prefix("192.168.200.0/25");
        struct test_office office;
        struct made made;

        test_office_init(&office, TEST_OFFICE_SAMPLE);
        assert_true(tl_model_add_presence(&office.model, &declared));
        assert_true(tl_model_add_presence(&office.model, &other));
        make(&made, "eth0=192.168.200.7/24");
        assert_true(tl_present_add(&office.model, LAPTOP, &made.local));
        assert_non_null(tl_model_find_presence(&office.model, LAPTOP, &prefix));
        assert_null(tl_model_find_presence(&office.model, NODE_A, &prefix));
        make(&made, "eth0=192.168.7.7/24");
        assert_true(tl_present_add(&office.model, LAPTOP, &made.local));
        assert_null(tl_model_find_presence(&office.model, LAPTOP, &prefix));
        assert_non_null(tl_model_find_presence(&office.model, LAPTOP, &declared.prefix));
        assert_non_null(tl_model_find_presence(&office.model, NODE_A, &other.prefix));
        assert_int_equal(office.model.presence_count, 3);
        test_office_done(&office);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_cases),
                cmocka_unit_test(test_keeps_others),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
