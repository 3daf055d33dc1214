/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_lanprobe.c - node/lanprobe.h, on a LAN whose other end has addresses. */
#define _GNU_SOURCE /* unshare */
#include "node/lanprobe.h"

#include <string.h>

#include "conf/address.h"
#include "host/run.h"
#include "test/lib/cmocka.h"
#include "test/lib/netns.h"
#include "test/lib/office.h"

enum { NODE_A = 1, MANY = 200 }; /* of the sample; how many addresses are taken */

static struct tl_machine machine;
static struct tl_planned_proxy proxies[MANY + 2];

static struct wg_ip parse(const char *text)
{
        struct wg_ip ip;

        assert_true(tl_address_parse_ip((struct tl_text){text, strlen(text)}, &ip));
        return ip;
}

/* The plan takes 192.168.201.2 and the 199 addresses after it, and two of IPv6. */
static void begin(const struct test_office *office)
{
        tl_run_init();
        enter_netns();
        run("ip link add eth0 type veth peer name peer0 && ip link set eth0 up && "
            "ip link set peer0 address 52:54:00:12:34:56 up");
        machine.model = office->model;
        machine.node = NODE_A;
        for (uint8_t i = 0; i < MANY; i++)
                proxies[i] = (struct tl_planned_proxy){
                        .ip = {WG_FAMILY_IPV4, {192, 168, 201, (uint8_t)(2 + i)}}, .link = "eth0"};
        proxies[MANY] = (struct tl_planned_proxy){parse("2001:db8:201::a"), "eth0"};
        proxies[MANY + 1] = (struct tl_planned_proxy){parse("2001:db8:201::b"), "eth0"};
        machine.plan.proxies = proxies;
        machine.plan.proxy_count = MANY + 2;
}

static void expect_findings(const char *wanted)
{
        char text[4096] = "";
        FILE *out = fmemopen(text, sizeof(text), "w");

        assert_non_null(out);
        for (uint32_t i = 0; i < machine.findings.count; i++)
                fprintf(out, "%s: %s\n", tl_finding_level_name(machine.findings.items[i].level),
                        machine.findings.items[i].message);
        fclose(out);
        assert_string_equal(text, wanted);
        tl_findings_done(&machine.findings);
}

static void test_taking(void **state)
{
        struct test_office office;

        (void)state;
        test_office_init(&office, TEST_OFFICE_SAMPLE);
        begin(&office);
        run("ip addr add 192.168.201.55/32 dev peer0 && ip addr add 192.168.201.201/32 dev peer0 "
            "&& "
            "ip -6 addr add 2001:db8:201::b/128 dev peer0 nodad");
        assert_false(tl_lanprobe_run(&machine));
        expect_findings("error: 2001:db8:201::b is in use by 52:54:00:12:34:56 on eth0\n"
                        "error: 192.168.201.55 and 1 more address are in use by 52:54:00:12:34:56 "
                        "on eth0\n");

        /* What this machine answers for is not asked for. */
        run("for i in $(seq 2 201); do echo neigh add proxy 192.168.201.$i dev eth0 protocol 109; "
            "done | ip -batch -");
        run("ip neigh add proxy 2001:db8:201::a dev eth0 protocol 109 && "
            "ip neigh add proxy 2001:db8:201::b dev eth0 protocol 109");
        assert_true(tl_lanprobe_run(&machine));
        expect_findings("");
        /* What another program makes it answer for is. */
        run("ip neigh del proxy 2001:db8:201::b dev eth0 && "
            "ip neigh add proxy 2001:db8:201::b dev eth0 protocol static");
        assert_false(tl_lanprobe_run(&machine));
        expect_findings("error: 2001:db8:201::b is in use by 52:54:00:12:34:56 on eth0\n");
        test_office_done(&office);
}

static void test_links(void **state)
{
        struct test_office office;

        (void)state;
        test_office_init(&office, TEST_OFFICE_SAMPLE);
        begin(&office);
        machine.plan.proxy_count = 1;
        run("ip link set peer0 down");
        assert_false(tl_lanprobe_run(&machine));
        expect_findings("error: cannot find out whether another machine has 192.168.201.2: eth0: "
                        "the link is down, or has no carrier\n");
        proxies[0].link = "lo";
        assert_false(tl_lanprobe_run(&machine));
        expect_findings("error: cannot find out whether another machine has 192.168.201.2: lo: it "
                        "is not an Ethernet link\n");
        proxies[0].link = NULL; /* the plan has said so already */
        assert_true(tl_lanprobe_run(&machine));
        expect_findings("");
        test_office_done(&office);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_taking),
                cmocka_unit_test(test_links),
        };

        return cmocka_run_group_tests_name("lanprobe", tests, NULL, NULL);
}
