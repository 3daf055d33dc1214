/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * The table of a site's node in the kernel, with packets that it forwards. The node has two links,
 * both TUNs: the tunnel and its LAN. Each row sends the first packet of a connection into one of
 * them and says what comes out of the other; the reply and an ICMP error must then arrive as if
 * nobody had translated anything. */
#include "net/ruleset_nat.h"

#include <stdio.h>
#include <string.h>

#include "test/lib/cmocka.h"
#include "test/lib/forwarding.h"
#include "test/lib/office.h"

#define TUNNEL FORWARDING_TUNNEL
#define LAN FORWARDING_LAN

enum { PACKET_MTU = 1300 };

static const uint8_t protocols[] = {WG_PROTOCOL_TCP, WG_PROTOCOL_UDP, WG_PROTOCOL_ICMP};

/* ---- connections ---- */

struct connection {
        const char *node;
        enum forwarding_link in;    /* where it begins */
        const char *from, *to;      /* there */
        const char *seen, *reached; /* at the other link */
};

static enum forwarding_link other(enum forwarding_link link)
{
        return link == FORWARDING_LAN ? FORWARDING_TUNNEL : FORWARDING_LAN;
}

/* Returns "LINK FROM -> TO". */
static const char *expect(char text[128], enum forwarding_link link, const char *from,
                          const char *to)
{
        snprintf(text, 128, "%s %s -> %s", forwarding_names[link], from, to);
        return text;
}

/* An error about the first packet must seem to come from a machine that the source knows, and quote
 * the packet as the source sent it. */
static void report_error(struct forwarding *m, const char *what, const struct connection *c,
                         const char *reporter, const char *seen, const uint8_t *first, size_t len)
{
        struct wg_ip ip = test_office_ip(reporter);
        uint8_t error[RAW_PACKET_MOST], out[RAW_PACKET_MOST];
        size_t error_len = raw_packet_too_big(error, &ip, first, len, PACKET_MTU);
        char wanted[128], quoted[128];
        const uint8_t *about;

        (void)forwarding_pass(m, what, other(c->in), error, error_len,
                              expect(wanted, c->in, seen, c->from), out);
        about = raw_packet_quoted(out);
        assert_non_null(about);
        if (strcmp(forwarding_describe(quoted, c->in, about),
                   expect(wanted, c->in, c->from, c->to)) != 0)
                fail_msg("%s: quotes %s", what, quoted);
}

/* Sends the first packet. Returns the length of what arrived, in first. */
static size_t begin(struct forwarding *m, const char *what, const struct connection *c,
                    uint8_t protocol, uint8_t first[RAW_PACKET_MOST])
{
        const struct raw_packet_ends ends = {test_office_ip(c->from), test_office_ip(c->to),
                                             protocol, protocol == WG_PROTOCOL_ICMP ? 0 : 443};
        uint8_t packet[RAW_PACKET_MOST];
        size_t len = raw_packet_write(packet, &ends, ++m->serial);
        char wanted[128];

        return forwarding_pass(m, what, c->in, packet, len,
                               expect(wanted, other(c->in), c->seen, c->reached), first);
}

static void connect_with(struct forwarding *m, const struct connection *c, uint8_t protocol)
{
        uint8_t packet[RAW_PACKET_MOST], first[RAW_PACKET_MOST], out[RAW_PACKET_MOST];
        size_t len, first_len;
        char what[160], wanted[128];

        snprintf(what, sizeof(what), "%s, %s: %s -> %s, protocol %u", c->node,
                 forwarding_names[c->in], c->from, c->to, protocol);
        first_len = begin(m, what, c, protocol, first);
        strcat(what, ", the error");
        report_error(m, what, c, c->reached, c->to, first, first_len);
        strcpy(strrchr(what, ','), ", the reply");
        len = raw_packet_reply(packet, first, first_len);
        (void)forwarding_pass(m, what, other(c->in), packet, len,
                              expect(wanted, c->in, c->to, c->from), out);
}

/* Errors that a router has sent, which is on the way to the destination. */
struct report {
        struct connection connection;
        const char *router, *seen; /* as the source sees it */
};

