/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * How many rules there are, and what they do to SYNs that a node forwards. */
#include "net/ruleset_mss.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/lib/cmocka.h"
#include "test/lib/forwarding.h"
#include "test/lib/office.h"

#define TUNNEL FORWARDING_TUNNEL
#define LAN FORWARDING_LAN

static void make(struct tl_nodeplan *plan, struct test_office *office, const char *name)
{
        struct tl_policy policy;

        assert_true(tl_policy_build(&policy, &office->model, &office->findings));
        assert_true(tl_nodeplan_make(plan, &office->model, &policy,
                                     test_office_node(&office->model, name), NULL,
                                     &office->findings));
        tl_policy_done(&policy);
}

/* Most paths of the hub are 1420, those to s2 1408, those to p/x 1360. The sites a1 and a3 are
 * public, and have a wider path to each other than through their hub. */
#define NETWORK(hub_mtu) \
        "network: acme\n" \
        "addresses: [10.70.0.0/24, \"fd70::/64\"]\n" \
        "hubs:\n" \
        "  z: {endpoint: z.example, key: " TEST_KEY_1 hub_mtu "}\n" \
        "sites:\n" \
        "  s1: {lan: [192.168.1.0/24, \"fd77:1::/64\"], node: a1, key: " TEST_KEY_2 \
        ", endpoint: a1.example}\n" \
        "  s2: {lan: [192.168.2.0/24, \"fd77:2::/64\"], node: a2, key: " TEST_KEY_3 \
        ", mtu: 1492}\n" \
        "  s3: {lan: 192.168.3.0/24, node: a3, key: " TEST_KEY_4 ", endpoint: a3.example}\n" \
        "people:\n" \
        "  p: {devices: {x: {key: " TEST_KEY_5 ", mtu: 1440, address: 10.70.0.9}}}\n"

/* ---- the number of rules and sets ---- */

static uint32_t count(const char *text, const char *word)
{
        uint32_t found = 0;

        for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
                found++;
        return found;
}

/* Each MTU costs a rule per direction and family, and a set per family, however many nodes have
 * it. */
static void test_size(void **unused)
{
        static const struct {
                const char *yaml, *node;
                uint32_t rules, sets;
        } cases[] = {
                {NETWORK(""), "a2", 8, 2}, /* its own link, and that of p/x */
                {NETWORK(""), "z", 12, 4},
                {NETWORK(", mtu: 1480"), "a1", 12, 6}, /* those that are wider than the hub */
                {NETWORK("") "  q: {devices: {x: {mtu: 1440}, y: {mtu: 1440}, z: {mtu: 1492}}}\n",
                 "z", 12, 4},
        };

        (void)unused;
        for (unsigned int i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                struct test_office office;
                struct tl_nodeplan plan;
                char *text = NULL;
                size_t size;
                FILE *out = open_memstream(&text, &size);

                assert_non_null(out);
                test_office_init(&office, cases[i].yaml);
                make(&plan, &office, cases[i].node);
                assert_true(tl_ruleset_mss_write(out, &plan, &office.model));
                assert_int_equal(fclose(out), 0);
                if (count(text, "maxseg") != cases[i].rules ||
                    count(text, "set ") != cases[i].sets + cases[i].rules)
                        fail_msg("case %u: %s", i, text);
                free(text);
                tl_nodeplan_done(&plan);
                test_office_done(&office);
        }
}

/* ---- packets ---- */

struct row {
        const char *node;
        enum forwarding_link in;
        const char *from, *to;
        uint16_t mss; /* of both the SYN and the SYN-ACK */
};