static void report_with(struct forwarding *m, const struct report *report, uint8_t protocol)
{
        const struct connection *c = &report->connection;
        uint8_t first[RAW_PACKET_MOST];
        char what[160];
        size_t len;

        snprintf(what, sizeof(what), "%s: router %s, protocol %u", c->node, report->router,
                 protocol);
        len = begin(m, what, c, protocol, first);
        report_error(m, what, c, report->router, report->seen, first, len);
}

/* ---- networks ---- */

struct office {
        struct test_office office;
        struct tl_policy policy;
        struct forwarding machine;
};

static void become(struct office *o, const char *node)
{
        struct tl_nodeplan plan;

        assert_true(tl_nodeplan_make(&plan, &o->office.model, &o->policy,
                                     test_office_node(&o->office.model, node), NULL,
                                     &o->office.findings));
        forwarding_become(&o->office.model, &plan);
        tl_nodeplan_done(&plan);
}

static void open_office(struct office *o, const char *yaml)
{
        forwarding_open(&o->machine);
        test_office_init(&o->office, yaml);
        assert_true(tl_policy_build(&o->policy, &o->office.model, &o->office.findings));
}

static void close_office(struct office *o)
{
        tl_policy_done(&o->policy);
        test_office_done(&o->office);
        forwarding_close(&o->machine);
}

static void check(const char *yaml, const struct connection *connections, size_t count)
{
        struct office o;

        open_office(&o, yaml);
        for (size_t i = 0; i < count; i++) {
                become(&o, connections[i].node);
                for (size_t k = 0; k < WG_ARRAY_SIZE(protocols); k++)
                        connect_with(&o.machine, &connections[i], protocols[k]);
        }
        close_office(&o);
}

#define HEAD \
        "network: acme\n" \
        "addresses: [10.70.0.0/24, \"fd70::/64\"]\n" \
        "hubs:\n" \
        "  z: {endpoint: z.example, key: " TEST_KEY_1 "}\n"

#define PEOPLE \
        "people:\n" \
        "  e: {devices: {laptop: {key: " TEST_KEY_6 ", address: 10.70.0.9}}}\n"

/* s1 and s2 have the same prefix; s3 has its own. */
#define OVERLAP(gateway) \
        HEAD "sites:\n" \
             "  s1: {lan: 192.168.1.0/24, node: {name: a, at: 192.168.1.2}, key: " TEST_KEY_2 \
             "}\n" \
             "  s2: {lan: 192.168.1.0/24, node: {name: c, at: 192.168.1.3}, key: " TEST_KEY_3 \
                     gateway "}\n" \
             "  s3: {lan: 192.168.3.0/24, node: {name: n, at: 192.168.3.2}, key: " TEST_KEY_4 \
             "}\n" PEOPLE

static void test_overlap(void **unused)
{
        static const struct connection connections[] = {
                /* Between the twins, and to the third. */
                {"a", LAN, "192.168.1.55", "10.200.1.244", "10.200.0.55", "10.200.1.244"},
                {"c", TUNNEL, "10.200.0.55", "10.200.1.244", "10.200.0.55", "192.168.1.244"},
                {"a", LAN, "192.168.1.55", "192.168.3.7", "10.200.0.55", "192.168.3.7"},
                {"n", TUNNEL, "10.200.0.55", "192.168.3.7", "10.200.0.55", "192.168.3.7"},
                {"n", LAN, "192.168.3.7", "10.200.1.255", "192.168.3.7", "10.200.1.255"},
                {"c", TUNNEL, "192.168.3.7", "10.200.1.244", "192.168.3.7", "192.168.1.244"},
                /* People, and the hub. */
                {"c", TUNNEL, "10.70.0.9", "10.200.1.1", "10.70.0.9", "192.168.1.1"},
                {"c", LAN, "192.168.1.244", "10.70.0.9", "10.200.1.244", "10.70.0.9"},
                {"c", TUNNEL, "10.70.0.1", "10.200.1.254", "10.70.0.1", "192.168.1.254"},
                /* A mapped prefix leads to its LAN even if nothing overlaps it. */
                {"n", TUNNEL, "10.70.0.9", "10.200.2.7", "10.70.0.9", "192.168.3.7"},
                {"n", TUNNEL, "10.200.1.244", "10.200.2.7", "10.200.1.244", "192.168.3.7"},
        };

        (void)unused;
        check(OVERLAP(""), connections, WG_ARRAY_SIZE(connections));
        check(OVERLAP("") "policy: [{from: all, to: all}]\n", connections,
              WG_ARRAY_SIZE(connections));
}

/* A router that the tunnel does not know is hidden behind the destination. */
static void test_routers(void **unused)
{
        static const struct report reports[] = {
                {{"c", TUNNEL, "10.200.0.55", "10.200.1.244", "10.200.0.55", "192.168.1.244"},
                 "192.168.1.1",
                 "10.200.1.244"},
                {{"n", TUNNEL, "10.70.0.9", "192.168.3.7", "10.70.0.9", "192.168.3.7"},
                 "192.168.3.1",
                 "192.168.3.1"},
                {{"a", LAN, "192.168.1.55", "10.70.0.9", "10.200.0.55", "10.70.0.9"},
                 "10.70.0.1",
                 "10.70.0.1"},
        };
        struct office o;

        (void)unused;
        open_office(&o, OVERLAP(""));
        for (size_t i = 0; i < WG_ARRAY_SIZE(reports); i++) {
                become(&o, reports[i].connection.node);
                for (size_t k = 0; k < WG_ARRAY_SIZE(protocols); k++)
                        report_with(&o.machine, &reports[i], protocols[k]);
        }
        close_office(&o);
}

/* SNAT in the same LAN. */
static void test_overlap_untouchable(void **unused)
{
        static const struct connection connections[] = {
                {"c", TUNNEL, "10.200.0.55", "10.200.1.244", "192.168.1.3", "192.168.1.244"},
                {"c", TUNNEL, "192.168.3.7", "10.200.1.244", "192.168.1.3", "192.168.1.244"},
                {"c", TUNNEL, "10.70.0.9", "10.200.1.244", "192.168.1.3", "192.168.1.244"},
                {"c", LAN, "192.168.1.244", "10.70.0.9", "10.200.1.244", "10.70.0.9"},
        };

        (void)unused;
        check(OVERLAP(", gateway: untouchable"), connections, WG_ARRAY_SIZE(connections));
        check(OVERLAP(", gateway: untouchable") "policy: [{from: all, to: all}]\n", connections,
              WG_ARRAY_SIZE(connections));
}

/* Addresses of untouchable LANs that stand for others: in LANs of either kind, for a machine in a
 * LAN of either kind, a device, and a part of a LAN; and in IPv6. */
#define STAND_INS \
        HEAD "sites:\n" \
             "  s1: {lan: 192.168.1.0/24, node: {name: a, at: 192.168.1.2}, key: " TEST_KEY_2 \
             ", devices: {d1: 192.168.1.99}, gateway: untouchable, virtual: " \
             "{192.168.1.240: d2, 192.168.1.241: d3, 192.168.1.242: e/laptop, " \
             "192.168.1.248/30: 192.168.3.4/30}}\n" \
             "  s2: {lan: 192.168.1.0/24, node: {name: c, at: 192.168.1.3}, key: " TEST_KEY_3 \
             ", devices: {d2: 192.168.1.99}}\n" \
             "  s3: {lan: [192.168.3.0/24, \"fd77:3::/64\"], key: " TEST_KEY_4 \
             ", node: {name: n, at: [192.168.3.2, \"fd77:3::2\"]}, gateway: untouchable, " \
             "devices: {d3: 192.168.3.99}, virtual: {192.168.3.240: d1, " \
             "\"fd77:3::f0\": d4, \"fd77:3::100/120\": \"fd77:4::100/120\", 192.168.3.241: z}}\n" \
             "  s4: {lan: \"fd77:4::/64\", key: " TEST_KEY_5 \
             ", node: {name: m, at: \"fd77:4::2\"}, devices: {d4: \"fd77:4::99\"}}\n" PEOPLE