/* Hubs forward from the tunnel into the tunnel. */
static void check_packet(struct forwarding *m, const struct row *row, bool is_hub)
{
        const struct raw_packet_ends ends = {test_office_ip(row->from), test_office_ip(row->to),
                                             WG_PROTOCOL_TCP, 443};
        enum forwarding_link out = is_hub || row->in == LAN ? TUNNEL : LAN;
        uint8_t packet[RAW_PACKET_MOST], arrived[RAW_PACKET_MOST];
        char wanted[128], what[128];
        size_t len;

        m->serial++;
        snprintf(what, sizeof(what), "%s: %s -> %s", row->node, row->from, row->to);
        snprintf(wanted, sizeof(wanted), "%s %s -> %s", forwarding_names[out], row->from, row->to);
        len = raw_packet_write(packet, &ends, m->serial);
        (void)forwarding_pass(m, what, row->in, packet, len, wanted, arrived);
        if (raw_packet_mss(arrived) != row->mss)
                fail_msg("%s: MSS %u", what, raw_packet_mss(arrived));
        /* The other end has not seen that MSS, and gives its own. */
        len = raw_packet_reply(arrived, packet, len);
        snprintf(wanted, sizeof(wanted), "%s %s -> %s", forwarding_names[row->in], row->to,
                 row->from);
        (void)forwarding_pass(m, what, out, arrived, len, wanted, packet);
        if (raw_packet_mss(packet) != row->mss)
                fail_msg("%s: MSS %u in the reply", what, raw_packet_mss(packet));
}

static void check_packets(const char *yaml, const struct row *rows, size_t count)
{
        struct test_office office;
        struct forwarding m;

        forwarding_open(&m);
        test_office_init(&office, yaml);
        for (size_t i = 0; i < count; i++) {
                struct tl_nodeplan plan;

                make(&plan, &office, rows[i].node);
                forwarding_become(&office.model, &plan);
                check_packet(&m, &rows[i], strcmp(rows[i].node, "z") == 0);
                tl_nodeplan_done(&plan);
        }
        test_office_done(&office);
        forwarding_close(&m);
}

static void test_packets(void **unused)
{
        static const struct row wide_hub[] = {
                {"z", TUNNEL, "192.168.1.7", "192.168.3.7", 1380},
                {"z", TUNNEL, "192.168.1.7", "192.168.2.7", 1368},
                {"z", TUNNEL, "192.168.2.7", "192.168.1.7", 1368},
                {"z", TUNNEL, "192.168.2.7", "10.70.0.9", 1320}, /* two narrow ends */
                {"z", TUNNEL, "10.70.0.9", "10.200.1.7", 1320},
                {"z", TUNNEL, "fd77:1::7", "fd77:2::7", 1348},
                {"a1", LAN, "192.168.1.7", "192.168.3.7", 1380},
                {"a1", LAN, "192.168.1.7", "192.168.2.7", 1368},
                {"a1", TUNNEL, "10.70.0.9", "192.168.1.7", 1320},
                {"a1", LAN, "fd77:1::7", "fd77:2::7", 1348},
                {"a1", TUNNEL, "fd70::9", "fd77:1::7", 1300},
                {"a2", LAN, "192.168.2.7", "192.168.1.7", 1372} /* its own link */,
                {"a2", TUNNEL, "10.70.0.9", "192.168.2.7", 1320},
        };
        static const struct row narrow_hub[] = {
                {"a1", LAN, "192.168.1.7", "192.168.3.7", 1380}, /* not through the hub */
                {"a1", TUNNEL, "10.70.0.4", "192.168.1.7", 1380},
                {"a1", LAN, "192.168.1.7", "192.168.2.7", 1352},
                {"a1", LAN, "192.168.1.7", "10.70.0.1", 1352},
                {"a1", TUNNEL, "10.70.0.9", "192.168.1.7", 1320},
                {"a1", LAN, "fd77:1::7", "fd77:2::7", 1332},
        };

        (void)unused;
        check_packets(NETWORK(""), wide_hub, WG_ARRAY_SIZE(wide_hub));
        check_packets(NETWORK(", mtu: 1480"), narrow_hub, WG_ARRAY_SIZE(narrow_hub));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_size),
                cmocka_unit_test(test_packets),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