static void test_stand_ins(void **unused)
{
        static const struct connection connections[] = {
                {"a", LAN, "192.168.1.55", "192.168.1.240", "10.200.0.55", "10.200.1.99"},
                {"a", LAN, "192.168.1.55", "192.168.1.241", "10.200.0.55", "192.168.3.99"},
                {"a", LAN, "192.168.1.55", "192.168.1.242", "10.200.0.55", "10.70.0.9"},
                {"a", LAN, "192.168.1.55", "192.168.1.248", "10.200.0.55", "192.168.3.4"},
                {"a", LAN, "192.168.1.55", "192.168.1.251", "10.200.0.55", "192.168.3.7"},
                {"n", LAN, "192.168.3.55", "192.168.3.240", "192.168.3.55", "10.200.0.99"},
                {"n", LAN, "192.168.3.55", "192.168.3.241", "192.168.3.55", "10.70.0.1"},
                {"n", LAN, "fd77:3::55", "fd77:3::f0", "fd77:3::55", "fd77:4::99"},
                {"n", LAN, "fd77:3::55", "fd77:3::100", "fd77:3::55", "fd77:4::100"},
                {"n", LAN, "fd77:3::55", "fd77:3::1ff", "fd77:3::55", "fd77:4::1ff"},
                /* Those that answer are in LANs of either kind, too. */
                {"c", TUNNEL, "10.200.0.55", "10.200.1.99", "10.200.0.55", "192.168.1.99"},
                {"a", TUNNEL, "192.168.3.55", "10.200.0.99", "192.168.1.2", "192.168.1.99"},
                {"m", TUNNEL, "fd77:3::55", "fd77:4::99", "fd77:3::55", "fd77:4::99"},
        };

        (void)unused;
        check(STAND_INS, connections, WG_ARRAY_SIZE(connections));
        check(STAND_INS "policy: [{from: all, to: all}]\n", connections,
              WG_ARRAY_SIZE(connections));
}

/* The home of e has the prefix of s3. */
#define HOME \
        HEAD "sites:\n" \
             "  s1: {lan: 192.168.1.0/24, node: {name: a, at: 192.168.1.2}, key: " TEST_KEY_2 \
             "}\n" \
             "  s3: {lan: 192.168.3.0/24, node: {name: n, at: 192.168.3.2}, key: " TEST_KEY_4 \
             "}\n" \
             "people:\n" \
             "  e: {devices: {laptop: {key: " TEST_KEY_6 ", address: 10.70.0.9, " \
             "lan: [192.168.3.128/25, 192.168.3.0/26]}}}\n" \
             "  f: {devices: {laptop: {key: " TEST_KEY_5 ", address: 10.70.0.10}}}\n"

static void test_home(void **unused)
{
        static const struct connection connections[] = {
                {"n", LAN, "192.168.3.7", "10.70.0.9", "10.200.1.7", "10.70.0.9"},
                {"n", LAN, "192.168.3.7", "10.70.0.10", "192.168.3.7", "10.70.0.10"},
                {"n", LAN, "192.168.3.7", "192.168.1.7", "192.168.3.7", "192.168.1.7"},
                {"a", LAN, "192.168.1.7", "10.70.0.9", "192.168.1.7", "10.70.0.9"},
                {"n", TUNNEL, "10.70.0.9", "10.200.1.7", "10.70.0.9", "192.168.3.7"},
                {"n", TUNNEL, "10.70.0.9", "192.168.3.7", "10.70.0.9", "192.168.3.7"},
        };

        (void)unused;
        check(HOME, connections, WG_ARRAY_SIZE(connections));
        check(HOME "policy: [{from: all, to: all}]\n", connections, WG_ARRAY_SIZE(connections));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_overlap),
                cmocka_unit_test(test_routers),
                cmocka_unit_test(test_overlap_untouchable),
                cmocka_unit_test(test_stand_ins),
                cmocka_unit_test(test_home),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
